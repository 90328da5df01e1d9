"""Conditions on scalar columns, which run as words of bits: against NumPy, on every instruction set."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine_plans import Code, rows_where
from tql._engine import Column

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
COMPARE = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}
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


@pytest.mark.parametrize("kernel", COMPARE)
def test_floats_against_a_double(kernel: str) -> None:
    values = np.array([0.1, 0.5, np.nan, 3, 0.30000001] * 50, np.float32)
    code = Code({"x": Column.dense(values)})
    wide = code.add("cast", code.column("x"), type="float64")
    code.add(kernel, wide, code.constant(0.1, "float64"))
    expected = np.flatnonzero(COMPARE[kernel](values.astype(np.float64), 0.1))
    assert rows_where(code) == expected.tolist()


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


@pytest.mark.skipif("TQL_SIMD" in os.environ, reason="this is one of the runs that the test starts")
@pytest.mark.parametrize("level", ["base", "avx2"])
def test_narrower_instruction_sets(level: str) -> None:
    environment = os.environ | {"TQL_SIMD": level}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
