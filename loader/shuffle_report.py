"""How well mixed the batches of a loader are: class counts per batch against those of a perfect shuffle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class ShuffleReport:
    """How the classes of a column are spread over the batches of an epoch.

    Attributes:
        column: the column of the classes.
        rows: of the epoch.
        batches: over all processes.
        classes: different values.
        distinct: mean number of classes in a batch.
        expected_distinct: the same of a uniformly random order of these rows.
        spread: how far the class counts of the batches are from their means, as a multiple of what a
            uniformly random order gives (Pearson's statistic by its expectation): about 1 is well mixed, much
            more means that classes come in runs, less than 1 that they are more even than chance.
        same_neighbour: share of rows whose class is that of the row before.
        expected_same_neighbour: the same of a uniformly random order.
    """

    column: str
    rows: int
    batches: int
    classes: int
    distinct: float
    expected_distinct: float
    spread: float
    same_neighbour: float
    expected_same_neighbour: float

    @property
    def well_mixed(self) -> bool:
        """Whether the batches look like those of a uniformly random order, by their class counts."""
        free = max(1, (self.batches - 1) * (self.classes - 1))
        return bool(self.spread < 1 + 5 * np.sqrt(2 / free) + 0.05)

    def __str__(self) -> str:
        verdict = "well mixed" if self.well_mixed else "not well mixed"
        return (
            f"'{self.column}' is {verdict}: a batch has {self.distinct:.1f} of {self.classes} classes "
            f"({self.expected_distinct:.1f} in a perfect shuffle), class counts vary {self.spread:.2f} times "
            f"as much as by chance, {self.same_neighbour:.0%} of rows follow one of their class "
            f"({self.expected_same_neighbour:.0%} by chance)"
        )


def report(column: str, values: NDArray[np.generic], batch_size: int) -> ShuffleReport:
    """Of the classes in the order of the epoch.

    Args:
        column: for the report.
        values: [rows], in order.
        batch_size: rows of a global batch.

    Raises:
        ArgumentError: there is no row, or rows have more than one value.
    """
    if len(values) == 0:
        raise ArgumentError("a shuffle report needs at least one row, an epoch of this loader has none")
    if values.ndim != 1:
        raise ArgumentError(f"a shuffle report needs a column with one value per row, not '{column}'")
    _, codes = np.unique(values, return_inverse=True)
    rows, classes = len(codes), int(codes.max()) + 1
    batch = np.arange(rows) // batch_size
    batches = int(batch[-1]) + 1
    counts = np.bincount(batch * classes + codes, minlength=batches * classes).reshape(batches, classes)
    totals, sizes = counts.sum(axis=0), counts.sum(axis=1)
    expected = np.outer(sizes, totals) / rows
    statistic = float(((counts - expected) ** 2 / expected).sum())
    # Of tables with these margins: the exact expectation of Pearson's statistic (Haldane 1940).
    chance = rows / max(1, rows - 1) * (batches - 1) * (classes - 1)
    pairs = max(1, rows - 1)
    return ShuffleReport(
        column,
        rows,
        batches,
        classes,
        float((counts > 0).sum(axis=1).mean()),
        float(np.mean([_expected_distinct(rows, totals, int(size)) for size in sizes])),
        statistic / chance if chance else 1.0,
        float((codes[1:] == codes[:-1]).sum()) / pairs,
        float((totals * (totals - 1)).sum()) / (rows * pairs),
    )


def _expected_distinct(rows: int, totals: NDArray[np.int64], size: int) -> float:
    """Classes in a random choice of `size` of the rows, by the hypergeometric law."""
    absent = np.ones(len(totals))
    for drawn in range(size):
        absent *= np.clip(rows - totals - drawn, 0, None) / (rows - drawn)
    return float(len(totals) - absent.sum())
