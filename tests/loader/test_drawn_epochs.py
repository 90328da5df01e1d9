"""Weighted draws through the loader: the shares of classes and counts of rows are those of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tql

Array = NDArray[Any]
LABELS = np.arange(60) % 6
WEIGHTS = np.array([1.0, 1.0, 2.0, 4.0, 0.0, 8.0])
DRAWS = 6000


def rows_of(seed: int, epoch: int = 0, replace: bool = True, size: int = DRAWS, **output: Any) -> Array:
    ds = tql.from_numpy({"label": LABELS})
    chain = ds.dataloader(seed=seed).sample_by(WEIGHTS[LABELS].tolist(), replace=replace, size=size)
    loader = chain.shuffle().batch(64).numpy(return_index=True, **output)
    loader.set_epoch(epoch)
    return np.concatenate([batch["index"] for batch in loader])


def chi_square(counts: Array, shares: Array) -> float:
    """Pearson's statistic, as standard deviations above its mean under independent draws of these shares."""
    assert not counts[shares == 0].any()
    expected = counts.sum() * shares[shares > 0]
    statistic = float(((counts[shares > 0] - expected) ** 2 / expected).sum())
    freedom = len(expected) - 1
    return (statistic - freedom) / (2 * freedom) ** 0.5


@pytest.mark.parametrize("seed", [0, 1, 2**63])
@pytest.mark.parametrize("epoch", [0, 3])
def test_classes_and_rows_come_as_often_as_they_weigh(seed: int, epoch: int) -> None:
    rows = rows_of(seed, epoch)
    share = WEIGHTS[LABELS] / WEIGHTS[LABELS].sum()
    by_class = np.bincount(LABELS[rows], minlength=6)
    assert chi_square(by_class, np.bincount(LABELS, share)) < 4
    assert abs(chi_square(np.bincount(rows, minlength=60), share)) < 4  # nor closer than chance


def test_draws_of_an_epoch_are_independent_of_those_of_another_epoch_and_seed() -> None:
    share = WEIGHTS[LABELS] / WEIGHTS[LABELS].sum()
    for other in (rows_of(0, 1), rows_of(1, 0)):
        pairs = LABELS[rows_of(0)] * 6 + LABELS[other]
        of_class = np.bincount(LABELS, share)
        assert abs(chi_square(np.bincount(pairs, minlength=36), np.outer(of_class, of_class).ravel())) < 4


def test_without_replacement_the_first_row_follows_the_weights_and_none_comes_twice() -> None:
    first = []
    for seed in range(400):
        rows = rows_of(seed, replace=False, size=20)
        assert len(set(rows.tolist())) == 20 and 4 not in LABELS[rows]
        ds = tql.from_numpy({"label": LABELS})
        first.append(ds.sample_by(WEIGHTS[LABELS], replace=False, size=20, seed=seed).indices[0])
    share = WEIGHTS[LABELS] / WEIGHTS[LABELS].sum()
    assert abs(chi_square(np.bincount(LABELS[first], minlength=6), np.bincount(LABELS, share))) < 4


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("world_size", [2, 4])
def test_the_ranks_together_draw_what_one_process_draws(world_size: int, workers: int) -> None:
    size = 64 * world_size * 3
    alone = rows_of(5, 1, size=size)
    parts = [
        rows_of(5, 1, size=size, rank=rank, world_size=world_size, num_workers=workers)
        for rank in range(world_size)
    ]
    assert sorted(np.concatenate(parts).tolist()) == sorted(alone.tolist())
    together = np.concatenate([part.reshape(-1, 64) for part in parts], 1).ravel()
    assert together.tolist() == alone.tolist()
