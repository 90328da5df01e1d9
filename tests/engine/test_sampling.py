"""Weighted draws and random orders: the law of the draws, edge cases of weights, independence of threads."""

import itertools
import math
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


@pytest.mark.parametrize(("draws", "trials"), [(12, 6000), (1000, 3000)], ids=["few", "many"])
def test_how_many_draws_fall_into_a_part_of_the_rows_varies_as_it_should(draws, trials):
    """Shares alone would be right too if every part always got its expected number."""
    weights = np.ones(10_000)
    weights[3000:] = 2.0
    share = 3000 / 17_000
    hits = np.array(
        [
            np.count_nonzero(_engine.sample_with_replacement(weights, draws, seed=seed) < 3000)
            for seed in range(trials)
        ]
    )
    logs = np.array(
        [math.lgamma(draws + 1) - math.lgamma(k + 1) - math.lgamma(draws - k + 1) for k in range(draws + 1)]
    )
    k = np.arange(draws + 1)
    law = np.exp(logs + k * np.log(share) + (draws - k) * np.log1p(-share)) * trials
    low, high = np.flatnonzero(law >= 5)[[0, -1]]
    bins = np.clip(k, low, high) - low  # the tails are counted with their neighbours
    observed = np.bincount(bins, np.bincount(hits, minlength=draws + 1))
    assert chi_square(observed, np.bincount(bins, law)) < chi_square_bound(high - low)


@pytest.mark.parametrize("draws", [1_000, 300_000])
def test_halves_of_many_blocks_get_binomial_numbers(draws):
    weights = np.tile(np.repeat([1.0, 3.0], 4096), 16)  # blocks of 2048 rows in halves of unequal weight
    light = weights == 1.0
    scores = []
    for seed in range(40 if draws > 10_000 else 400):
        hits = np.count_nonzero(light[_engine.sample_with_replacement(weights, draws, seed=seed)])
        scores.append((hits - draws / 4) / (draws * 3 / 16) ** 0.5)
    assert sum(score**2 for score in scores) < chi_square_bound(len(scores))
    assert sum(score**2 for score in scores) > len(scores) / 2.5


def test_the_order_of_draws_has_nothing_to_do_with_their_rows():
    n, draws = 60_000, 300_000  # several blocks of rows, several buckets of the shuffle
    weights = np.random.default_rng(3).random(n)
    rows = _engine.sample_with_replacement(weights, draws, seed=12)
    edges = np.searchsorted(np.cumsum(weights), np.arange(1, 20) / 20 * weights.sum())
    region = np.searchsorted(edges, rows, side="right")
    share = np.bincount(np.searchsorted(edges, np.arange(n), side="right"), weights) / weights.sum()
    places = np.arange(draws) * 20 // draws
    table = np.bincount(places * 20 + region, minlength=400).reshape(20, 20)
    assert chi_square(table, np.full((20, 1), draws / 20) * share) < chi_square_bound(399)
    pairs = np.bincount(region[:-1] * 20 + region[1:], minlength=400).reshape(20, 20)
    assert chi_square(pairs, (draws - 1) * np.outer(share, share)) < chi_square_bound(399)
    assert abs(np.corrcoef(rows[:-1], rows[1:])[0, 1]) < 0.01


def test_the_first_draw_follows_the_weights():
    weights = np.repeat([1.0, 4.0, 0.0, 5.0], 1500)
    firsts = [_engine.sample_with_replacement(weights, 3, seed=seed)[0] for seed in range(10_000)]
    parts = np.bincount(np.array(firsts) // 1500, minlength=4)
    assert parts[2] == 0
    assert chi_square(parts[[0, 1, 3]], [1000, 4000, 5000]) < chi_square_bound(2)


@pytest.mark.parametrize("rows", [2, 5, 2047, 2048, 2049, 6000])
def test_every_row_of_a_block_gets_its_share(rows):
    """Blocks that are full, nearly full and nearly empty, weights that differ by orders of magnitude."""
    weights = np.random.default_rng(rows).gamma(0.3, size=rows) + 1e-3
    draws = 500 * rows
    counts = np.bincount(_engine.sample_with_replacement(weights, draws, seed=rows), minlength=rows)
    expected = weights / weights.sum() * draws
    rare = expected < 5
    scores = (counts - expected)[~rare] ** 2 / expected[~rare]
    assert scores.sum() < chi_square_bound(len(scores))
    assert abs(counts[rare].sum() - expected[rare].sum()) <= 6 * expected[rare].sum() ** 0.5


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
    for size in (1, 10, 700, 3000, 20_000, 100_000, 149_999):
        assert np.array_equal(_engine.sample_without_replacement(weights, size, seed=6), everything[:size])


@pytest.mark.parametrize("odd_ones", [1e-3, 1e3, 0.0])
def test_so_it_is_where_regularly_spaced_rows_are_unlike_the_others(odd_ones):
    """What a few rows say of all is used to save work: it must not decide."""
    weights = np.random.default_rng(1).random(150_000)
    for row in range(9):
        uneven = weights.copy()
        uneven[row::9] *= odd_ones
        everything = _engine.sample_without_replacement(uneven, 150_000, seed=6)
        for size in (5000, 40_000):
            assert np.array_equal(_engine.sample_without_replacement(uneven, size, seed=6), everything[:size])


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
