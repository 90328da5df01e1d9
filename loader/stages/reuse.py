"""Rows that come again soon are decoded once: which they are, and what is kept of them.

Only the order of the epoch decides. A row is kept from one slot to the next slot of the same row where at
most `window` slots lie between them, so never more than `window` rows are kept. What is kept is what all
occurrences share: the decoded row, or what transforms without random numbers make of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import EncodedRows, KeptRow, RowMemory
from tql.loader.schedule import EpochOrder, Positions
from tql.loader.to_numpy import Values


@dataclass(frozen=True, slots=True)
class Turns:
    """The steps that a process makes: `first`, `first` + `stride`, ..."""

    first: int = 0
    stride: int = 1


def come_again(rows: Positions, window: int) -> NDArray[np.bool_]:
    """Which slots have a row that comes again at most `window` slots later.

    Args:
        rows: int64 [slots].
        window: slots.
    """
    by_row = np.argsort(rows, kind="stable")
    near = (rows[by_row[1:]] == rows[by_row[:-1]]) & (by_row[1:] - by_row[:-1] <= window)
    again = np.zeros(len(rows), np.bool_)
    again[by_row[:-1][near]] = True
    return again


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """The rows of a batch, each once.

    Attributes:
        rows: their numbers, ascending.
        firsts: the first slot of each, int64 [rows].
        which: the row of each slot, int64 [slots].
        needed: whether a later batch has the row too, and soon.
    """

    rows: list[int]
    firsts: NDArray[np.int64]
    which: NDArray[np.int64]
    needed: list[bool]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What is kept of one column, by row."""

    memory: RowMemory = field(default_factory=RowMemory)
    stored: dict[int, KeptRow] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)

    def encoded(
        self,
        batch: Distinct,
        positions: Positions,
        fetch: Callable[[Positions], EncodedRows | None],
    ) -> EncodedRows | None:
        """The stored rows of a batch, those that are kept among them.

        Args:
            batch: its rows. Batches come in order.
            positions: of its slots, int64 [slots].
            fetch: positions to their stored rows; asked only for rows that are not kept.

        Returns:
            None where the engine does not decode the rows.
        """
        known = [self.stored.get(row) if needed else self.stored.pop(row, None)
                 for row, needed in zip(batch.rows, batch.needed, strict=True)]  # fmt: skip
        fresh = [number for number, row in enumerate(known) if row is None]
        rows = fetch(positions[batch.firsts[fresh]]) if fresh else None
        if rows is None and fresh:
            return None
        if rows is not None:
            wanted = [at for at, number in enumerate(fresh) if batch.needed[number]]
            for at, row in zip(wanted, rows.keep(np.array(wanted, np.int64), self.memory), strict=True):
                known[fresh[at]] = self.stored[batch.rows[fresh[at]]] = row
        shared = [row for row in known if row is not None]
        source = np.empty(len(known), np.int64)
        source[fresh] = np.arange(len(fresh))
        source[[row is not None for row in known]] = -1 - np.arange(len(shared))
        joined = EncodedRows.join(rows, source[batch.which], shared)
        return fetch(positions) if joined is None else joined

    def decoded(self, batch: Distinct, positions: Positions, decode: Callable[[Positions], Values]) -> Values:
        """The values of a batch that Python decodes, those that are kept among them.

        Args:
            batch: its rows. Batches come in order.
            positions: of its slots, int64 [slots].
            decode: positions to their values; asked only for rows that are not kept.
        """
        fresh = [number for number, row in enumerate(batch.rows) if row not in self.values]
        made = dict(zip(fresh, decode(positions[batch.firsts[fresh]]), strict=True)) if fresh else {}
        values: list[Any] = []
        for number, (row, needed) in enumerate(zip(batch.rows, batch.needed, strict=True)):
            value = made[number] if number in made else self.values[row]
            if needed:
                self.values[row] = value
            else:
                self.values.pop(row, None)
            values.append(value)
        taken = [values[number] for number in batch.which.tolist()]
        if all(isinstance(value, np.ndarray) for value in taken) and len({v.shape for v in taken}) == 1:
            return np.stack(taken)
        # A batch is its caller's, who may write to it.
        return [np.array(value) if isinstance(value, np.ndarray) else value for value in taken]

    def __len__(self) -> int:
        return len(self.stored) + len(self.values)


class Reuse:
    """The rows that come again in the part of an epoch that one process makes.

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
        self._again = come_again(self._rows, window)
        self._kept: dict[str, Kept] = {}

    def of(self, column: str) -> Kept:
        """What is kept of a column."""
        return self._kept.setdefault(column, Kept())

    def batch(self, step: int) -> Distinct:
        """The rows of a batch."""
        number = (step - self._turns.first) // self._turns.stride
        slots = slice(int(self._starts[number]), int(self._starts[number + 1]))
        rows, firsts, which = np.unique(self._rows[slots], return_index=True, return_inverse=True)
        lasts = np.empty(len(rows), np.int64)
        lasts[which] = np.arange(len(which))  # of equal ones the last assignment stays
        needed = self._again[slots][lasts]
        return Distinct(rows.tolist(), firsts.astype(np.int64), which.astype(np.int64), needed.tolist())
