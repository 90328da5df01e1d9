"""Weighted draws and random orders: the law of the draws, edge cases of weights, independence of threads."""

import itertools
from collections import Counter

import numpy as np
import pytest

from tql import _engine

DRAWS = [_engine.sample_with_replacement, _engine.sample_without_replacement]


def chi_square(observed, expected):
    observed, expected = np.asarray(observed, float), np.asarray(expected, float)
    return float(((observed - expected) ** 2 / expected).sum())


def chi_square_bound(freedom):
    """Exceeded by chance once in 100,000 (Wilson, Hilferty 1931); seeds are fixed, so tests stay stable."""
    part = 2 / (9 * freedom)
    return freedom * (1 - part + 4.27 * part**0.5) ** 3


# --- with replacement ---


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_row_is_drawn_in_proportion_to_its_weight(seed):
    weights = np.array([1.0, 0.5, 3.0, 0.0, 10.0, 0.1, 2.0])
    counts = np.bincount(_engine.sample_with_replacement(weights, 200_000, seed=seed), minlength=7)
    positive = weights > 0
    assert counts[3] == 0
    expected = weights[positive] / weights.sum() * 200_000
    assert chi_square(counts[positive], expected) < chi_square_bound(5)


def test_shares_are_right_across_blocks_and_within_them():
    labels = np.random.default_rng(0).integers(0, 10, 50_000)
    weights = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 100.0])[labels]
    rows = _engine.sample_with_replacement(weights, 400_000, seed=5)
    drawn = np.bincount(labels[rows], minlength=10)
    expected = np.bincount(labels, weights, minlength=10) / weights.sum() * 400_000
    assert drawn[0] == 0
    assert chi_square(drawn[1:], expected[1:]) < chi_square_bound(8)
    counts = np.bincount(rows, minlength=len(weights))
    positive = weights > 0
    per_row = weights[positive] / weights.sum() * 400_000
    assert chi_square(counts[positive], per_row) < chi_square_bound(int(positive.sum()) - 1)


def test_draws_are_independent_of_each_other():
    rows = _engine.sample_with_replacement(np.ones(10), 100_000, seed=9)
    pairs = np.bincount(rows[:-1] * 10 + rows[1:], minlength=100)
    assert chi_square(pairs, np.full(100, 99_999 / 100)) < chi_square_bound(99)


def test_the_number_of_draws_does_not_change_the_first_of_them():
    weights = np.arange(20_000.0)
    many = _engine.sample_with_replacement(weights, 5000, seed=2)
    assert np.array_equal(_engine.sample_with_replacement(weights, 10, seed=2), many[:10])


def test_more_rows_than_24_bits():
    """float32 cumulative sums, the usual mistake, can't reach most rows of such a population."""
    n = 2**24 + 4097
    weights = np.ones(n)
    weights[::2] = 0
    rows = _engine.sample_with_replacement(weights, 100_000, seed=4)
    assert (rows % 2 == 1).all()
    parts = np.bincount(rows * 64 // n, minlength=64)
    assert chi_square(parts, np.full(64, 100_000 / 64)) < chi_square_bound(63)
    assert len(np.unique(rows)) > 98_000


def test_many_tiny_weights_beside_a_huge_one_keep_their_share():
    weights = np.full(1_000_000, 1e-6)
    weights[123_456] = 1e6  # each tiny weight is below the last bit of a running sum
    weights[500_000:] = 1.0
    rows = _engine.sample_with_replacement(weights, 100_000, seed=1)
    big = (rows == 123_456).mean()
    assert big == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize(
    "weights",
    [[5e-324, 0.0, 5e-324], [1.7e308, 0.0, 1.7e308], [1e-320, np.nan, 1e-320], [1e300, 5e-324, 1e300]],
    ids=["smallest", "largest", "subnormal", "both"],
)
def test_extreme_weights_keep_their_ratio(weights):
    rows = _engine.sample_with_replacement(np.array(weights), 10_000, seed=3)
    counts = np.bincount(rows, minlength=3)
    assert counts[1] == 0
    assert abs(counts[0] - 5000) < 250


# --- without replacement ---


def test_successive_draws_follow_the_remaining_weights():
    """Each order of three rows has the probability that drawing one after the other gives it."""
    weights = np.array([1.0, 2.0, 5.0])
    trials = 20_000
    seen = Counter(
        tuple(_engine.sample_without_replacement(weights, 3, seed=seed).tolist()) for seed in range(trials)
    )
    orders = list(itertools.permutations(range(3)))
    expected = []
    for order in orders:
        left, probability = weights.sum(), 1.0
        for row in order:
            probability *= weights[row] / left
            left -= weights[row]
        expected.append(probability * trials)
    assert chi_square([seen[order] for order in orders], expected) < chi_square_bound(5)


def test_a_smaller_draw_is_the_beginning_of_a_larger_one():
    weights = np.random.default_rng(1).random(150_000)
    everything = _engine.sample_without_replacement(weights, 150_000, seed=6)
    assert np.array_equal(np.sort(everything), np.arange(150_000))
    for size in (1, 10, 3000, 149_999):
        assert np.array_equal(_engine.sample_without_replacement(weights, size, seed=6), everything[:size])


def test_only_rows_of_positive_weight_come_back():
    weights = np.array([0.0, 2.0, -1.0, np.nan, 3.0, -np.inf])
    rows = _engine.sample_without_replacement(weights, 100, seed=0)
    assert sorted(rows.tolist()) == [1, 4]


def test_weights_beyond_the_range_of_their_sum_still_order_the_draws():
    weights = np.array([5e-324, 1.0, 1.7e308])
    for seed in range(50):
        assert _engine.sample_without_replacement(weights, 3, seed=seed).tolist() == [2, 1, 0]


# --- both ---


@pytest.mark.parametrize("draw", DRAWS)
def test_the_number_of_threads_changes_nothing(draw):
    weights = np.random.default_rng(2).random(200_000)
    weights[::7] = 0
    answers = [draw(weights, 70_000, seed=8, stream=3, threads=threads) for threads in (1, 2, 5)]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])
    assert not (weights[answers[0]] == 0).any()


@pytest.mark.parametrize("draw", DRAWS)
def test_seeds_and_streams_matter(draw):
    weights = np.ones(1000)
    first = draw(weights, 500, seed=1)
    assert not np.array_equal(first, draw(weights, 500, seed=2))
    assert not np.array_equal(first, draw(weights, 500, seed=1, stream=1))
    assert np.array_equal(first, draw(weights, 500, seed=1, stream=0))


@pytest.mark.parametrize("draw", DRAWS)
def test_empty_draws(draw):
    assert draw(np.array([], dtype=np.float64), 5, seed=0).tolist() == []
    assert draw(np.ones(4), 0, seed=0).tolist() == []
    assert draw(np.zeros(4), 0, seed=0).tolist() == []
    assert draw(np.ones(4), 0, seed=0).dtype == np.int64


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize(
    ("weights", "size", "message", "row"),
    [
        ([0.0, 0.0], 1, "every weight is 0", -1),
        ([-1.0, np.nan], 1, "every weight is 0", -1),
        ([1.0, 2.0, np.inf, np.inf], 1, "a weight is infinite", 2),
        ([1.0], -1, "the size of a sample must not be negative: -1", -1),
    ],
)
def test_bad_weights_are_errors_that_name_the_row(draw, weights, size, message, row):
    with pytest.raises(_engine.EngineError) as caught:
        draw(np.array(weights), size, seed=0)
    assert caught.value.args == ("value", message, row, -1, -1)


@pytest.mark.parametrize("draw", DRAWS)
def test_the_first_infinite_weight_is_named_whatever_the_threads(draw):
    weights = np.ones(300_000)
    weights[[70_000, 140_000, 299_999]] = np.inf
    for threads in (1, 4):
        with pytest.raises(_engine.EngineError) as caught:
            draw(weights, 10, seed=0, threads=threads)
        assert caught.value.args[2] == 70_000


@pytest.mark.parametrize("draw", DRAWS)
def test_weights_have_one_dimension(draw):
    with pytest.raises(ValueError, match="weights must have one dimension, not 2"):
        draw(np.ones((2, 2)), 1, seed=0)


# --- permutation ---


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000, 40_000, 300_000])
def test_a_permutation_holds_each_number_once_and_ignores_threads(n):
    order = _engine.permutation(n, seed=1)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(n))
    for threads in (1, 3):
        assert np.array_equal(_engine.permutation(n, seed=1, threads=threads), order)


def test_every_order_of_four_is_equally_likely():
    trials = 24_000
    seen = Counter(tuple(_engine.permutation(4, seed=seed).tolist()) for seed in range(trials))
    assert len(seen) == 24
    assert chi_square(list(seen.values()), np.full(24, trials / 24)) < chi_square_bound(23)


def test_long_permutations_spread_every_region_over_every_region():
    n = 200_000  # several buckets
    order = _engine.permutation(n, seed=3)
    cells = np.bincount((np.arange(n) * 20 // n) * 20 + order * 20 // n, minlength=400)
    assert chi_square(cells, np.full(400, n / 400)) < chi_square_bound(399)
    assert (order == np.arange(n)).sum() < 10
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.02


def test_a_negative_length_is_refused():
    with pytest.raises(_engine.EngineError, match="must not be negative: -3"):
        _engine.permutation(-3, seed=0)
