"""`from_numpy`: what becomes of arrays and lists, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError


@pytest.mark.parametrize(
    ("value", "type_", "first"),
    [
        (np.arange(3, dtype=np.int8), "int8", 0),
        (np.arange(6, dtype=np.uint16).reshape(3, 2), "uint16[2]", [0, 1]),
        (np.arange(6, dtype=">i4")[::-2], "int32", 5),
        (np.array([True, False, True]), "bool", True),
        ([1, 2.5, 3], "float64", 1.0),
        ([True, False, False], "bool", True),
        ([1, None, 3], "int64?", 1),
        (np.ma.masked_array([1.0, 2.0, 3.0], mask=[1, 0, 0]), "float64?", None),
        ([np.zeros(2), np.zeros(0), np.ones(1)], "float64[]", [0, 0]),
        ([np.zeros((n, 4), np.uint8) for n in (2, 1, 1)], "uint8[,4]", [[0] * 4] * 2),
        ([[1, 2], [], [3]], "int64[]", [1, 2]),
        ([np.zeros(1, np.int8), np.zeros(1, np.uint8), np.zeros(1, np.int8)], "int16[1]", [0]),
        (["a", "ü", ""], "text", "a"),
        (np.array(["a", "ü", ""]), "text", "a"),
        (["a", None, ""], "text?", "a"),
        ([["a"], [], ["b", "c"]], "text[]", ["a"]),
        ((np.zeros(2), np.zeros(2), np.zeros(2)), "float64[2]", [0, 0]),
    ],
)  # fmt: skip
def test_types(value: Any, type_: str, first: Any) -> None:
    ds = tql.from_numpy({"c": value})
    assert str(ds.schema.type_of("c")) == type_
    assert len(ds) == 3 and len(ds["c"]) == 3
    got = ds[0]["c"]
    assert (got.tolist() if isinstance(got, np.ndarray | np.generic) else got) == first


def test_contiguous_arrays_are_not_copied() -> None:
    array = np.arange(1000.0)
    column = tql.from_numpy({"c": array}).read("c", "values", 0, 1000)
    assert np.shares_memory(column.values, array)


def test_class_names_make_class_labels() -> None:
    ds = tql.from_numpy({"c": np.array([1, 0])}, class_names={"c": ["cat", "dog"]})
    assert str(ds.schema.type_of("c")) == "class_label"
    assert ds.schema.type_of("c").class_names == ("cat", "dog")


def test_datasets_in_memory_pickle() -> None:
    ds = tql.from_numpy({"a": [np.arange(2), np.arange(3)], "t": ["x", None], "l": [["p"], []]})
    copy = pickle.loads(pickle.dumps(ds))
    assert copy.schema == ds.schema and repr(list(copy)) == repr(list(ds))


def test_nothing_is_a_dataset_too() -> None:
    assert len(tql.from_numpy({})) == 0
    assert len(tql.from_numpy({"a": []})) == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, 2], "b": [1]}, "columns must have equally many rows: 'a' has 2, 'b' has 1"),
        ({"a": np.zeros(2, complex)}, "column 'a' has a dtype that has no counterpart: complex128\n"
            "  split it into two columns, real and imaginary part"),
        ({"a": np.zeros(2, "M8[s]")}, "column 'a' has a dtype that has no counterpart: datetime64[s]\n"
            "  convert it to numbers first, for example with .astype('int64')"),
        ({"a": np.array([b"x"])}, "column 'a' has a dtype that has no counterpart: |S1\n"
            "  decode it to str first, for example with np.char.decode"),
        ({"a": [1, "x"]}, "column 'a' mixes kinds: row 0 is a number, row 1 is a text\n"
            "  a column holds numbers, strings, arrays or lists of strings, not a mix"),
        ({"a": [{}]}, "column 'a' can't hold row 0, which is of type dict\n"
            "  a column holds numbers, strings, arrays or lists of strings, not a mix"),
        ({"a": [np.zeros(3), np.zeros((2, 2))]},
            "column 'a' needs rows of one rank: row 0 has rank 1, row 1 has 2"),
        ({"a": [np.zeros(1), [[1], [2, 3]]]},
            "column 'a': row 1 is no array: its parts have different lengths"),
        ({"a": [2**70]}, "column 'a' holds integers that do not fit into 64 bits"),
        ({"a": 5}, "column 'a' must be an array or list with one entry per row, got array(5)"),
        ({"a": np.ma.masked_array(np.zeros((2, 2)), mask=[[0, 0], [0, 1]])},
            "column 'a': a row is masked as a whole or not at all, not so row 1"),
        ({"": [1]}, "a column name must be a text that is not empty, got ''"),
    ],
)  # fmt: skip
def test_unusable_columns(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        tql.from_numpy(columns)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("class_names", "message"),
    [
        ({"lable": ["x"]}, "class names for a column that is not there: 'lable'\n  did you mean 'label'?"),
        ({"score": ["x"]}, "class names need a column of integers, 'score' is float64"),
        ({"label": "cat"}, "class names must be a list of texts, got 'cat' for column 'label'"),
    ],
)
def test_unusable_class_names(class_names: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        tql.from_numpy({"label": [0, 1], "score": [0.5, 1.0]}, class_names=class_names)
    assert str(caught.value) == message
