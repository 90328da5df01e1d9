"""Draws as rows and counts, draws against their definition, draws on every instruction set."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.test_sampling import chi_square, chi_square_bound
from tql import _engine

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_STEPS = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox_words(blocks: NDArray[np.uint64], seed: int, domain: int) -> NDArray[np.uint64]:
    """Philox-4x32-10 by the paper: both words of each block of stream 0, uint64 [blocks, 2]."""
    c = [
        blocks & _LOW,
        blocks >> _HALF | np.uint64(domain << 24),
        np.zeros_like(blocks),
        np.zeros_like(blocks),
    ]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        product0, product1 = c[0] * np.uint64(_MULTIPLIERS[0]), c[2] * np.uint64(_MULTIPLIERS[1])
        c = [
            (product1 >> _HALF) ^ c[1] ^ np.uint64(key[0]),
            product1 & _LOW,
            (product0 >> _HALF) ^ c[3] ^ np.uint64(key[1]),
            product0 & _LOW,
        ]
        key = [(k + step) & 0xFFFFFFFF for k, step in zip(key, _STEPS, strict=True)]
    return np.stack([c[1] << _HALF | c[0], c[3] << _HALF | c[2]], axis=1)


def reference_without(weights: NDArray[np.float64], size: int, seed: int) -> NDArray[np.int64]:
    """All keys in double precision, sorted: 16 bits of a row's number from domain 1, 48 from domain 9."""
    rows = np.arange(len(weights), dtype=np.uint64)
    words = philox_words(np.arange(len(weights) // 8 + 1, dtype=np.uint64), seed, 1).reshape(-1)
    prefix = words[rows // np.uint64(4)] >> rows % np.uint64(4) * np.uint64(16) & np.uint64(0xFFFF)
    rest = philox_words(rows, seed, 9)[:, 0]
    bits = prefix << np.uint64(48) | rest >> np.uint64(16)
    u = np.minimum((bits.astype(np.float64) + 0.5) * 2.0**-64, 1 - 2.0**-53)
    with np.errstate(all="ignore"):
        log_times = np.log(-np.log1p(-u)) - np.log(weights)
    order = np.argsort(log_times[weights > 0], kind="stable")
    return np.flatnonzero(weights > 0)[order][:size]


def weights_of(kind: str, rows: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(rows)
    if kind == "classes":
        return np.array([0, 0, 0, 10.0, 5.0])[rng.integers(0, 5, rows)]
    if kind == "equal":
        return np.full(rows, 0.1)
    if kind == "magnitudes":
        return 10.0 ** rng.uniform(-300, 300, rows)
    if kind == "one heavy":
        weights = rng.random(rows)
        weights[rows // 2] = 1e12
        return weights
    weights = rng.pareto(1.1, rows)
    weights[rng.random(rows) < 0.3] = 0
    weights[rng.random(rows) < 0.01] = np.nan
    return weights


KINDS = ["classes", "equal", "magnitudes", "one heavy", "pareto"]


def test_the_reference_draws_the_numbers_of_the_engine() -> None:
    for block in (0, 5, 2**33 + 1):
        words = _engine.philox4x32((block & 0xFFFFFFFF, block >> 32 | 9 << 24, 0, 0), (77, 1))
        expected = [words[1] << 32 | words[0], words[3] << 32 | words[2]]
        assert philox_words(np.array([block], np.uint64), 77 | 1 << 32, 9)[0].tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 63, 4096, 100_003])
def test_without_replacement_is_the_order_of_all_keys(kind: str, rows: int) -> None:
    weights = weights_of(kind, rows)
    if not (weights > 0).any():
        weights[0] = 1.0
    for size in sorted({1, 2, rows // 1000 + 1, rows // 20 + 1, rows // 2 + 1, rows}):
        drawn = _engine.sample_without_replacement(weights, size, seed=3, threads=2)
        assert np.array_equal(drawn, reference_without(weights, size, 3))


@given(
    weights=st.lists(
        st.sampled_from([0.0, -1.0, np.nan, 5e-324, 2.2e-308, 1e-300, 0.1, 1.0, 3.0, 1e300, 1.7e308]),
        min_size=1,
        max_size=200,
    ),
    size=st.integers(1, 220),
    seed=st.integers(0, 2**40),
)
def test_without_replacement_of_any_weights(weights: list[float], size: int, seed: int) -> None:
    values = np.array(weights)
    if not (values > 0).any():
        values[0] = 5e-324
    drawn = _engine.sample_without_replacement(values, size, seed=seed)
    assert np.array_equal(drawn, reference_without(values, size, seed))


# --- rows and counts ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "size"), [(1, 1), (1, 70), (5000, 3), (5000, 100_000), (200_000, 150_000)])
def test_draws_are_their_rows_and_counts(kind: str, rows: int, size: int) -> None:
    weights = weights_of(kind, rows)
    weights[-1] = 1.0
    drawn = _engine.draw_with_replacement(weights, size, seed=4)
    assert len(drawn) == size
    assert drawn.weighted
    kept = drawn.repeats
    assert kept is not None
    expected = np.unique(drawn.indices, return_counts=True)
    assert np.array_equal(kept[0], expected[0])
    assert np.array_equal(kept[1], expected[1])
    assert np.array_equal(drawn.weights, weights[drawn.indices])
    assert np.array_equal(drawn.indices, _engine.sample_with_replacement(weights, size, seed=4))
    assert not drawn.ascending or size == 1


def test_no_draws() -> None:
    drawn = _engine.draw_with_replacement(np.ones(5), 0, seed=0)
    assert len(drawn) == 0
    assert drawn.weighted
    assert drawn.indices.tolist() == []
    assert drawn.weights is not None and drawn.weights.tolist() == []


def test_more_draws_than_a_count_holds_are_refused() -> None:
    with pytest.raises(_engine.EngineError, match="must not be above 4294967295: 4294967296"):
        _engine.draw_with_replacement(np.ones(5), 2**32, seed=0)


@pytest.mark.parametrize("classes", [1, 2, 4, 5, 40])
def test_every_row_gets_its_share_however_many_different_weights_there_are(classes: int) -> None:
    """Up to four different weights in a block are drawn by class."""
    rng = np.random.default_rng(classes)
    weights = np.append(rng.gamma(0.7, size=classes) + 0.05, 0)[rng.integers(0, classes + 1, 6000)]
    draws = 3_000_000
    counts = np.bincount(_engine.sample_with_replacement(weights, draws, seed=classes), minlength=6000)
    positive = weights > 0
    expected = weights[positive] / weights.sum() * draws
    assert counts[~positive].sum() == 0
    assert chi_square(counts[positive], expected) < chi_square_bound(len(expected) - 1)
    # Counts that only look right on average would vary too little.
    assert chi_square(counts[positive], expected) > 0.85 * len(expected)


def test_rows_of_one_class_are_drawn_independently_of_those_of_another() -> None:
    weights = np.tile([1.0, 3.0], 500)
    light = [
        np.count_nonzero(_engine.sample_with_replacement(weights, 400, seed=seed) % 2 == 0)
        for seed in range(3000)
    ]
    scores = (np.array(light) - 100) / (400 * 3 / 16) ** 0.5
    assert (scores**2).sum() < chi_square_bound(3000)
    assert (scores**2).sum() > 2700
    assert abs(scores.mean()) < 0.1


def test_classes_that_change_from_block_to_block() -> None:
    """What a thread saw in the block before must not matter."""
    weights = np.repeat([1.0, 2.0, 0.0, 7.0, 3.0, 1.0, 1e300, 5e-324], 3000)
    weights[100::2000] = 0.5
    answers = [_engine.sample_with_replacement(weights, 50_000, seed=1, threads=t) for t in (1, 2, 3, 8)]
    for answer in answers[1:]:
        assert np.array_equal(answer, answers[0])


# --- everywhere the same ---


def digest() -> str:
    """Of draws of all kinds on several numbers of threads."""
    hashed = hashlib.sha256()
    for kind in KINDS:
        weights = weights_of(kind, 70_001)
        for draw in (_engine.sample_with_replacement, _engine.sample_without_replacement):
            for size in (10, 5000, 60_000):
                answers = [draw(weights, size, seed=6, threads=threads) for threads in (1, 2, 3, 8)]
                assert all(np.array_equal(answer, answers[0]) for answer in answers)
                hashed.update(answers[0].tobytes())
    hashed.update(_engine.permutation(90_000, seed=1).tobytes())
    return hashed.hexdigest()


def test_draws_are_the_same_on_every_instruction_set() -> None:
    expected = digest()
    command = [sys.executable, "-c", "from engine.test_draws import digest; print(digest())"]
    for level in ("base", "avx2"):
        environment = os.environ | {"TQL_SIMD": level, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == expected


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_survey_of_weights(threads: int) -> None:
    weights = np.ones(100_000)
    weights[::3] = 0
    assert _engine.survey_weights(weights, threads=threads) == (66_666, -1, -1)
    weights[[70_000, 90_000]] = np.inf
    weights[50_000] = np.nan
    weights[99_999] = -1
    positive = np.count_nonzero(weights > 0)
    assert _engine.survey_weights(weights, threads=threads) == (positive, 50_000, 70_000)
    assert _engine.survey_weights(np.zeros(0), threads=threads) == (0, -1, -1)


@pytest.mark.parametrize(
    ("draw", "rows", "size"),
    [
        (_engine.draw_with_replacement, 3_000_000, 40_000_000),
        (_engine.sample_without_replacement, 6_000_000, 6_000_000),
        (_engine.permutation, 30_000_000, None),
    ],
    ids=["with", "without", "order"],
)
def test_a_draw_ends_early_where_a_signal_handler_raises(draw: Any, rows: int, size: int | None) -> None:
    class StopError(Exception):
        pass

    def stop(*_: object) -> None:
        raise StopError

    arguments = (rows,) if size is None else (np.ones(rows), size)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        with pytest.raises(StopError):
            draw(*arguments, seed=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(_engine.permutation(1000, seed=0)) == 1000
