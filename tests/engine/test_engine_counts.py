"""COUNT by one key: against NumPy, for every number of threads and on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest

from engine.engine_plans import MemorySource
from engine.made_plans import run_made, source_of
from engine.simd_levels import NARROWER_LEVELS, outermost, run_file_at
from engine.test_engine_aggregates import aggregated
from tql._engine import Column

RNG = np.random.default_rng(11)
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def check_counts(keys: np.ndarray, valid: np.ndarray | None = None) -> None:
    """Groups come in order of first appearance; NULL is one of them."""
    columns = {"k": Column.dense(keys, valid)}
    marked = keys.astype(object)
    if valid is not None:
        marked[~valid] = None
    expected: dict[object, list[int]] = {}
    for row, key in enumerate(marked.tolist()):
        expected.setdefault(key, []).append(row)
    for threads in (1, 3):
        source = source_of(run_made(aggregated(columns, ["k"]), MemorySource(columns), threads=threads))
        counts = source.read("n", "values", 0, source.num_rows).values
        first = source.read("k[0]", "values", 0, source.num_rows)
        firsts = [rows[0] for rows in expected.values()]
        assert counts.tolist() == [len(rows) for rows in expected.values()]
        assert np.array_equal(first.values, keys[firsts]) or valid is not None


@pytest.mark.parametrize(
    "keys",
    [
        np.zeros(10, np.int8),
        np.array([127, -128, 0, 127, -1], np.int8),
        np.array([2**63 - 1, -(2**63), 2**63 - 1], np.int64),
        np.array([2**63, 2**63 - 1, 2**63 - 3, 2**63], np.uint64),
        np.array([2**64 - 1, 2**64 - 2, 2**64 - 1], np.uint64),
        np.array([True, False, True]),
        np.array([0, 70_000, 0], np.int32),
        RNG.integers(-40_000, 25_000, 400_000).astype(np.int32),
        np.repeat(np.arange(60_000, dtype=np.uint32)[::-1], 5),
        np.zeros(0, np.int32),
    ],
    ids=str,
)
def test_rows_are_counted_by_key(keys: np.ndarray) -> None:
    check_counts(keys)


@pytest.mark.parametrize("element", INTEGERS)
@pytest.mark.parametrize("distinct", [1, 2, 31, 32, 33, 100])
def test_few_keys_of_every_element(element: str, distinct: int) -> None:
    for low in (0, np.iinfo(element).min, np.iinfo(element).max - distinct + 1):
        check_counts((low + RNG.integers(0, distinct, 10_001).astype(object)).astype(element))


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 4031, 4032, 4033, 8064, 300_000])
def test_every_length(rows: int) -> None:
    check_counts(RNG.integers(-5, 5, rows, dtype=np.int32))


@pytest.mark.parametrize("range_", [255, 256, 257, 65_535, 65_536, 65_537])
def test_a_range_that_grows(range_: int) -> None:
    """Up to 256 values are counted as bytes, up to 2^16 by a table."""
    parts = [RNG.integers(0, up_to, 5_000) for up_to in (3, 40, range_)]
    keys = np.concatenate([*parts, [-1, range_ - 2], parts[0], -parts[0]])
    for offset in (0, 2**62, -(2**63) + 2):
        check_counts(keys + offset)


def test_a_key_of_almost_all_rows() -> None:
    keys = np.where(RNG.random(300_000) < 0.9, 7, RNG.integers(0, 200, 300_000)).astype(np.int16)
    check_counts(keys)
    check_counts(keys, RNG.random(300_000) < 0.5)


@outermost
@pytest.mark.parametrize("level", NARROWER_LEVELS)
def test_narrower_vectors_count_the_same(level: str) -> None:
    run_file_at(level, __file__)
