"""Text: comparisons, substrings, patterns, lists."""

from __future__ import annotations

import pytest

from engine.engine_plans import Code, compute, rows_of, rows_where, text, text_list

WORDS = ["cat", "Cat", "", "dog", None, "grüße", "日本", "a\nb", "ca"]


@pytest.mark.parametrize("kernel", ["equal", "not_equal", "less", "greater_equal"])
def test_comparisons_by_bytes(kernel: str) -> None:
    code = Code({"x": text(WORDS)})
    code.add(
        kernel,
        code.column("x"),
        code.constant("cat", "text"),
        type={"element": "bool", "shape": [], "nullable": True},
    )
    compare = {
        "equal": lambda w: w == "cat",
        "not_equal": lambda w: w != "cat",
        "less": lambda w: w.encode() < b"cat",
        "greater_equal": lambda w: w.encode() >= b"cat",
    }[kernel]
    assert rows_of(compute(code)) == [None if w is None else compare(w) for w in WORDS]


@pytest.mark.parametrize("needle", ["", "a", "ca", "ße", "本", "\n", "long enough to be nowhere"])
def test_substrings(needle: str) -> None:
    code = Code({"x": text(WORDS)})
    code.add("contains_text", code.column("x"), code.constant(needle, "text"))
    assert rows_of(compute(code)) == [w is not None and needle in w for w in WORDS]


def test_a_constant_may_contain_a_column() -> None:
    code = Code({"x": text(["cat", "dog", None])})
    code.add("contains_text", code.constant("a cat", "text"), code.column("x"))
    assert rows_of(compute(code)) == [True, False, False]


LIKE = [
    ("cat", "cat", True), ("cat", "c%", True), ("cat", "*t", True), ("cat", "c?t", True),
    ("cat", "c?", False), ("cat", "%a%", True), ("cat", "%", True), ("", "%", True), ("", "?", False),
    ("", "", True), ("cat", "", False), ("grüße", "gr?ße", True), ("日本", "??", True),
    ("日本", "???", False), ("cat", "[a-c]at", True), ("cat", "[abx]at", False), ("bat", "[abx]at", True),
    ("[at", "[at", True), ("a%", "a\\%", True), ("ab", "a\\%", False), ("a_c", "a_c", True),
    ("abc", "a_c", False), ("a.c", "a.c", True), ("a\nb", "a%b", True), ("aaab", "%a%ab", True),
    ("mississippi", "m%iss%ip%i", True), ("mississippi", "m%iss%ipx%i", False), ("abcabd", "%ab?", True),
    ("aXbXc", "a?b?c", True), ("cat", "ca", False), ("ca", "ca?", False), ("x-y", "x[-]y", True),
    ("a]", "a]", True), ("ab", "a%b", True), ("aba", "ab%ba", False), ("CAT", "cat", False),
    ("\\", "\\", True), ("a", "[]a", False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "pattern", "expected"), LIKE)
def test_like(value: str, pattern: str, expected: bool) -> None:
    code = Code({"x": text([value])})
    code.add("like", code.column("x"), pattern=pattern, ignore_case=False)
    assert rows_of(compute(code)) == [expected]


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ("CAT", "c?t", True), ("GRÜN", "grün", True), ("Ωmega", "ω%", True), ("Ж", "[а-я]", True),
        ("cat", "[A-C]%", True), ("dog", "CAT", False),
    ],
)  # fmt: skip
def test_ilike(value: str, pattern: str, expected: bool) -> None:
    code = Code({"x": text([value])})
    code.add("like", code.column("x"), pattern=pattern, ignore_case=True)
    assert rows_of(compute(code)) == [expected]


def test_like_of_null_is_null_and_of_broken_utf8_is_defined() -> None:
    code = Code({"x": text([None, "a"])})
    code.add(
        "like",
        code.column("x"),
        pattern="?",
        ignore_case=False,
        type={"element": "bool", "shape": [], "nullable": True},
    )
    assert rows_of(compute(code)) == [None, True]


def test_lists_of_text_are_arrays() -> None:
    column = text_list([["red", "blue"], [], ["green"], ["red"]])
    code = Code({"x": column})
    x = code.column("x")
    code.add("any", code.add("equal", x, code.constant("red", "text"), shape=[None]))
    assert rows_where(code) == [0, 3]
    assert rows_where(code, partition=1) == [0, 3]
    code.add("any", code.add("like", x, shape=[None], pattern="%e%n", ignore_case=False))
    assert rows_where(code) == [2]
    code.add("in_set", x, shape=[None], values=["blue", "green"])
    assert rows_of(compute(code)) == [[False, True], [], [True], [False]]
    first = {"element": "text", "shape": [], "nullable": True}
    code.add("subscript", x, code.constant(0, "int64"), type=first, items=[{"index": True}])
    assert rows_of(compute(code)) == ["red", None, "green", "red"]
    flip = {"element": "text", "shape": [None]}
    code.add("subscript", x, code.constant(-1, "int64"), type=flip, items=[{"slice": [False, False, True]}])
    assert rows_of(compute(code)) == [["blue", "red"], [], ["green"], ["red"]]
    code.add("count", x, type="int64")
    assert rows_of(compute(code)) == [2, 0, 1, 1]
