"""Rows of one shape in a few buffers: found and copied as NumPy's indexing does."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tql._engine import DecodePool, EngineError, FixedRows

SHAPES = [(), (1,), (2,), (3,), (4,), (8,), (5, 3), (28, 28), (2, 50, 41), (70, 100)]


def numbers(count: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return (np.arange(count * int(np.prod(shape, dtype=int))) % 251).astype(dtype).reshape(count, *shape)


def cut(values: NDArray[Any], bounds: list[int]) -> tuple[list[NDArray[Any]], NDArray[np.int64]]:
    """The rows in several buffers."""
    edges = [0, *sorted(bounds), len(values)]
    pieces = [values[a:b].copy() for a, b in pairwise(edges)]
    return pieces, np.array(edges[:-1], np.int64)


@given(
    st.sampled_from(SHAPES),
    st.sampled_from(["uint8", "bool", "int16", "float32", "float64"]),
    st.lists(st.integers(0, 40), max_size=9),
    st.lists(st.integers(0, 39), max_size=200),
)
def test_rows_are_those_that_indexing_gives(
    shape: tuple[int, ...], dtype: str, bounds: list[int], wanted: list[int]
) -> None:
    values, rows = numbers(40, shape, dtype), np.array(wanted, np.int64)
    pieces, firsts = cut(values, bounds)
    found = FixedRows(values.dtype, shape, pieces, firsts, rows)
    assert len(found) == len(rows)
    pool = DecodePool(2)
    result = pool.submit(found).wait()
    pool.close()
    assert isinstance(result, np.ndarray)
    assert (result.dtype, result.shape, result.flags.writeable) == (values.dtype, (len(rows), *shape), True)
    assert np.array_equal(result, values[rows])


def test_a_large_batch_is_that_of_indexing_too() -> None:
    values = numbers(3000, (28, 28), "uint8")
    pieces, firsts = cut(values, [1000, 1001, 2500])
    pool = DecodePool(3)
    rng = np.random.default_rng(0)
    wanted = [rng.integers(0, 3000, 6000) for _ in range(5)]
    tickets = [pool.submit(FixedRows(values.dtype, (28, 28), pieces, firsts, rows)) for rows in wanted]
    for ticket, rows in zip(tickets, wanted, strict=True):
        assert np.array_equal(ticket.wait(), values[rows])
    pool.close()


def test_buffers_need_not_begin_at_row_0_or_meet() -> None:
    pieces = [np.arange(3, dtype=np.int32), np.zeros(0, np.int32), np.arange(10, 12, dtype=np.int32)]
    firsts = np.array([5, 8, 20], np.int64)

    def result(rows: list[int]) -> Any:
        pool = DecodePool(1)
        try:
            found = FixedRows(np.dtype(np.int32), (), pieces, firsts, np.array(rows, np.int64))
            return np.asarray(pool.submit(found).wait()).tolist()
        finally:
            pool.close()

    assert result([21, 5, 7, 20]) == [11, 0, 2, 10]
    for row in (4, 8, 19, 22, -1, -(2**63), 2**63 - 1):
        with pytest.raises(IndexError, match=f"row {row} is in none of the pieces"):
            result([5, row])


@pytest.mark.parametrize(
    ("dtype", "shape", "sizes", "firsts", "message"),
    [
        ("int32", (3,), [24, 13], [0, 2], "a piece holds part of a row"),
        ("int32", (3,), [24, 12], [0, 1], "pieces must ascend and not overlap"),
        ("int32", (3,), [24, 12], [4, 0], "pieces must ascend and not overlap"),
        ("int32", (3,), [24], [-1], "pieces must ascend and not overlap"),
        ("int32", (3,), [24], [2**63 - 1], "pieces must ascend and not overlap"),
        ("int32", (3,), [24], [], "firsts must have one entry per buffer"),
        ("int32", (3, 0), [24], [0], "rows must have a size"),
        ("int32", (2**40, 2**40), [24], [0], "rows have an impossible shape"),
        ("int32", (2**61,), [24], [0], "rows have an impossible shape"),
        ("int32", (-1,), [24], [0], "rows have an impossible shape"),
        ("int32", (1,) * 33, [24], [0], "rows have too many axes"),
        ("object", (3,), [24], [0], "rows cannot be decoded to dtype object"),
    ],
)
def test_what_does_not_fit_is_refused(
    dtype: str, shape: tuple[int, ...], sizes: list[int], firsts: list[int], message: str
) -> None:
    buffers = [bytes(size) for size in sizes]
    with pytest.raises(ValueError, match=message):
        FixedRows(np.dtype(dtype), shape, buffers, np.array(firsts, np.int64), np.zeros(1, np.int64))


def test_no_buffer_has_no_row() -> None:
    firsts, rows = np.zeros(0, np.int64), np.zeros(1, np.int64)
    with pytest.raises(IndexError):
        FixedRows(np.dtype(np.int8), (), [], firsts, rows)
    assert len(FixedRows(np.dtype(np.int8), (), [], firsts, rows[:0])) == 0


def test_a_closed_pool_takes_no_rows() -> None:
    pool = DecodePool(1)
    pool.close()
    found = FixedRows(np.dtype(np.int8), (), [b"abc"], np.zeros(1, np.int64), np.zeros(1, np.int64))
    with pytest.raises(EngineError) as raised:
        pool.submit(found)
    assert raised.value.args[0] == "cancelled"


def test_what_nobody_waits_for_is_dropped() -> None:
    values = numbers(3000, (28, 28), "uint8")
    rows = np.random.default_rng(0).integers(0, 3000, 20000)
    pool = DecodePool(2)
    for _ in range(20):
        pool.submit(FixedRows(values.dtype, (28, 28), [values.copy()], np.zeros(1, np.int64), rows))
    last = pool.submit(FixedRows(values.dtype, (28, 28), [values], np.zeros(1, np.int64), rows[:100]))
    assert np.array_equal(last.wait(), values[rows[:100]])
    pool.close()


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.data())
def test_ranges_are_those_that_a_search_finds(lengths: list[int], data: st.DataObject) -> None:
    lasts = np.cumsum(lengths, dtype=np.int64) - 1
    rows = np.array(data.draw(st.lists(st.integers(0, int(lasts[-1])))), np.int64)
    assert FixedRows.ranges_with(lasts, rows).tolist() == np.unique(np.searchsorted(lasts, rows)).tolist()


def test_empty_ranges_have_no_row() -> None:
    lasts = np.array([-1, 4, 4, 9, 9], np.int64)
    assert FixedRows.ranges_with(lasts, np.array([4, 5])).tolist() == [1, 3]
    for row in (-1, 10):
        with pytest.raises(IndexError):
            FixedRows.ranges_with(lasts, np.array([row]))
    with pytest.raises(IndexError):
        FixedRows.ranges_with(lasts[:0], np.array([0]))
