"""Columns: layouts, checks on construction, slices, gathers, concatenation, lifetime."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from engine.engine_plans import nested, ragged, rows_of, text, text_list
from tql._engine import Column

DTYPES = ["bool", *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64))]
DTYPES += ["float16", "float32", "float64"]


def examples() -> dict[str, tuple[Column, list[object]]]:
    images = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    return {
        "scalars": (Column.dense(np.array([1.5, 2.5, 3.5, 4.5])), [1.5, 2.5, 3.5, 4.5]),
        "dense": (Column.dense(images), images.tolist()),
        "nullable": (Column.dense(np.arange(4), np.array([1, 0, 1, 0], bool)), [0, None, 2, None]),
        "ragged": (ragged([[1, 2], [], [3], [4, 5, 6]], "int32", 1), [[1, 2], [], [3], [4, 5, 6]]),
        "boxes": (
            ragged([[[1, 2]], [], [[3, 4], [5, 6]], [[7, 8]]], "float32", 2),
            [[[1.0, 2.0]], [], [[3.0, 4.0], [5.0, 6.0]], [[7.0, 8.0]]],
        ),
        "text": (text(["a", None, "", "grün"]), ["a", None, "", "grün"]),
        "text_list": (text_list([["a", "bc"], [], [""], ["d"]]), [["a", "bc"], [], [""], ["d"]]),
        "list of text": (nested(text(["a", None, "b"]), [1, 0, 2, 0]), [["a"], [], [None, "b"], []]),
        "list of arrays": (
            nested(ragged([[1, 2], [], [3]], "int32", 1), [2, 0, 1, 0], [1, 1, 1, 0]),
            [[[1, 2], []], [], [[3]], None],
        ),
        "list of lists": (
            nested(nested(Column.dense(np.arange(3.0)), [2, 0, 1]), [0, 1, 0, 2]),
            [[], [[0.0, 1.0]], [], [[], [2.0]]],
        ),
    }


@pytest.mark.parametrize("name", examples())
def test_rows_survive_slice_take_and_concat(name: str) -> None:
    column, rows = examples()[name]
    assert rows_of(column) == rows
    assert rows_of(column.slice(1, 3)) == rows[1:3]
    assert rows_of(column.slice(2, 2)) == []
    assert rows_of(column.take(np.array([3, 0, 0, 2]))) == [rows[3], rows[0], rows[0], rows[2]]
    assert rows_of(column.take(np.array([], dtype=np.int64))) == []
    assert (
        rows_of(Column.concat([column.slice(2, 4), column, column.slice(1, 2)]))
        == rows[2:] + rows + rows[1:2]
    )
    assert rows_of(column.slice(1, 4).slice(1, 3).take(np.array([1]))) == [rows[3]]


def test_a_list_column_says_what_it_is_made_of() -> None:
    column = nested(Column.dense(np.arange(6).reshape(3, 2)), [2, 0, 1])
    assert (column.layout, column.rank, column.element, len(column)) == ("list", 2, "int64", 3)
    assert column.shapes.tolist() == [[2], [0], [1]]
    assert column.items is not None and column.items.values.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert Column.dense(np.zeros(1)).items is None
    assert column.nbytes == 6 * 8 + 4 * 8
    assert column.slice(1, 3).nbytes == 2 * 8 + 3 * 8
    with pytest.raises(ValueError, match="items"):
        _ = column.values


def test_lists_of_dense_items_of_different_shape_go_together() -> None:
    left = nested(Column.dense(np.zeros((2, 3), np.int8)), [2, 0])
    right = nested(Column.dense(np.ones((1, 1), np.int8)), [0, 1])
    assert rows_of(Column.concat([left, right])) == [[[0, 0, 0], [0, 0, 0]], [], [], [[1]]]
    empty = nested(text([]), [0])
    full = nested(text(["a"]), [1])
    assert rows_of(Column.concat([empty, full, empty])) == [[], ["a"], []]


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_are_the_same_memory(dtype: str) -> None:
    values = np.ones(5, dtype)
    column = Column.dense(values)
    assert column.element == dtype
    assert column.values.dtype == dtype
    assert np.shares_memory(column.values, values)
    with pytest.raises(ValueError, match="read-only"):
        column.values[0] = 0


def test_other_memory_orders_are_copied() -> None:
    values = np.arange(12, dtype=">i4").reshape(3, 4)[:, ::2]
    assert Column.dense(values).values.tolist() == values.tolist()
    unaligned = np.frombuffer(b"\0" + np.arange(3, dtype=np.int64).tobytes(), np.uint8)[1:].view(np.int64)
    assert Column.dense(unaligned).values.tolist() == [0, 1, 2]


def test_a_column_keeps_its_arrays_alive() -> None:
    view = Column.dense(np.arange(1000)).slice(10, 20).values
    gc.collect()
    assert view.tolist() == list(range(10, 20))


def test_dense_columns_of_different_shape_become_ragged() -> None:
    column = Column.concat([Column.dense(np.zeros((2, 3))), Column.dense(np.ones((1, 2)))])
    assert column.layout == "ragged"
    assert column.shapes.tolist() == [[3], [3], [2]]


def test_sizes() -> None:
    column = ragged([[[1, 2]], [], [[3, 4], [5, 6]]], "float32", 2)
    assert (len(column), column.rank, column.layout) == (3, 2, "ragged")
    assert column.shapes.tolist() == [[1, 2], [0, 0], [2, 2]]
    assert Column.dense(np.zeros((4, 3), np.float32)).nbytes == 48
    assert Column.dense(np.zeros(4)).shapes.shape == (4, 0)


BIG = 2**62


def deep_list(depth: int) -> Column:
    column = Column.dense(np.zeros(1))
    for _ in range(depth):
        column = nested(column, [1])
    return column


@pytest.mark.parametrize(
    "make",
    [
        lambda: Column.dense(np.zeros(3), np.ones(2, bool)),
        lambda: Column.dense(np.zeros(3), np.ones(3, np.int8)),
        lambda: Column.dense(np.zeros(())),
        lambda: Column.dense(np.array(["a"])),
        lambda: Column.dense(np.zeros(2, np.complex128)),
        lambda: Column.ragged(np.zeros(3), np.array([0, 4]), np.array([[4]])),
        lambda: Column.ragged(np.zeros(3), np.array([0, 2, 1]), np.array([[2], [-1]])),
        lambda: Column.ragged(np.zeros(3), np.array([-1, 2]), np.array([[3]])),
        lambda: Column.ragged(np.zeros(3), np.array([0, 3]), np.array([[2]])),
        lambda: Column.ragged(np.zeros(3), np.array([0, 3]), np.array([[3], [0]])),
        lambda: Column.ragged(np.zeros(3), np.array([], np.int64), np.zeros((0, 1), np.int64)),
        lambda: Column.ragged(np.zeros(3), np.array([0, 0]), np.array([[BIG, 4]])),
        lambda: Column.ragged(np.zeros(3), np.array([0.0, 3.0]), np.array([[3]])),
        lambda: Column.ragged(np.zeros((3, 1)), np.array([0, 3]), np.array([[3]])),
        lambda: Column.ragged(np.zeros(0), np.array([0]), np.zeros((0, 40), np.int64)),
        lambda: Column.text(np.array([0, 4]), b"abc"),
        lambda: Column.text(np.array([], np.int64), b""),
        lambda: Column.text_list(np.array([0, 3]), np.array([0, 1]), b"a"),
        lambda: Column.list(Column.dense(np.zeros(2)), np.array([0, 3])),
        lambda: Column.list(Column.dense(np.zeros(2)), np.array([1, 0])),
        lambda: Column.list(Column.dense(np.zeros(2)), np.array([], np.int64)),
        lambda: Column.list(Column.dense(np.zeros(2)), np.array([0, 1]), np.ones(2, bool)),
        lambda: deep_list(40),
        lambda: Column.concat([]),
        lambda: Column.concat([Column.dense(np.zeros(1)), Column.dense(np.zeros(1, np.int8))]),
    ],
)
def test_inconsistent_parts_are_refused(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("rows", [[-1], [4], [2**40]])
def test_rows_out_of_range_are_refused(rows: list[int]) -> None:
    with pytest.raises(IndexError):
        Column.dense(np.zeros(4)).take(np.array(rows))
    with pytest.raises(IndexError):
        Column.dense(np.zeros(4)).slice(1, 5)
