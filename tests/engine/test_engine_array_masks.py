"""Conditions on arrays and texts that run as words of bits: against Python and NumPy, on every instruction
set."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine_plans import Code, rows_where, text, text_list
from engine.simd_levels import COMPARE, NARROWER_LEVELS, outermost, run_file_at
from tql._engine import Column

ROWS = [0, 1, 63, 64, 65, 200, 4097]
PARTITIONS = st.sampled_from([None, 7, 64, 100])
ELEMENTS = ["int8", "uint8", "int16", "int32", "int64", "uint64", "float32", "float64"]


def where(condition: Any) -> list[int]:
    return np.flatnonzero(np.array(condition, dtype=bool)).tolist()


def arrays_of(
    rng: np.random.Generator, element: str, rows: int, longest: int, *tail: int
) -> list[np.ndarray]:
    """Arrays of 0 to `longest` entries, floats with NaN and infinity among them."""
    lengths = rng.integers(0, longest + 1, rows)
    arrays = [rng.integers(0, 9, (n, *tail)).astype(element) for n in lengths]
    if element.startswith("float"):
        for array in arrays:
            array[rng.random(array.shape) < 0.2] = rng.choice([np.nan, np.inf, -np.inf])
    return arrays


def column_of(arrays: list[np.ndarray], element: str, rank: int, validity: Any = None) -> Column:
    offsets = np.cumsum([0, *(a.size for a in arrays)], dtype=np.int64)
    shapes = np.array([a.shape for a in arrays], dtype=np.int64).reshape(len(arrays), rank)
    values = np.concatenate([a.ravel() for a in arrays]) if arrays else np.zeros(0, element)
    return Column.ragged(values, offsets, shapes, validity)


def any_code(column: Column, kernel: str, value: Any, extent: int | None = None, index: int = 0) -> Code:
    """any(x <kernel> value), or any(x[:, ..., index] <kernel> value) where the last extent is known."""
    code = Code({"x": column})
    source = code.column("x")
    if extent is not None:
        code.instructions[source]["type"]["shape"][-1] = extent
        items: list[dict[str, Any]] = [{"slice": [False] * 3} for _ in range(column.rank - 1)]
        at = code.constant(index, "int64")
        shape = [None] * (column.rank - 1)
        source = code.add(
            "subscript", source, at, type=column.element, shape=shape, items=[*items, {"index": True}]
        )
    compared = code.add(kernel, source, code.constant(value, column.element), shape=[None])
    code.add("any", compared)
    return code


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("kernel", COMPARE)
def test_any_element_of_lists(element: str, kernel: str) -> None:
    for rows in ROWS:
        rng = np.random.default_rng(rows)
        arrays = arrays_of(rng, element, rows, 5)
        expected = where([COMPARE[kernel](a, np.array(3, element)).any() for a in arrays])
        assert rows_where(any_code(column_of(arrays, element, 1), kernel, 3)) == expected


@given(
    extent=st.sampled_from([1, 2, 3, 4, 5, 7, 8, 33, 64, 65]),
    rank=st.sampled_from([2, 3]),
    longest=st.sampled_from([1, 3, 40]),
    partition=PARTITIONS,
    data=st.data(),
)
def test_any_element_of_a_column_of_tables(
    extent: int, rank: int, longest: int, partition: int | None, data: st.DataObject
) -> None:
    index = data.draw(st.integers(-extent - 1, extent))  # the ends are out of range, which is NULL
    rows = data.draw(st.sampled_from([1, 64, 130]))
    rng = np.random.default_rng(extent)
    arrays = arrays_of(rng, "float32", rows, longest, *([2] * (rank - 2)), extent)
    valid = rng.random(rows) < 0.8
    inside = -extent <= index < extent
    expected = where([inside and v and (a[..., index] > 7).any() for a, v in zip(arrays, valid, strict=True)])
    code = any_code(column_of(arrays, "float32", rank, valid), "greater", 7, extent, index)
    assert rows_where(code, partition) == expected


def test_arrays_of_one_shape() -> None:
    values = np.random.default_rng(0).integers(0, 50, (300, 3, 4)).astype(np.int16)
    column = Column.dense(values)
    assert rows_where(any_code(column, "equal", 7)) == where((values == 7).any(axis=(1, 2)))
    expected = where((values[:, :, 1] == 7).any(axis=1))
    assert rows_where(any_code(column, "equal", 7, 4, 1)) == expected
    assert rows_where(any_code(Column.dense(np.zeros((5, 0), np.int32)), "equal", 0)) == []


def test_rows_of_very_different_length() -> None:
    """Rows that do not fit into one piece of bits, beside short and empty ones."""
    lengths = [3, 0, 70_000, 1, 200_000, 0, 65_536, 65_537, 2]
    rng = np.random.default_rng(1)
    arrays = [rng.integers(0, 2, (n, 3)).astype(np.int32) for n in lengths]
    for hit in range(len(arrays)):
        if lengths[hit] == 0:
            continue
        arrays[hit][-1, 2] = 9
        expected = where([(a[:, 2] == 9).any() for a in arrays])
        assert rows_where(any_code(column_of(arrays, "int32", 2), "equal", 9, 3, 2)) == expected
        arrays[hit][-1, 2] = 0
        arrays[hit][-1, 1] = 9
        assert rows_where(any_code(column_of(arrays, "int32", 2), "equal", 9, 3, 2)) == []
        arrays[hit][-1, 1] = 0


@pytest.mark.parametrize("extent", [1, 2, 3, 64, 65])
@pytest.mark.parametrize("kernel", ["less", "not_equal"])
def test_an_element_of_arrays_of_one_length(extent: int, kernel: str) -> None:
    """The constant on either side; an element that is not there is NULL."""
    rng = np.random.default_rng(extent)
    values = rng.integers(0, 5, (1000, extent)).astype(np.int64)
    valid = rng.random(1000) < 0.8
    for at in (0, extent - 1, -1, -extent, extent, -extent - 1):
        for swapped in (False, True):
            code = Code({"x": Column.dense(values, valid)})
            index = code.constant(at, "int64")
            source = code.add("subscript", code.column("x"), index, type="int64", items=[{"index": True}])
            sides = [source, code.constant(3, "int64")]
            code.add(kernel, *(sides[::-1] if swapped else sides))
            inside = -extent <= at < extent
            element = values[:, at if inside else 0]
            holds = COMPARE[kernel](3, element) if swapped else COMPARE[kernel](element, 3)
            for partition in (None, 100):
                assert rows_where(code, partition) == where(inside & valid & holds)


@given(partition=PARTITIONS, seed=st.integers(0, 3))
def test_conditions_on_arrays_go_with_others(partition: int | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = arrays_of(rng, "int32", 300, 4)
    valid = rng.random(300) < 0.7
    labels = rng.integers(0, 3, 300).astype(np.int32)
    code = Code({"x": column_of(arrays, "int32", 1, valid), "y": Column.dense(labels)})
    held = code.add("contains", code.column("x"), code.constant(5, "int32"))
    one = code.add("equal", code.column("y"), code.constant(1, "int32"))
    code.add("or", code.add("not", held), one)
    has = np.array([(a == 5).any() for a in arrays]) & valid
    assert rows_where(code, partition) == where(~has | (labels == 1))


WORDS = [
    "",
    "a",
    "ab",
    "aab",
    "car",
    "carriage",
    "cab",
    "a car",
    "\u212aelvin",
    "\xe9t\xe9",
    "wordless car park",
]


@given(wanted=st.sampled_from(WORDS), partition=PARTITIONS, seed=st.integers(0, 5))
def test_lists_that_contain_a_text(wanted: str, partition: int | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lists = [list(rng.choice(WORDS, n)) for n in rng.integers(0, 4, 200)]
    code = Code({"x": text_list(lists)})
    code.add("contains", code.column("x"), code.constant(wanted, "text"))
    assert rows_where(code, partition) == where([wanted in row for row in lists])


def texts_of(rng: np.random.Generator, rows: int, alphabet: str) -> list[str | None]:
    """Texts of a few letters, so that needles are found; now and then a long one, an empty one, NULL."""
    texts: list[str | None] = []
    for length in rng.integers(0, 12, rows):
        kind = rng.random()
        length = 300 if kind < 0.02 else length
        texts.append(None if kind > 0.95 else "".join(rng.choice(list(alphabet), length)))
    return texts


PARTS = ["a", "b", "ab", "ba", "aab", "abab", "abbab", "aabbaab", "abababababab"]


@given(
    shape=st.sampled_from(
        [
            "{}",
            "*{}*",
            "{}*",
            "*{}",
            "*{}*{}",
            "{}*{}",
            "*{}*{}*",
            "**{}",
            "*{}?*",
            "*",
            "?{}*",
            "*[ab]{}*{}",
            "{}?{}",
            "*?{}[ab]*",
            "??",
        ]
    ),
    parts=st.tuples(st.sampled_from(PARTS), st.sampled_from(PARTS)),
    partition=PARTITIONS,
    seed=st.integers(0, 5),
)
def test_patterns(shape: str, parts: tuple[str, str], partition: int | None, seed: int) -> None:
    pattern = shape.format(*parts)
    texts = texts_of(np.random.default_rng(seed), 300, "ab")
    code = Code({"x": text(texts)})
    code.add("like", code.column("x"), pattern=pattern, ignore_case=False)
    expected = re.compile(fnmatch.translate(pattern))
    assert rows_where(code, partition) == where([t is not None and expected.match(t) for t in texts])


@given(
    shape=st.sampled_from(["{}", "*{}*", "{}*", "*{}", "{}*{}", "*{}*{}*", "?{}*", "*{}?{}*"]),
    parts=st.tuples(*[st.sampled_from(["k", "i", "b", "KB", "ib-", "kik", "bi{[]k", "\xc9"])] * 2),
    alphabet=st.sampled_from(["kKiIbB-", "kKiIbB\u212a\xe9", "bBiI{[]\u212a\xe9\xc9"]),
    seed=st.integers(0, 5),
)
def test_patterns_that_ignore_the_case(shape: str, parts: tuple[str, str], alphabet: str, seed: int) -> None:
    """Beyond ASCII too: the Kelvin sign is a k, and brackets must not be taken for braces."""
    pattern = shape.format(*(part.replace("[", "\\[") for part in parts))
    texts = texts_of(np.random.default_rng(seed), 300, alphabet)
    lower = {0x212A: "k"}
    folded = [None if t is None else t.translate(lower).lower() for t in texts]
    expected = re.compile(
        "(?s:"
        + shape.replace("*", ".*").replace("?", ".").format(*(re.escape(part.lower()) for part in parts))
        + r")\Z"
    )
    code = Code({"x": text(texts)})
    code.add("like", code.column("x"), pattern=pattern, ignore_case=True)
    assert rows_where(code) == where([t is not None and expected.match(t) for t in folded])


@given(
    part=st.sampled_from([*PARTS, "", "*", "[a]", "a\\", "?"]), partition=PARTITIONS, seed=st.integers(0, 5)
)
def test_texts_that_contain_a_text(part: str, partition: int | None, seed: int) -> None:
    texts = texts_of(np.random.default_rng(seed), 200, "ab*[]\\?")
    code = Code({"x": text(texts)})
    code.add("contains_text", code.column("x"), code.constant(part, "text"))
    assert rows_where(code, partition) == where([t is not None and part in t for t in texts])


@pytest.mark.parametrize("kernel", ["equal", "not_equal", "less"])
def test_texts_compared_with_a_text(kernel: str) -> None:
    for rows in ROWS:
        texts = texts_of(np.random.default_rng(rows), rows, "ab")
        code = Code({"x": text(texts)})
        code.add(kernel, code.column("x"), code.constant("ab", "text"))
        expected = [t is not None and bool(COMPARE[kernel](t, "ab")) for t in texts]
        assert rows_where(code) == where(expected)


def test_a_needle_does_not_reach_into_the_next_row() -> None:
    texts: list[str | None] = ["wo", "rd", "word", "", "xwor", "dword", "wor", "d" * 200 + "word"]
    code = Code({"x": text(texts)})
    code.add("like", code.column("x"), pattern="*word*", ignore_case=False)
    assert rows_where(code) == [2, 5, 7]
    long = ["a" * 70_000 + "word", "a" * 70_000, "word" + "b" * 200_000, "wor"]
    code = Code({"x": text(long)})
    code.add("like", code.column("x"), pattern="*word*", ignore_case=False)
    assert rows_where(code) == [0, 2]


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("width", [np.int32, np.int64])
@pytest.mark.parametrize("wanted", ["car", "a car park", "exactly8"])
def test_rows_of_few_and_of_many_finds(share: float, width: type[np.signedinteger[Any]], wanted: str) -> None:
    """Runs of empty rows among the others; the texts beside the wanted one have its length, and its start."""
    rng = np.random.default_rng(round(share * 1e4))
    others = ["", "other", wanted[:-1] + "_", "_" + wanted[1:]]
    lists = []
    for _ in range(3000):
        size = 0 if rng.random() < 0.3 else int(rng.integers(0, 9))
        lists.append([wanted if rng.random() < share else others[rng.integers(0, 4)] for _ in range(size)])
    code = Code({"x": text_list(lists, width)})
    code.add("contains", code.column("x"), code.constant(wanted, "text"))
    for partition in (None, 100):
        assert rows_where(code, partition) == where([wanted in row for row in lists])

    texts: list[str | None] = ["-".join(row) for row in lists]
    code = Code({"x": text(texts, width)})
    code.add("contains_text", code.column("x"), code.constant(wanted, "text"))
    assert rows_where(code) == where([t is not None and wanted in t for t in texts])

    tables = np.where(rng.random((3000, 2, 3)) < share, 9, 1).astype(np.int16)
    assert rows_where(any_code(Column.dense(tables), "equal", 9)) == where((tables == 9).any(axis=(1, 2)))


@outermost
@pytest.mark.parametrize("level", NARROWER_LEVELS)
def test_narrower_instruction_sets(level: str) -> None:
    run_file_at(level, __file__)
