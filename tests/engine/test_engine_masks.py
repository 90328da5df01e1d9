"""Conditions on scalar columns, which run as words of bits: against NumPy, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine_plans import Code, rows_where, text
from engine.simd_levels import COMPARE, NARROWER_LEVELS, outermost, run_file_at
from tql._engine import Column

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
ROWS = [0, 1, 63, 64, 65, 200, 4096, 4097, 9000]


def values_of(element: str, rows: int, seed: int) -> np.ndarray:
    """Small numbers, so that comparisons go both ways, with the ends of the range and NaN among them."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 6, rows).astype(element)
    if rows > 3:
        edges = [np.nan, np.inf, -np.inf] if element.startswith("float") else [0, *ends(element)]
        values[rng.integers(0, rows, 3)] = edges
    return values


def ends(element: str) -> tuple[int, int]:
    info = np.iinfo(element)
    return int(info.min), int(info.max)


@pytest.mark.parametrize("element", [*INTEGERS, "float32", "float64"])
@pytest.mark.parametrize("kernel", COMPARE)
def test_comparisons_of_every_element(element: str, kernel: str) -> None:
    for rows in ROWS:
        values = values_of(element, rows, rows)
        code = Code({"x": Column.dense(values)})
        code.add(kernel, code.column("x"), code.constant(3, element))
        expected = np.flatnonzero(COMPARE[kernel](values, np.array(3, element)))
        assert rows_where(code) == expected.tolist()


HUGE, TINY = float(np.finfo(np.float32).max), float(np.finfo(np.float32).smallest_subnormal)
DOUBLES = [0.1, -0.1, 0.0, 3.0, 1e39, -1e39, HUGE, HUGE * (1 + 1e-12), TINY / 3, -TINY / 3, 1e-300]


@pytest.mark.parametrize("constant", [*DOUBLES, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("kernel", COMPARE)
def test_floats_against_a_double(kernel: str, constant: float) -> None:
    """Also doubles that no float equals, and those beyond all floats."""
    near = np.array([constant, 0.1], np.float64)
    with np.errstate(over="ignore", under="ignore"):
        around = near.astype(np.float32)
        neighbours = [np.nextafter(around, np.float32(side)) for side in (-np.inf, np.inf)]
    edges = np.array([0.5, np.nan, 3, -3, np.inf, -np.inf, HUGE, -HUGE, TINY, -TINY, 0, -0.0], np.float32)
    values = np.tile(np.concatenate([around, *neighbours, edges]), 10)
    code = Code({"x": Column.dense(values)})
    wide = code.add("cast", code.column("x"), type="float64")
    code.add(kernel, wide, code.constant(constant, "float64"))
    expected = np.flatnonzero(COMPARE[kernel](values.astype(np.float64), constant))
    assert rows_where(code) == expected.tolist()


LOWER, UPPER = ["greater", "greater_equal"], ["less", "less_equal"]


@pytest.mark.parametrize("element", [*INTEGERS, "float32", "float64"])
@pytest.mark.parametrize("low", LOWER)
@pytest.mark.parametrize("high", UPPER)
def test_ranges_of_every_element(element: str, low: str, high: str) -> None:
    """Both ends in either order; empty ranges, and ends beyond which there is nothing."""
    least, most = (-np.inf, np.inf) if element.startswith("float") else ends(element)
    for rows in (0, 1, 65, 200):
        values = values_of(element, rows + 1, rows)[1:]  # not aligned to a vector
        for first, last in [(1, 4), (2, 2), (4, 1), (least, 3), (2, most), (most, least), (least, most)]:
            code = Code({"x": Column.dense(values)})
            lower = code.add(low, code.column("x"), code.constant(first, element))
            upper = code.add(high, code.column("x"), code.constant(last, element))
            code.add("and", *((lower, upper) if rows % 2 else (upper, lower)))
            expected = COMPARE[low](values, np.array(first, element)) & COMPARE[high](
                values, np.array(last, element)
            )
            assert rows_where(code) == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize("low", LOWER)
@pytest.mark.parametrize("high", UPPER)
def test_a_range_of_floats_between_doubles(low: str, high: str) -> None:
    values = np.array([0.1, 0.3, 0.2, np.nan, np.inf, 0.30000001, 0.09999999] * 20, np.float32)
    code = Code({"x": Column.dense(values, np.arange(len(values)) % 5 != 0)})
    wide = code.add("cast", code.column("x"), type="float64")
    lower = code.add(low, wide, code.constant(0.1, "float64"))
    code.add("and", lower, code.add(high, wide, code.constant(0.3, "float64")))
    exact = values.astype(np.float64)
    expected = COMPARE[low](exact, 0.1) & COMPARE[high](exact, 0.3) & (np.arange(len(values)) % 5 != 0)
    assert rows_where(code) == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize("kind", ["and", "or"])
@pytest.mark.parametrize("costly_first", [False, True])
def test_the_costly_side_where_the_cheap_one_leaves_it_open(kind: str, costly_first: bool) -> None:
    """Runs of rows that are decided and runs that are not, of lengths around a word."""
    rng = np.random.default_rng(4)
    lengths = rng.choice([1, 40, 63, 64, 65, 130, 600, 1300], 60)
    cheap = np.repeat(np.arange(60) % 2 == 0, lengths)
    texts = [("ab" if hit else "cd") * 2 for hit in rng.random(len(cheap)) < 0.3]
    costly = np.array([t.startswith("ab") for t in texts])
    code = Code({"x": Column.dense(cheap.astype(np.int8)), "t": text(list(texts))})
    sides = [
        code.add("equal", code.column("x"), code.constant(1, "int8")),
        code.add("like", code.column("t"), pattern="*ba*", ignore_case=False),
    ]
    code.add(kind, *(sides[::-1] if costly_first else sides))
    expected = cheap & costly if kind == "and" else cheap | costly
    for partition in (None, 100, 5000):
        assert rows_where(code, partition) == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize("element", [*INTEGERS, "float32", "float64"])
@pytest.mark.parametrize("spread", [1, 40, 1000])
def test_sets_of_every_element(element: str, spread: int) -> None:
    """A set in one register, in a table of bits and in a hash table, with values far outside of it."""
    rng = np.random.default_rng(spread)
    high = 2**62 if element.endswith("64") else ends(element)[1] if element in INTEGERS else 2**20
    items = sorted({int(v) % high for v in rng.integers(0, 7, 6) * spread})
    values = np.concatenate([rng.choice(items, 300), rng.integers(0, high, 300)]).astype(element)
    if element in ("int64", "uint64"):  # the lowest 32 bits of an item: no member
        values[:5] = items[0] + 2**32
    code = Code({"x": Column.dense(values)})
    code.add("in_set", code.column("x"), values=items)
    assert rows_where(code) == np.flatnonzero(np.isin(values, np.array(items, element))).tolist()


@given(data=st.data(), rows=st.sampled_from(ROWS), partition=st.sampled_from([None, 7, 64, 100]))
def test_trees_of_conditions(data: st.DataObject, rows: int, partition: int | None) -> None:
    """AND, OR, NOT, IN, IS NULL over columns with and without NULL."""
    rng = np.random.default_rng(rows)
    plain, holes = rng.integers(0, 4, rows).astype(np.int32), rng.integers(0, 4, rows).astype(np.int8)
    valid = rng.random(rows) < 0.7
    code = Code({"a": Column.dense(plain), "b": Column.dense(holes, valid), "c": Column.dense(plain > 1)})

    def grow(depth: int) -> tuple[int, np.ndarray]:
        kind = data.draw(st.sampled_from(["a", "b", "c", "set", "null"] + ["and", "or", "not"] * (depth > 0)))
        if kind in ("and", "or"):
            (left, x), (right, y) = grow(depth - 1), grow(depth - 1)
            return code.add(kind, left, right), x & y if kind == "and" else x | y
        if kind == "not":
            operand, x = grow(depth - 1)
            return code.add("not", operand), ~x
        value = data.draw(st.integers(0, 3))
        if kind == "a":
            return code.add("less", code.column("a"), code.constant(value, "int32")), plain < value
        if kind == "b":
            return code.add("equal", code.column("b"), code.constant(value, "int8")), (holes == value) & valid
        if kind == "set":
            return code.add("in_set", code.column("b"), values=[value, 3]), np.isin(holes, [value, 3]) & valid
        return (
            (code.column("c"), plain > 1) if kind == "c" else (code.add("is_null", code.column("b")), ~valid)
        )

    _, expected = grow(4)
    assert rows_where(code, partition) == np.flatnonzero(expected).tolist()


@outermost
@pytest.mark.parametrize("level", NARROWER_LEVELS)
def test_narrower_instruction_sets(level: str) -> None:
    run_file_at(level, __file__)
