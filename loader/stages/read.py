"""Fetch and decode together: from the rows of a batch to their values. A row that comes again soon is decoded
once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import EncodedRows
from tql.loader.schedule import EpochOrder
from tql.loader.stages.ahead import Ahead, is_little
from tql.loader.stages.decode import Decoder, Decoding
from tql.loader.stages.fetch import ColumnRead, Fetched, Rows, Slots, StoredRows, fetch_column, fixed_rows
from tql.loader.stages.reuse import Distinct, Reuse, Turns
from tql.loader.to_numpy import Values


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A batch whose rows are being decoded.

    Attributes:
        slots: of the batch.
        decoding: its columns, but for those that are there already.
        values: those.
        reuse: what other batches of the epoch share with it, if there may be something.
        distinct: its rows, where there is.
    """

    slots: Slots
    decoding: Decoding
    values: dict[str, NDArray[Any]]
    reuse: Reuse | None = None
    distinct: Distinct | None = None


class Reader:
    """Reads the batches of one process, in the order of its turns.

    Args:
        view: the rows.
        columns: what is read of each.
        decoder: decodes them.
        turns: the batches that the process makes.
        window: within how many rows a row that comes again is decoded once; 0 decodes every row.
    """

    def __init__(
        self, view: Rows, columns: Sequence[ColumnRead], decoder: Decoder, turns: Turns, window: int
    ) -> None:
        self._view = view
        self._columns = columns
        self._decoder = decoder
        self._turns = turns
        self._window = window
        self._shared = {column for column in columns if window and is_costly(view, column)}
        little = [column for column in columns if is_little(view, column)]
        self._ahead = {column: Ahead(view, column) for column in little if len(little) < len(columns)}
        self._reuse: Reuse | None = None

    def start(self, order: EpochOrder, step: int, slots: Slots) -> Reading:
        """Find the rows of a batch and start decoding them."""
        reuse = self._reuse_of(order, step) if self._shared else None
        distinct = None if reuse is None else reuse.batch(step)
        encoded: dict[ColumnRead, StoredRows | None] = {}
        values: dict[str, NDArray[Any]] = {}
        for column in self._columns:
            if column in self._ahead:
                found = self._ahead[column].fetch(slots.positions, self._coming(order, step))
                if found is not None:
                    values[column.name] = found
                    continue
            kept = reuse.of(column.name) if reuse is not None and column in self._shared else None

            def fetch(positions: NDArray[np.int64], column: ColumnRead = column) -> EncodedRows | None:
                return fetch_column(self._view, column, positions)

            if kept is None or distinct is None:
                fixed = fixed_rows(self._view, column, slots.positions)
                encoded[column] = fetch(slots.positions) if fixed is None else fixed
            else:
                encoded[column] = kept.encoded(distinct, slots.positions, fetch)
        return Reading(slots, self._decoder.submit(Fetched(slots, encoded)), values, reuse, distinct)

    def wait(self, reading: Reading) -> dict[str, Values]:
        """The rows of every column, in the order of the columns."""
        return {
            column.name: reading.values[column.name]
            if column.name in reading.values
            else self._finished(column, reading)
            for column in self._columns
        }

    def _coming(self, order: EpochOrder, step: int) -> Iterator[NDArray[np.int64]]:
        """The positions of the batches behind a step."""
        for later in range(step + self._turns.stride, len(order), self._turns.stride):
            yield order.batch(later)

    def _finished(self, column: ColumnRead, reading: Reading) -> Values:
        decoding, reuse, distinct = reading.decoding, reading.reuse, reading.distinct
        unshared = reuse is None or distinct is None or column not in self._shared
        if unshared or decoding.tickets[column] is not None:
            return self._decoder.finished(column, decoding)

        def read(positions: NDArray[np.int64]) -> Values:
            return self._decoder.read(column, positions)

        assert reuse is not None and distinct is not None
        values = reuse.of(column.name).decoded(distinct, reading.slots.positions, read)
        return self._decoder.transformed(column, values, reading.slots)

    def _reuse_of(self, order: EpochOrder, step: int) -> Reuse:
        reuse = self._reuse
        if reuse is None or reuse.order is not order or step == self._turns.first:
            reuse = self._reuse = Reuse(order, self._view.indices, self._turns, self._window)
        return reuse


def is_costly(view: Rows, column: ColumnRead) -> bool:
    """Whether decoding a row takes much longer than copying it: samples that are stored compressed, each by
    itself. Rows that are compressed together are copied from their chunk, which is kept.
    """
    field = view.schema[column.name]
    if column.method != "numpy" or field.encoding is None or field.by_chunk:
        return False
    return field.type.is_numeric
