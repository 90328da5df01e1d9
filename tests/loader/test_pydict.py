"""Plain Python values in and out: every column type, NULL, and what is said about values that do not fit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tql
from tql import Type
from tql.errors import ArgumentError
from tql.types import ELEMENTS

LABELS = ("cat", "dog", "it's")
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def scalars(element: str) -> st.SearchStrategy[Any]:
    if element == "bool":
        return st.booleans()
    if element.startswith("float"):
        return st.floats(width=int(element[5:]), allow_nan=False)  # type: ignore[arg-type]
    if "int" in element:
        limits = np.iinfo(element)
        return st.integers(int(limits.min), int(limits.max))
    # A document null is NULL, so that it comes back as None wherever it stands alone.
    return {"text": st.text(), "bytes": st.binary(), "json": DOCUMENTS}[element]


@st.composite
def columns(draw: st.DrawFn) -> tuple[Type, list[Any]]:
    """A type and rows of it."""
    element = draw(st.sampled_from(ELEMENTS))
    textual = element in ("text", "bytes", "json")
    rank = draw(st.integers(0, 1 if textual else 3))
    shape = (None,) * rank if textual else tuple(draw(st.none() | st.integers(0, 3)) for _ in range(rank))
    nested = draw(st.booleans())
    extent = st.integers(0, 3)

    def array(axes: tuple[int | None, ...]) -> Any:
        if not axes:
            return draw(scalars(element))
        own = [draw(extent) if n is None else n for n in axes]
        return filled(own)

    def filled(extents: list[int]) -> Any:
        if not extents:
            return draw(scalars(element))
        return [filled(extents[1:]) for _ in range(extents[0])]

    def row() -> Any:
        if not nested:
            return array(shape)
        return [None if draw(st.booleans()) else array(shape) for _ in range(draw(extent))]

    rows = [None if draw(st.booleans()) else row() for _ in range(draw(st.integers(0, 4)))]
    sequence = nested + (textual and rank == 1)
    type_ = Type(element, (None, *shape) if nested else shape, False, None, sequence, nested)
    return type_, rows


@given(columns())
def test_values_come_back(column: tuple[Type, list[Any]]) -> None:
    type_, rows = column
    view = tql.from_pydict({"x": rows}, {"x": type_})
    back = view.to_pydict()["x"]
    assert back == rows
    assert [type(value) for value in back] == [type(value) for value in rows]
    nullable = None in rows
    assert view.schema.type_of("x") == Type.parse(str(type_) + ("?" if nullable else ""))
    again = tql.from_pydict(pickle.loads(pickle.dumps(view)).to_pydict(), view.schema)
    assert again.to_pydict() == view.to_pydict() and again.schema == view.schema


@given(columns())
def test_rows_can_be_picked(column: tuple[Type, list[Any]]) -> None:
    type_, rows = column
    view = tql.from_pydict({"x": rows}, {"x": type_})
    assert view[::-1].to_pydict()["x"] == rows[::-1]
    assert view[1:3].to_pydict()["x"] == rows[1:3]
    assert pickle.loads(pickle.dumps(view[::-2])).to_pydict()["x"] == rows[::-2]
    assert len(list(view)) == len(view["x"]) == len(rows)


@pytest.mark.parametrize(
    "values, text",
    [
        ([1, 2], "int64"),
        ([1, None], "int64?"),
        ([2**63, 1], "uint64"),
        ([1, 2.5], "float64"),
        ([True, False], "bool"),
        (["a", None], "text?"),
        ([b"a"], "bytes"),
        ([{"a": 1}, 5, "x"], "json"),
        ([[{"a": 1}], None], "json?"),
        ([[1, 2], [3, 4]], "int64[2]"),
        ([[1, 2], []], "int64[]"),
        ([[[1, 2]], []], "int64[,2]"),
        ([[1.5], [2]], "float64[1]"),
        ([["a"], []], "text[]"),
        ([[1, None], [2]], "int64?[]"),
        ([["a", None]], "text?[]"),
        ([[[1, 2], [3]], [[4]]], "int64[][]"),
        ([np.float32(1), np.float32(2)], "float32"),
        (np.arange(3, dtype=np.int8), "int8"),
        (np.zeros((2, 3, 4), np.uint8), "uint8[3,4]"),
        ([np.zeros((1, 4), np.float32), None, np.zeros((2, 4), np.float32)], "float32[,4]?"),
        ([[np.zeros((1, 4)), np.zeros((2, 4))], []], "float64[,4][]"),
        (np.ma.array([1, 2], mask=[True, False]), "int64?"),
        ((), "float64"),
        ([None], "float64?"),
        (range(3), "int64"),
    ],
)
def test_values_decide_a_type_that_is_not_given(values: Any, text: str) -> None:
    assert str(tql.from_pydict({"x": values}).schema.type_of("x")) == text


def test_class_labels_are_names_or_indices() -> None:
    ds = tql.from_pydict(
        {"x": ["dog", 0, None], "tags": [["cat", 1], [], ["it's"]]},
        {"x": tql.class_label(LABELS, "int8"), "tags": tql.class_label(LABELS, "uint32[]")},
    )
    assert ds.to_pydict() == {"x": [1, 0, None], "tags": [[0, 1], [], [2]]}
    assert ds.to_pydict(names=True) == {"x": ["dog", "cat", None], "tags": [["cat", "dog"], [], ["it's"]]}
    assert ds.schema.type_of("x") == Type("int8", nullable=True, class_names=LABELS)
    assert ds.query("select * where x = 'dog'").indices.tolist() == [0]


def test_a_text_column_may_have_an_index() -> None:
    ds = tql.from_pydict({"x": ["a b", None]}, {"x": tql.text(index="bm25")})
    assert (ds.schema["x"].index, ds.schema["x"].type) == ("bm25", Type("text", nullable=True))
    assert pickle.loads(pickle.dumps(ds)).schema == ds.schema
    with pytest.raises(ArgumentError, match="'inverted' or 'bm25', got 'bm26'"):
        tql.text(index="bm26")  # type: ignore[arg-type]


def test_documents_keep_numbers_order_and_letters() -> None:
    document = {"ü": 0.1 + 0.2, "b": 2**70, "a": [1, 1.0, None, True], "": {"z": "\u0000\U0001f600"}}
    (back,) = tql.from_pydict({"x": [document]}).to_pydict()["x"]
    assert back == document and list(back) == list(document)
    assert [type(item) for item in back["a"]] == [int, float, type(None), bool]
    numbers = {"a": np.float32(0.5), "b": np.arange(2)}
    assert tql.from_pydict({"x": [numbers]}).to_pydict()["x"] == [{"a": 0.5, "b": [0, 1]}]


def test_nothing_is_a_dataset_too() -> None:
    assert len(tql.from_pydict({})) == 0
    ds = tql.from_pydict({"a": [], "b": []}, {"a": "float32[2,3]", "b": "text?[]"})
    assert ds.to_pydict() == {"a": [], "b": []}
    assert ds["a"].shape == (0, 2, 3)


@pytest.mark.parametrize(
    "values, type_, message",
    [
        ([1, 300], "int8", "column 'x': row 1 is 300, which does not fit into int8 (-128 to 127)"),
        ([-1], "uint8", "column 'x': row 0 is -1, which does not fit into uint8 (0 to 255)"),
        ([np.array([1, 300])], "int8[]", "column 'x': row 0 is 300, which does not fit into int8"),
        ([np.array([np.nan])], "int8[]", "column 'x': row 0 is nan, which does not fit into int8"),
        ([1.5], "int8", "column 'x': row 0 is 1.5, which is no integer"),
        ([True], "int8", "column 'x': row 0 is True, which is no integer"),
        ([1], "bool", "column 'x': row 0 is 1, which is no bool"),
        ([0, "1"], "float32", "column 'x': row 1 is '1', which is no number"),
        ([1e300], "float32", "column 'x': row 0 is 1e+300, which does not fit into float32"),
        ([10**400], "float64", None),
        ([b"a"], "text", "column 'x': row 0 is b'a', which is no text"),
        (["a"], "bytes", "column 'x': row 0 is 'a', which is not bytes"),
        (["a", "\ud800"], "text", "column 'x': row 1 is '\\ud800', which is not valid Unicode"),
        ([None, [1, 2]], "int8", "column 'x': row 1 is [1, 2], which is no integer"),
        ([[1, 2], [3]], "int8[2]", "column 'x': row 1 is of shape [1], not [2]"),
        (
            [[[1], [2, 3]]],
            "int8[,]",
            "column 'x': row 0 is no array: its parts have different lengths, 1 and 2",
        ),
        ([[1], [[2]]], "int8[]", "column 'x': row 1 is an array of rank 2 or more, not 1"),
        ([3], "int8[]", "column 'x': row 0 is 3, which is no array"),
        ([3], "text[]", "column 'x': row 0 is 3, which is no list"),
        (
            [["a"], ["b", None]],
            "text[]",
            "column 'x': row 1 is a list with None in it, which needs the type 'text?[]'",
        ),
        ([[1, None]], "int8[]", None),
        (["horse"], tql.class_label(["cat", "house"]), "column 'x': row 0 is 'horse', which is no class"),
        ([2], tql.class_label(["cat", "dog"]), "column 'x': row 0 is 2, but there are 2 classes"),
        ([{"a": float("nan")}], "json", None),
        ([{1: 2}], "json", "column 'x': row 0 is {1: 2}, which is no JSON: a key is a text, not 1"),
        ([{"a": {1, 2}}], "json", "column 'x': row 0 is {'a': {1, 2}}, which is no JSON: there is no set"),
        ([1], "in64", "column 'x': no element type named 'in64'"),
        ([[["a"]]], "text[,]", "column 'x': an array of text has one axis, got text[,]"),
        ([1, "a"], None, None),
        ([1, [1]], None, None),
        ([object], None, None),
        ([2**64], None, "column 'x': row 0 is 18446744073709551616, which does not fit into 64 bits"),
        ("abc", None, "column 'x' must be a list with one value per row, got 'abc'"),
    ],
)
def test_what_does_not_fit_is_refused(values: Any, type_: Any, message: str | None) -> None:
    with pytest.raises(ArgumentError) as caught:
        tql.from_pydict({"x": values}, None if type_ is None else {"x": type_})
    if message is None:
        assert caught.value.message.startswith("column 'x': row ")
    else:
        assert caught.value.message == message


def test_queries_tell_null_from_an_empty_list() -> None:
    lists = [[1, None], [], None, [5]]
    ds = tql.from_pydict({"row": [0, 1, 2, 3], "nested": lists, "plain": [[1], [], None, [5]]})
    for view in (ds, ds[::-1][::-1], ds.query("select *, row + 1 as more")):
        for column in ("nested", "plain"):
            assert view.query(f"select row where {column} is null").to_pydict() == {"row": [2]}
            assert view.query(f"select row where shape({column})[0] = 0").to_pydict() == {"row": [1]}
    assert ds.query("select nested[0] as x").to_pydict() == {"x": [1, None, None, 5]}
    assert ds.query("select row where any(nested = 5)").to_pydict() == {"row": [3]}


def test_columns_and_schema_go_together() -> None:
    with pytest.raises(ArgumentError, match="equally many rows: 'a' has 1, 'b' has 2"):
        tql.from_pydict({"a": [1], "b": [1, 2]})
    with pytest.raises(ArgumentError, match="the schema has a column that is not there: 'lable'") as caught:
        tql.from_pydict({"label": [1]}, {"lable": "int8"})
    assert caught.value.candidates == ("label",)
    with pytest.raises(ArgumentError, match="two classes have one name: 'a'"):
        tql.class_label(["a", "b", "a"])
