"""COSINE_SIMILARITY and DOT against NumPy, on every instruction set."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from engine.engine_plans import Code, compute, ragged, rows_of
from tql._engine import Column

WIDTHS = [1, 2, 7, 8, 15, 16, 17, 31, 100, 256]
ELEMENTS = ["bool", "int8", "uint8", "int16", "uint32", "int64", "float16", "float32", "float64"]
LEVELS = ["base", "avx2"]


def cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = x.astype(np.float64), y.astype(np.float64)
    length = np.sqrt((x * x).sum(-1)) * np.sqrt((y * y).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length == 0, 0.0, (x * y).sum(-1) / length)


def vectors(rows: int, width: int, element: str) -> np.ndarray:
    values = np.random.default_rng(width).standard_normal((rows, width)) * 5
    values[0] = 0
    return values.astype(element)


def code_of(x: Column, y: object, element: str, constant_first: bool = False) -> Code:
    columns = {"x": x} | ({"y": y} if isinstance(y, Column) else {})
    code = Code(columns)
    left = code.column("x")
    right = code.column("y") if isinstance(y, Column) else code.constant(list(y), element)
    args = (right, left) if constant_first else (left, right)
    code.add("cosine_similarity", *args, type="float64")
    return code


@pytest.mark.parametrize("element", ["float32", "float64", "int16"])
@pytest.mark.parametrize("width", WIDTHS)
def test_against_one_vector(element: str, width: int) -> None:
    table = vectors(300, width, element)
    wanted = vectors(2, width, element)[1]
    expected = cosine(table, wanted)
    for first in (False, True):
        given = compute(code_of(Column.dense(table), wanted.tolist(), element, first), 70).values
        np.testing.assert_allclose(given, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("width", WIDTHS)
def test_against_another_column(width: int) -> None:
    left, right = vectors(100, width, "float32"), vectors(100, width, "float32")[::-1].copy()
    given = compute(code_of(Column.dense(left), Column.dense(right), "float32")).values
    np.testing.assert_allclose(given, cosine(left, right), rtol=1e-12, atol=1e-14)


def test_null_nan_and_empty_rows() -> None:
    rows = [[3.0, 4.0], [np.nan, 1.0], [0.0, 0.0], [1e30, 1e30], [6.0, 8.0]]
    valid = np.array([False, True, True, True, True])
    code = code_of(Column.dense(np.array(rows, np.float32), valid), [3.0, 4.0], "float32")
    given = compute(code, 2)
    assert given.validity is not None and given.validity.tolist() == valid.tolist()
    np.testing.assert_allclose(given.values[1:], [np.nan, 0, 7 / 50**0.5, 1], rtol=1e-12)
    empty = ragged([[], []], "float32", 1)
    assert rows_of(compute(code_of(empty, empty, "float32"))) == [0.0, 0.0]


def test_columns_of_a_table() -> None:
    """x[:, 1] of arrays: elements that do not lie one behind the other."""
    table = vectors(50, 60, "float32").reshape(50, 20, 3)
    code = Code({"x": Column.dense(table)})
    columns = []
    for index in (1, 2):
        items = [{"slice": [False] * 3}, {"index": True}]
        at = code.constant(index, "int64")
        columns.append(code.add("subscript", code.column("x"), at, type="float32", shape=[20], items=items))
    code.add("cosine_similarity", *columns, type="float64")
    expected = cosine(table[:, :, 1], table[:, :, 2])
    np.testing.assert_allclose(compute(code).values, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_and_width(element: str) -> None:
    for width in range(1, 301, 1 if element == "float32" else 7):
        table = vectors(40, width, element)
        wanted = table[1]
        given = compute(code_of(Column.dense(table), wanted.tolist(), element)).values
        np.testing.assert_allclose(given, cosine(table, wanted), rtol=1e-11, atol=1e-12, err_msg=f"{width}")


@pytest.mark.parametrize("element", ["float32", "float64"])
def test_dot_product(element: str) -> None:
    for width in [*WIDTHS, 299]:
        table = vectors(300, width, element)
        for other in (table[1], table[::-1].copy()):
            columns = {"x": Column.dense(table)} | ({"y": Column.dense(other)} if other.ndim == 2 else {})
            code = Code(columns)
            y = code.column("y") if other.ndim == 2 else code.constant(other.tolist(), element)
            code.add("dot", y, code.column("x"), type=element)
            expected = (table.astype(np.float64) * other.astype(np.float64)).sum(-1)
            rounding = 1e-6 if element == "float32" else 1e-12
            given = compute(code, 70).values
            assert given.dtype == element
            np.testing.assert_allclose(given, expected, rtol=rounding, atol=1e-11)


def test_rows_of_different_lengths_against_each_other() -> None:
    lengths = [3, 0, 17, 16, 1, 40]
    left = [vectors(2, n, "float32")[1].tolist() if n else [] for n in lengths]
    right = [[value * 2 - 1 for value in row] for row in left]
    code = code_of(ragged(left, "float32", 1), ragged(right, "float32", 1), "float32")
    expected = [
        cosine(np.array(x, np.float32), np.array(y, np.float32)) for x, y in zip(left, right, strict=True)
    ]
    np.testing.assert_allclose(compute(code).values, np.array(expected), rtol=1e-12)


def test_infinite_elements() -> None:
    rows = np.array([[np.inf, 1.0], [-np.inf, np.inf], [0.0, 0.0], [np.nan, 0.0]], np.float32)
    given = compute(code_of(Column.dense(rows), [1.0, 0.5], "float32")).values
    np.testing.assert_array_equal(given, [np.nan, np.nan, 0, np.nan])


def digest() -> str:
    given = b""
    for element in ("float16", "float32", "float64", "int8"):
        for width in (5, 16, 100, 256):
            table, wanted = vectors(200, width, element), vectors(2, width, element)[1]
            given += compute(code_of(Column.dense(table), wanted.tolist(), element)).values.tobytes()
    return hashlib.sha256(given).hexdigest()


@pytest.mark.skipif("TQL_SIMD" in os.environ, reason="this is one of the runs that the test starts")
@pytest.mark.parametrize("level", LEVELS)
def test_every_instruction_set_gives_the_same_bits(level: str) -> None:
    tests = os.path.dirname(os.path.dirname(__file__))
    environment = os.environ | {"TQL_SIMD": level, "PYTHONPATH": tests}
    program = "from engine.test_engine_cosine import digest; print(digest())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.strip() == digest(), done.stderr


@pytest.mark.skipif("TQL_SIMD" in os.environ, reason="this is one of the runs that the test starts")
@pytest.mark.parametrize("level", LEVELS)
def test_narrower_instruction_sets(level: str) -> None:
    environment = os.environ | {"TQL_SIMD": level}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
