"""JSON documents in the engine, against Python's json module."""

from __future__ import annotations

import json
import math
import operator
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import Code, compute, rows_of, text, text_list
from tql._engine import Column, EngineError

JSON = {"element": "json", "shape": [], "nullable": True}
JSONS = {"element": "json", "shape": [None], "nullable": True}
FLOAT = {"element": "float64", "shape": [], "nullable": True}
TEXT = {"element": "text", "shape": [], "nullable": True}
BOOL = {"element": "bool", "shape": [], "nullable": True}

DOCUMENTS = [
    '{"a": 1, "b": {"c": [10, 20, 30]}, "t": "x"}',
    ' {"a" : 2.5 ,"b":{"c":[]} } ',
    '{"a": null, "b.c": 7, "b": []}',
    '{"a": true, "a": "last"}',
    "[1, 2]",
    "null",
    None,
    '"text"',
    "3",
    '{"\\u0061": "\\u00e9\\ud83d\\ude00\\n\\"", "b": {"c": [[1, 2], {"d": 1}]}}',
]


def loads(document: str | None) -> Any:
    return None if document is None else json.loads(document)


def apply(kernel: str, documents: list[str | None], declared: dict[str, Any], **members: Any) -> list[Any]:
    code = Code({"d": text(documents)})
    code.add(kernel, code.column("d"), type=declared, **members)
    return rows_of(compute(code))


def get(documents: list[str | None], *steps: str | int | slice) -> list[Any]:
    code = Code({"d": text(documents)})
    args = [code.column("d")]
    items: list[dict[str, Any]] = []
    for step in steps:
        if isinstance(step, str):
            items.append({"key": step})
        elif isinstance(step, int):
            items.append({"index": True})
            args.append(code.constant(step, "int64"))
        else:
            bounds = (step.start, step.stop, step.step)
            items.append({"slice": [bound is not None for bound in bounds]})
            args += [code.constant(bound, "int64") for bound in bounds if bound is not None]
    code.add("json_get", *args, type=JSON, items=items)
    return [loads(row) for row in rows_of(compute(code))]


def walk(value: Any, *steps: Any) -> Any:
    for step in steps:
        try:
            if isinstance(value, (dict, list)) and isinstance(value, dict) == isinstance(step, str):
                value = value[step]
            else:
                return None
        except (KeyError, IndexError):
            return None
    return value


@pytest.mark.parametrize(
    "path",
    [
        ("a",), ("b",), ("b.c",), ("b", "c"), ("b", "c", 0), ("b", "c", -1), ("b", "c", 5), ("b", "c", -4),
        (0,), (-2,), ("missing",), ("a", "x"), ("t", 0), ("b", "c", slice(1, None)),
        ("b", "c", slice(None, None, -1)), ("b", "c", slice(-2, None, None), 0), ("b", "c", 1, "d"),
    ],
)  # fmt: skip
def test_paths(path: tuple[Any, ...]) -> None:
    assert get(DOCUMENTS, *path) == [walk(loads(d), *path) for d in DOCUMENTS]


def test_a_key_may_come_from_the_row_and_from_nowhere() -> None:
    code = Code({"d": text(['{"a": 1, "é": 2}'] * 3), "k": text(["é", "b", None])})
    args = code.column("d"), code.column("k")
    code.add("json_get", *args, type=JSON, items=[{"key_of": True}])
    assert rows_of(compute(code)) == ["2", None, None]


def test_an_index_may_come_from_the_row() -> None:
    code = Code({"d": text(["[1, 2]"] * 3), "i": Column.dense(np.array([1, -1, 2], np.int8))})
    code.add("json_get", code.column("d"), code.column("i"), type=JSON, items=[{"index": True}])
    assert rows_of(compute(code)) == ["2", "2", None]


def test_a_slice_without_a_step_is_refused_where_it_is_zero() -> None:
    with pytest.raises(EngineError, match="the step of a slice is zero"):
        get(["[1]"], slice(None, None, 0))


def test_constants_give_constants() -> None:
    code = Code({"x": Column.dense(np.arange(3))})
    document = code.constant('{"a": [5]}', "text")
    code.add("json_get", document, type=JSON, items=[{"key": "a"}])
    assert rows_of(compute(code)) == ["[5]"] * 3
    code.add("json_get", document, type=JSON, items=[{"key": "b"}])
    assert rows_of(compute(code)) == [None] * 3


BROKEN = [
    "", " ", "{", "}", "[", '{"a"}', '{"a":}', '{"a":1,}', "[1,]", "[,1]", "[1 2]", '{"a" 1}', "{a: 1}",
    "01", "1.", ".5", "1e", "+1", "-", "--1", "0x1", "nul", "nulll", "True", "'a'", '"', '"\\', '"\\x"',
    '"\\u12"',
    '"\\u12g4"', '"a\nb"', '"a" "b"', '{"a":1}}', "[1]]", "[}", '{"a":1]', "Infinit", "NaN1", "-NaN",
    '"\x00"',
]  # fmt: skip


@pytest.mark.parametrize("document", BROKEN)
def test_what_is_no_document_is_null(document: str) -> None:
    assert apply("json_number", [document], FLOAT) == [None]
    assert apply("json_elements", [document], JSONS) == [None]
    assert get([f'{{"a": 1, "b": {document}}}'], "a") == [None]


def test_bytes_that_are_no_utf8_are_no_document() -> None:
    for raw in (b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\xe2'):
        column = Column.text(np.array([0, len(raw)]), raw)
        code = Code({"d": column})
        code.add("json_text", code.column("d"), type=TEXT)
        assert rows_of(compute(code)) == [None]


def test_documents_may_be_512_deep() -> None:
    deep = "[" * 512 + "7" + "]" * 512
    assert get([deep], *[0] * 512) == [7]
    objects = '{"a":' * 512 + "7" + "}" * 512
    assert get([objects], *["a"] * 512) == [7]
    for deeper in (f"[{deep}]", f'{{"a": {objects}}}'):
        assert apply("json_elements", [deeper], JSONS) == [None]
    assert apply("json_canonical", [deep], TEXT) == [deep]


NUMBERS = [
    "0", "-0", "-0.0", "1", "1.0", "10E-1", "9007199254740993", "9007199254740993.0", "9223372036854775807",
    "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1e400",
    "-1e400", "1e-400", "-1e-400", "0e999999999999999999999", "1e99999999999999999999", "NaN", "Infinity",
    "-Infinity", "1E+2", "123456789.125", "true", "false", "0.000000001e308", "2.5e-324",
]  # fmt: skip


def test_numbers() -> None:
    got = apply("json_number", NUMBERS, FLOAT)
    np.testing.assert_array_equal(got, [float(json.loads(n)) for n in NUMBERS])
    assert math.copysign(1, got[16]) == -1


def test_numbers_and_texts_of_arrays() -> None:
    code = Code({"x": text_list([["1", "2.5"], [], ["1", '"a"'], ["null"]])})
    x = code.column("x")
    code.add("json_number", x, type={"element": "float64", "shape": [None], "nullable": True})
    assert rows_of(compute(code)) == [[1.0, 2.5], [], None, None]
    code = Code({"x": text_list([['"a"', '"\\n"'], ["1"], []])})
    code.add("json_text", code.column("x"), type={"element": "text", "shape": [None], "nullable": True})
    assert rows_of(compute(code)) == [["a", "\n"], None, []]


def test_texts() -> None:
    documents = ['"a"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00\\ud83d x"', '"\\/\\b\\f\\t\\r"', "1", "[]"]
    assert apply("json_text", documents, TEXT) == [
        "a", "\U0001f600", "\ufffd", "\ufffd\ufffd x", "/\b\f\t\r", None, None,
    ]  # fmt: skip


def test_truth() -> None:
    documents = [
        "true",
        "false",
        "0",
        "0.0",
        "2",
        "NaN",
        "null",
        "[]",
        "[1]",
        "[[false]]",
        None,
        "{",
        "[null]",
    ]
    wanted = [True, False, False, False, True, True, False, False, True, False, False, False, False]
    assert apply("json_truth", documents, {"element": "bool", "shape": []}) == wanted


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('"yes"', "needs a number or a bool, not text"),
        ("{}", "needs a number or a bool, not an object"),
        ("[1, 2]", "use ANY or ALL for an array of 2 elements"),
    ],
)
def test_what_is_no_condition(document: str, message: str) -> None:
    with pytest.raises(EngineError, match=message) as raised:
        apply("json_truth", [document], {"element": "bool", "shape": []})
    assert raised.value.args[0] == "type"
    assert raised.value.args[2] == 0


def test_elements_shape_keys_and_kind() -> None:
    documents = ["[1, [2], {}]", "[]", "5", '{"b": 1, "a": 2, "b": 3, "\\u0041": 4}', "null", '"t"', "true"]
    assert apply("json_elements", documents, JSONS) == [
        ["1", "[2]", "{}"], [], ["5"], [documents[3]], None, ['"t"'], ["true"],
    ]  # fmt: skip
    lengths = {"element": "int64", "shape": [None], "nullable": True}
    assert apply("json_shape", documents, lengths) == [[3], [0], [], [], None, [], []]
    names = {"element": "text", "shape": [None], "nullable": True}
    assert apply("json_keys", documents, names) == [None, None, None, ["A", "a", "b"], None, None, None]
    kinds = {"element": "int8", "shape": [], "nullable": True}
    assert apply("json_kind", documents, kinds) == [2, 2, 0, 2, None, 1, 2]


COMPARE = {
    "json_equal": operator.eq,
    "json_not_equal": operator.ne,
    "json_less": operator.lt,
    "json_less_equal": operator.le,
    "json_greater": operator.gt,
    "json_greater_equal": operator.ge,
}


def expected(kernel: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if numbers and (isinstance(left, float) or isinstance(right, float)):
        return bool(COMPARE[kernel](float(left), float(right)))
    texts = isinstance(left, str) and isinstance(right, str)
    if texts:
        return bool(COMPARE[kernel](left.encode(), right.encode()))
    if numbers or (kernel in ("json_equal", "json_not_equal") and type(left) is type(right)):
        return bool(COMPARE[kernel](left, right))
    return kernel == "json_not_equal"


VALUES = [
    None, 0, 1, -1, 1.0, True, False, "1", "", "a", "é", "\U0001f600", 2**53 + 1, float(2**53), 2**63 - 1,
    2**63, 2**64 - 1, float("nan"), float("inf"), [], [1], [1.0], [[True]], {}, {"a": 1, "b": [2]},
    {"b": [2.0], "a": 1}, {"a": 1}, ["1"],
]  # fmt: skip


@pytest.mark.parametrize("kernel", COMPARE)
def test_comparisons_of_all_kinds(kernel: str) -> None:
    pairs = [(x, y) for x in VALUES for y in VALUES]
    code = Code({"x": text([json.dumps(x) for x, _ in pairs]), "y": text([json.dumps(y) for _, y in pairs])})
    code.add(kernel, code.column("x"), code.column("y"), type=BOOL)
    assert rows_of(compute(code)) == [expected(kernel, x, y) for x, y in pairs]


def test_comparisons_with_constants_and_arrays() -> None:
    code = Code({"x": text_list([["1", "2", "null"], [], ['"2"', "2.0"]])})
    x = code.column("x")
    two = code.constant("2", "text")
    shape = {"element": "bool", "shape": [None]}
    code.add("json_equal", x, two, type=shape)
    assert rows_of(compute(code)) == [[False, True, False], [], [False, True]]
    code.add("json_not_equal", two, x, type=shape)
    assert rows_of(compute(code)) == [[True, False, False], [], [True, False]]
    code.add("json_less", x, code.constant("null", "text"), type=shape)
    assert rows_of(compute(code)) == [None, None, None]


def test_sets() -> None:
    values = [1, 2.5, True, "a", 2**64 - 1, -3, float(2**53)]
    documents = [
        json.dumps(v) for v in (1, 1.0, 2, 2.5, "a", "b", 2**64 - 1, -3, False, 2**53 + 1, [1], None)
    ]
    got = apply("json_in_set", documents, {"element": "bool", "shape": []}, values=values)
    assert got == [True, True, False, True, True, False, True, True, False, True, False, False]
    code = Code({"x": text_list([["1", '"a"', "7"], []])})
    code.add("json_in_set", code.column("x"), type={"element": "bool", "shape": [None]}, values=values)
    assert rows_of(compute(code)) == [[True, True, False], []]


def test_contains() -> None:
    cases = [
        ('"hello"', '"ell"', True), ('"a\\nb"', '"\\n"', True), ("[1, 2]", "2.0", True),
        ("[1]", '"1"', False),
        ('["x", "y"]', '"y"', True), ('["xy"]', '"y"', False), ("3", "3.0", True), ("3", "4", False),
        ('{"a": 1}', '{"a": 1.0}', True), ("[[1]]", "[1]", True), ("null", "null", False), ("{", "1", False),
        ("[null]", "null", False),
    ]  # fmt: skip
    code = Code({"x": text([c[0] for c in cases]), "y": text([c[1] for c in cases])})
    code.add("json_contains", code.column("x"), code.column("y"))
    assert rows_of(compute(code)) == [c[2] for c in cases]


@pytest.mark.parametrize(
    ("column", "element", "documents"),
    [
        (Column.dense(np.array([1, -2], np.int8)), "int8", [1, -2]),
        (Column.dense(np.array([2**64 - 1], np.uint64)), "uint64", [2**64 - 1]),
        (Column.dense(np.array([0.1, 1.0, 1e300, 5e-324])), "float64", [0.1, 1.0, 1e300, 5e-324]),
        (Column.dense(np.array([0.1], np.float32)), "float32", [float(np.float32(0.1))]),
        (Column.dense(np.array([0.5], np.float16)), "float16", [0.5]),
        (Column.dense(np.array([True, False])), "bool", [True, False]),
        (text(["a", 'é"\\\n\x01']), "text", ["a", 'é"\\\n\x01']),
    ],
)
def test_values_as_documents(column: Column, element: str, documents: list[Any]) -> None:
    code = Code({"x": column})
    code.add("json_of", code.column("x"), type={"element": "json", "shape": []})
    got = [json.loads(row) for row in rows_of(compute(code))]
    assert got == documents
    assert [type(g) for g in got] == [type(d) for d in documents]


def test_numbers_that_json_lacks_as_documents() -> None:
    code = Code({"x": Column.dense(np.array([np.nan, np.inf, -np.inf]))})
    code.add("json_of", code.column("x"), type={"element": "json", "shape": []})
    assert rows_of(compute(code)) == ["NaN", "Infinity", "-Infinity"]


def test_arguments_are_checked() -> None:
    code = Code({"d": text(["{}"])})
    d = code.column("d")
    code.add("json_get", d, type=JSON, items=[{"index": True}])
    with pytest.raises(EngineError, match="'items' do not go with the arguments"):
        compute(code)
    code = Code({"x": Column.dense(np.arange(2))})
    code.add("json_keys", code.column("x"), type=TEXT)
    with pytest.raises(EngineError, match="argument 0 may not be int64"):
        compute(code)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def paths(value: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = [()]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += [(key, *rest) for rest in paths(item)]
    return found


def same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@settings(max_examples=100, deadline=None)
@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_any_value_at_any_path(value: Any, ascii_only: bool, indent: int | None) -> None:
    document = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    for path in paths(value)[1:]:
        assert same(get([document], *path), [walk(value, *path)])


@settings(max_examples=100, deadline=None)
@given(values, values, st.sampled_from(sorted(COMPARE)))
def test_comparisons_of_any_values(left: Any, right: Any, kernel: str) -> None:
    code = Code({"x": text([json.dumps(left)]), "y": text([json.dumps(right, ensure_ascii=False)])})
    code.add(kernel, code.column("x"), code.column("y"), type=BOOL)
    [got] = rows_of(compute(code))
    if isinstance(left, (dict, list)) and type(left) is type(right):
        return
    assert got == expected(kernel, left, right)


@settings(max_examples=100, deadline=None)
@given(values, st.randoms(use_true_random=False))
def test_equal_values_are_spelled_alike(value: Any, rng: random.Random) -> None:
    def shuffled(item: Any) -> Any:
        if isinstance(item, dict):
            keys = list(item)
            rng.shuffle(keys)
            return {key: shuffled(item[key]) for key in keys}
        if isinstance(item, list):
            return [shuffled(entry) for entry in item]
        return float(item) if isinstance(item, int) and abs(item) < 2**53 else item

    spelled = apply("json_canonical", [json.dumps(value), json.dumps(shuffled(value), indent=1)], TEXT)
    assert spelled[0] == spelled[1]


def test_mutated_documents_are_valid_or_null() -> None:
    rng = random.Random(7)
    seed = b'{"a": [1, -2.5e3, {"b\\u00e9": "t\\n\xc3\xa9x"}], "c": {"d": null, "e": true}, "a": NaN}'
    rows = []
    for _ in range(4000):
        raw = bytearray(seed)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(raw))
            choice = rng.randrange(4)
            if choice == 0:
                raw[at] = rng.randrange(256)
            elif choice == 1:
                del raw[at]
            elif choice == 2:
                raw.insert(at, rng.choice(b'{}[]",:\\u0e-.nul'))
            else:
                del raw[at:]
                raw += b"]"
        rows.append(bytes(raw))
    offsets = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    code = Code({"d": Column.text(offsets, b"".join(rows))})
    d = code.column("d")
    path = code.add(
        "json_get", d, code.constant(2, "int64"), type=JSON, items=[{"key": "a"}, {"index": True}]
    )
    code.add("json_equal", path, d, type=BOOL)
    compute(code)
    code.add("json_keys", d, type={"element": "text", "shape": [None], "nullable": True})
    keys = rows_of(compute(code))
    for row, found in zip(rows, keys, strict=True):
        try:
            value = json.loads(row.decode())
        except ValueError:
            assert found is None, row
            continue
        assert found == (sorted(value, key=str.encode) if isinstance(value, dict) else None), row
