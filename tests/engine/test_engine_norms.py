"""Norms, distances and MAXSIM against NumPy over all elements; the same bits on every instruction set."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from engine.engine_plans import Code, compute, ragged, rows_of
from tql._engine import Column

NORMS = ["l1_norm", "l2_norm", "linf_norm"]
WIDTHS = [1, 3, 8, 15, 16, 17, 100, 511, 530]
FLOATS = ["float16", "float32", "float64"]
ELEMENTS = ["bool", "int8", "uint8", "int16", "uint32", "int64", *FLOATS]
LEVELS = ["base", "avx2"]


def norm_of(name: str, x: np.ndarray) -> np.ndarray:
    size = np.abs(x.astype(np.float64))
    with np.errstate(invalid="ignore", over="ignore"):
        if name == "l1_norm":
            return size.sum(-1)
        return np.sqrt((size * size).sum(-1)) if name == "l2_norm" else size.max(-1, initial=0)


def table(rows: int, width: int, element: str) -> np.ndarray:
    values = np.random.default_rng(width).standard_normal((rows, width)) * 5
    values[0] = 0
    return np.abs(values).astype(element) if element.startswith("u") else values.astype(element)


def norm(name: str, x: Column) -> Code:
    code = Code({"x": x})
    code.add(name, code.column("x"), type="float64")
    return code


def distance(name: str, x: Column, y: np.ndarray, constant_first: bool = False) -> Code:
    """The norm of float64(x) - y, as the planner writes it."""
    code = Code({"x": x})
    shape = {"shape": list(x.values.shape[1:])}
    left = code.column("x")
    if x.values.dtype != np.float64:
        left = code.add("cast", left, type="float64", **shape)
    right = code.constant(y.tolist(), "float64")
    sides = (right, left) if constant_first else (left, right)
    code.add(name, code.add("subtract", *sides, type="float64", **shape), type="float64")
    return code


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("name", NORMS)
def test_norms_of_rows(name: str, element: str) -> None:
    for width in WIDTHS:
        x = table(40, width, element)
        given = compute(norm(name, Column.dense(x)), 7).values
        np.testing.assert_allclose(given, norm_of(name, x), rtol=1e-12, err_msg=f"{width}")


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("name", NORMS)
def test_distances_to_one_vector(name: str, element: str) -> None:
    for width in WIDTHS:
        x = table(40, width, element)
        y = np.random.default_rng(1).standard_normal(width)
        for first in (False, True):
            given = compute(distance(name, Column.dense(x), y, first), 7).values
            np.testing.assert_allclose(given, norm_of(name, x.astype(np.float64) - y), rtol=1e-12)


@pytest.mark.parametrize("name", NORMS)
def test_a_difference_that_broadcasts(name: str) -> None:
    x = table(30, 20, "float32").reshape(30, 4, 5)
    for y in (np.arange(5.0), np.array(2.0), np.arange(20.0).reshape(4, 5)):
        expected = norm_of(name, (x.astype(np.float64) - y).reshape(30, -1))
        np.testing.assert_allclose(compute(distance(name, Column.dense(x), y)).values, expected, rtol=1e-12)


@pytest.mark.parametrize("element", FLOATS)
@pytest.mark.parametrize("name", NORMS)
def test_nan_infinities_null_and_nothing(name: str, element: str) -> None:
    x = np.zeros((5, 20), element)
    x[0, 17], x[1, 3], x[2, 18], x[2, 2], x[3, 5] = np.nan, np.inf, -np.inf, np.nan, -np.inf
    valid = np.array([True, True, True, True, False])
    for y in (None, np.zeros(20)):
        column = Column.dense(x, valid)
        given = compute(norm(name, column) if y is None else distance(name, column, y))
        assert given.validity is not None and given.validity.tolist() == valid.tolist()
        np.testing.assert_array_equal(given.values[:4], [np.nan, np.inf, np.nan, np.inf])
    lists = ragged([[], [3, 4], [-5]], element, 1)
    assert rows_of(compute(norm(name, lists)))[::2] == [0.0, 5.0]


@pytest.mark.parametrize("element", ["float16", "float32", "int16"])
@pytest.mark.parametrize("name", NORMS)
def test_elements_that_lie_apart(name: str, element: str) -> None:
    x = table(30, 60, element).reshape(30, 20, 3)
    code = Code({"x": Column.dense(x)})
    items = [{"slice": [False] * 3}, {"index": True}]
    at = code.constant(1, "int64")
    part = code.add("subscript", code.column("x"), at, type=element, shape=[20], items=items)
    code.add(name, part, type="float64")
    np.testing.assert_allclose(compute(code).values, norm_of(name, x[:, :, 1]), rtol=1e-12)


def test_dot_product_of_halves_is_rounded_once_from_float32() -> None:
    x, y = table(50, 99, "float16"), table(50, 99, "float16")[1]
    code = Code({"x": Column.dense(x)})
    code.add("dot", code.column("x"), code.constant(y.tolist(), "float16"), type="float16")
    exact = x.astype(np.float64) @ y.astype(np.float64)
    given = compute(code).values
    assert given.dtype == np.float16
    np.testing.assert_allclose(given, exact.astype(np.float32).astype(np.float16), rtol=1e-3)


@pytest.mark.parametrize("element", ["bool", "uint8", "int16", "uint32", "int64"])
def test_bits_that_differ(element: str) -> None:
    for width in (1, 3, 8, 13, 64):
        rng = np.random.default_rng(width)
        raw = rng.integers(0, 2, (2, 20, width * np.dtype(element).itemsize), np.uint8)
        x, y = (raw * (1 if element == "bool" else 77)).view(element)
        code = Code({"x": Column.dense(x), "y": Column.dense(y)})
        code.add("hamming_distance", code.column("x"), code.column("y"), type="int64")
        expected = np.unpackbits(x.view(np.uint8) ^ y.view(np.uint8), axis=1).sum(1)
        np.testing.assert_array_equal(compute(code).values, expected)


def maxsim(x: np.ndarray, y: np.ndarray) -> Column:
    code = Code({"x": Column.dense(x)})
    score = {"element": "float64", "shape": [], "nullable": True}
    code.add("maxsim", code.column("x"), code.constant(y.tolist(), x.dtype.name), type=score)
    return compute(code, 3)


@pytest.mark.parametrize("element", FLOATS)
def test_maxsim_of_any_size(element: str) -> None:
    for documents, queries, width in [(1, 1, 1), (2, 5, 16), (17, 4, 33), (33, 7, 100), (16, 9, 128)]:
        rng = np.random.default_rng(width)
        x = rng.standard_normal((6, documents, width)).astype(element)
        y = rng.standard_normal((queries, width)).astype(element)
        x[2, 0] = 0
        a, b = x.astype(np.float64), y.astype(np.float64)
        lengths = norm_of("l2_norm", a)[..., None] * norm_of("l2_norm", b)
        cosines = np.divide(a @ b.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        np.testing.assert_allclose(maxsim(x, y).values, cosines.max(1).sum(1), rtol=1e-12, atol=1e-12)


def digest() -> str:
    given = b""
    for element in FLOATS:
        for width in WIDTHS:
            x = table(50, width, element)
            x[3, width // 2] = np.nan
            y = np.random.default_rng(2).standard_normal(width)
            for name in NORMS:
                given += compute(norm(name, Column.dense(x))).values.tobytes()
                given += compute(distance(name, Column.dense(x), y)).values.tobytes()
        for documents, queries in [(1, 1), (5, 3), (19, 8)]:
            x = np.random.default_rng(3).standard_normal((9, documents, 40)).astype(element)
            x[1, 0, 7] = np.nan
            given += maxsim(
                x, x[0, :1].repeat(queries, 0) + np.arange(queries)[:, None].astype(element)
            ).values.tobytes()
    return hashlib.sha256(given).hexdigest()


@pytest.mark.skipif("TQL_SIMD" in os.environ, reason="this is one of the runs that the test starts")
@pytest.mark.parametrize("level", LEVELS)
def test_narrower_instruction_sets(level: str) -> None:
    """The same bits, and the tests above once more."""
    environment = os.environ | {"TQL_SIMD": level}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    environment["PYTHONPATH"] = os.path.dirname(os.path.dirname(__file__))
    program = "from engine.test_engine_norms import digest; print(digest())"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.stdout.strip() == digest(), done.stderr
