"""Memory that the engine keeps: arrays stay what they were, and what is kept can be given back."""

from __future__ import annotations

import multiprocessing
import os
import sys

import numpy as np
import pytest

import tql

ROWS = 1 << 20
SANITIZED = "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ


def answer(seed: int = 0) -> np.ndarray:
    view = tql.from_numpy({"x": np.random.default_rng(seed).integers(0, 4, ROWS)})
    return view.query("select * where x != 3").indices


@pytest.mark.skipif(SANITIZED, reason="under a sanitizer nothing is kept")
def test_what_is_kept_is_given_back() -> None:
    tql.release_memory()
    rows = answer()
    size = rows.nbytes
    in_use = tql.release_memory()  # of the query, but not the rows that are still in use
    assert in_use < size
    del rows
    assert tql.release_memory() >= size
    assert tql.release_memory() == 0


def test_an_array_keeps_its_memory_while_it_is_used() -> None:
    rows = answer(seed=1)
    part = rows[1000:2000]
    before = part.copy()
    del rows
    for seed in range(2, 6):
        answer(seed)
    assert np.array_equal(part, before)


def forked(rows: np.ndarray, queue: multiprocessing.queues.Queue[bool]) -> None:
    queue.put(tql.release_memory() == 0 and np.array_equal(rows, answer(seed=7)))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_has_nothing_kept_and_all_that_is_in_use() -> None:
    rows = answer(seed=7)
    answer(seed=8)
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.queues.Queue[bool] = context.Queue()
    child = context.Process(target=forked, args=(rows, queue))
    child.start()
    try:
        assert queue.get(timeout=60)
    finally:
        child.join(60)
