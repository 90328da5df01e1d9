"""Rows that come again soon are decoded once: which they are, and the values kept for them.

Only the order of the epoch decides. A row's values are kept from one slot to the next slot of the same row
where at most `window` slots lie between them, so never more than `window` rows are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.schedule import EpochOrder, Positions
from tql.loader.to_numpy import Values


@dataclass(frozen=True, slots=True)
class Turns:
    """The steps that a process makes: `first`, `first` + `stride`, ..."""

    first: int = 0
    stride: int = 1


def near_repeats(rows: Positions, window: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which slots have a row that came at most `window` slots before, and which one that comes again so soon.

    Args:
        rows: int64 [slots].
        window: slots.
    """
    by_row = np.argsort(rows, kind="stable")
    same = rows[by_row[1:]] == rows[by_row[:-1]]
    near = same & (by_row[1:] - by_row[:-1] <= window)
    again, needed = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    again[by_row[1:][near]] = True
    needed[by_row[:-1][near]] = True
    return again, needed


class Reuse:
    """The rows of one epoch that one process decodes, and those that it takes from what it decoded before.

    Args:
        order: of the epoch.
        rows: int64 [rows of the view], equal for positions that hold the same row of the dataset.
        turns: the steps that the process makes.
        window: see the module.
    """

    def __init__(self, order: EpochOrder, rows: NDArray[np.int64], turns: Turns, window: int) -> None:
        self.order = order
        self._turns = turns
        batches = [rows[order.batch(step)] for step in range(turns.first, len(order), turns.stride)]
        self._starts = np.cumsum([0, *map(len, batches)])
        self._rows = np.concatenate(batches) if batches else np.zeros(0, np.int64)
        self._again, self._needed = near_repeats(self._rows, window)
        self._kept: dict[tuple[int, str], NDArray[Any]] = {}

    def fresh(self, step: int) -> NDArray[np.bool_]:
        """Which rows of a batch have to be decoded, bool [rows of the batch]."""
        return ~self._again[self._slots(step)]

    def decoded(self, step: int, positions: Positions) -> Positions:
        """The rows of a batch, those that are not decoded again replaced by a neighbour that is: equal rows
        side by side are decoded once, straight into the batch. Empty if no row is decoded.
        """
        fresh = np.flatnonzero(self.fresh(step))
        if len(fresh) == 0:
            return positions[:0]
        before = np.searchsorted(fresh, np.arange(len(positions)), side="right") - 1
        return positions[fresh[np.maximum(before, 0)]]

    def kept(self) -> int:
        """Values that are kept now."""
        return len(self._kept)

    def complete(self, step: int, column: str, decoded: Values) -> Values | None:
        """The rows of a column for a batch.

        Batches have to be completed in order.

        Args:
            step: of the batch.
            column: its name.
            decoded: the rows at `decoded(step, ...)`; what has to be replaced is, in place where it fits.

        Returns:
            None if a row is not there: the batch that should have decoded it has failed.
        """
        slots = self._slots(step)
        rows, again, needed = (part[slots] for part in (self._rows, self._again, self._needed))
        values: list[Any] = list(decoded) if len(decoded) else [None] * len(rows)
        in_place = isinstance(decoded, np.ndarray)
        for slot, (row, is_again, is_needed) in enumerate(
            zip(rows.tolist(), again.tolist(), needed.tolist(), strict=True)
        ):
            key = row, column
            if is_again:
                kept = self._kept.get(key) if is_needed else self._kept.pop(key, None)
                if kept is None:
                    return None
                if in_place and values[slot].shape == kept.shape:
                    values[slot][...] = kept
                    continue
                in_place, values[slot] = False, np.array(kept)
            elif is_needed:
                # The batch is the caller's, who may write to it: what is kept has memory of its own.
                self._kept[key] = np.array(values[slot])
        if in_place:
            return decoded
        return np.stack(values) if len({value.shape for value in values}) == 1 else values

    def _slots(self, step: int) -> slice:
        number = (step - self._turns.first) // self._turns.stride
        return slice(int(self._starts[number]), int(self._starts[number + 1]))
