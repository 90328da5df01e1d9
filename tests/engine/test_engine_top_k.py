"""ORDER BY with LIMIT over more rows than a sample of them, against a stable sort by NumPy."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, run, scan, text
from tql._engine import Column

ROWS = 270_000  # enough for the engine to guess the k-th row from a sample
ELEMENTS = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
]


def positions(
    keys: list[tuple[Column, bool]], k: int | None, partition: int | None = None, threads: int = 2
) -> np.ndarray:
    """The first k positions as the engine orders them; `keys` are columns and whether they descend."""
    columns = {f"c{i}": column for i, (column, _) in enumerate(keys)}
    programs = []
    for i, (_, descending) in enumerate(keys):
        code = Code(columns)
        code.column(f"c{i}")
        programs.append({"program": code.program, "descending": descending})
    plan = {"id": 1, "op": "sort", "input": scan(), "keys": programs, "fetch": k}
    return run(plan, MemorySource(columns, partition), threads=threads).selection.indices


def rank_of(column: Column, descending: bool) -> tuple[np.ndarray, np.ndarray]:
    """For np.lexsort, the last one first: values, then whether there is none (1 NaN, 2 NULL)."""
    values = column.values
    missing = np.zeros(len(values), np.int8)
    if values.dtype.kind == "f":
        missing[np.isnan(values)] = 1
    if column.validity is not None:
        missing[~column.validity] = 2
    # Places among the values that there are: a negated int64 or uint64 could overflow.
    places = np.unique(values, return_inverse=True)[1].astype(np.int64)
    places[missing > 0] = 0
    return (-places if descending else places), missing


def expected(keys: list[tuple[Column, bool]], k: int | None) -> np.ndarray:
    ranks = [rank for key in reversed(keys) for rank in rank_of(*key)]
    return np.lexsort(ranks)[:k]


def values_of(element: str, kind: str, rng: np.random.Generator, rows: int = ROWS) -> np.ndarray:
    if kind == "few":
        return rng.integers(0, 2 if element == "bool" else 5, rows).astype(element)
    if element.startswith("float"):
        values = (rng.standard_normal(rows) * 100).astype(element)
        if kind == "odd":
            at = rng.integers(0, rows, rows // 3)
            values[at] = rng.choice(np.array([np.nan, -np.nan, 0.0, -0.0, np.inf, -np.inf], element), len(at))
    elif element == "bool":
        values = rng.integers(0, 2, rows).astype(bool)
    else:
        limits = np.iinfo(element)
        values = rng.integers(limits.min, limits.max, rows, dtype=element, endpoint=True)
    return np.sort(values) if kind == "ascending" else values


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("element", ELEMENTS)
def test_one_key(element: str, descending: bool) -> None:
    rng = np.random.default_rng(3)
    for kind in ("any", "few", "odd", "ascending"):
        values = values_of(element, kind, rng)
        valid = None if kind != "odd" else rng.random(ROWS) < 0.7
        keys = [(Column.dense(values, valid), descending)]
        order = expected(keys, None)
        for k in (1, 100, ROWS // 50, ROWS - 1):
            np.testing.assert_array_equal(positions(keys, k), order[:k], err_msg=f"{kind} {k}")


def test_values_that_are_all_equal_all_null_or_nearly_so() -> None:
    values = np.full(ROWS, 7, np.int32)
    few = np.zeros(ROWS, bool)
    few[[5, ROWS // 2, ROWS - 1]] = True
    for valid in (None, np.zeros(ROWS, bool), few):
        for descending in (False, True):
            keys = [(Column.dense(values, valid), descending)]
            for k in (1, 10, 3000):
                np.testing.assert_array_equal(positions(keys, k), expected(keys, k))


def test_null_beside_the_last_integers() -> None:
    rng = np.random.default_rng(5)
    for element in ("int64", "uint64"):
        limits = np.iinfo(element)
        values = rng.choice(np.array([limits.min, limits.max], element), ROWS)
        for descending in (False, True):
            keys = [(Column.dense(values, rng.random(ROWS) < 0.5), descending)]
            order = expected(keys, None)
            for k in (10, ROWS // 4, ROWS - 10):
                np.testing.assert_array_equal(positions(keys, k), order[:k])


def test_further_keys_decide_between_equal_ones() -> None:
    rng = np.random.default_rng(7)
    label = Column.dense(rng.integers(0, 10, ROWS).astype(np.int32))
    tenth = Column.dense((rng.integers(0, 10, ROWS) / 10).astype(np.float32), rng.random(ROWS) < 0.9)
    score = Column.dense(rng.random(ROWS))
    for keys in (
        [(label, False), (score, True)],
        [(label, True), (tenth, False), (score, False)],
        [(tenth, True), (label, False)],
    ):
        order = expected(keys, None)
        for k in (1, 100, 40_000):
            np.testing.assert_array_equal(positions(keys, k), order[:k])


def test_texts() -> None:
    rng = np.random.default_rng(8)
    words = [f"{'same prefix ' if i % 2 else ''}{i:05}" for i in rng.integers(0, 50_000, ROWS)]
    for descending in (False, True):
        order = sorted(range(ROWS), key=words.__getitem__, reverse=descending)  # stable, reversed or not
        np.testing.assert_array_equal(positions([(text(words), descending)], 200), order[:200])


def test_threads_and_partitions_change_nothing() -> None:
    rng = np.random.default_rng(9)
    column = Column.dense(np.round(rng.standard_normal(ROWS), 2).astype(np.float32), rng.random(ROWS) < 0.9)
    for descending in (False, True):
        keys = [(column, descending)]
        for k in (10, 1000):
            order = expected(keys, k)
            for threads in (1, 2, 7):
                for partition in (None, 999, 70_000):
                    np.testing.assert_array_equal(positions(keys, k, partition, threads), order)


@pytest.mark.parametrize("level", ["base", "avx2"])
@pytest.mark.skipif("TQL_SIMD" in os.environ, reason="this is one of the runs that the test starts")
def test_every_loop(level: str) -> None:
    """Some of the tests above once more, with narrower instructions."""
    environment = os.environ | {"TQL_SIMD": level}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "one_key and 16 or one_key and 32",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
