"""Fetch and decode together: from the rows of a batch to their values. A row that comes again soon is decoded
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tql._engine import EncodedRows
from tql.loader.schedule import EpochOrder
from tql.loader.stages.decode import Decoder, Decoding
from tql.loader.stages.fetch import ColumnRead, Fetched, Rows, Slots, fetch_column
from tql.loader.stages.reuse import Distinct, Kept, Reuse, Turns
from tql.loader.to_numpy import Values


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A batch whose rows are being decoded.

    Attributes:
        slots: of the batch.
        decoding: its columns.
        reuse: what other batches of the epoch share with it, if there may be something.
        distinct: its rows, where there is.
    """

    slots: Slots
    decoding: Decoding
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
        self._reuse: Reuse | None = None

    def start(self, order: EpochOrder, step: int, slots: Slots) -> Reading:
        """Find the rows of a batch and start decoding them."""
        reuse = self._reuse_of(order, step) if self._shared else None
        distinct = None if reuse is None else reuse.batch(step)
        encoded = {column: self._fetched(column, slots, reuse, distinct) for column in self._columns}
        return Reading(slots, self._decoder.submit(Fetched(slots, encoded)), reuse, distinct)

    def wait(self, reading: Reading) -> dict[str, Values]:
        """The rows of every column, in the order of the columns."""
        return {column.name: self._finished(column, reading) for column in self._columns}

    def _fetched(
        self, column: ColumnRead, slots: Slots, reuse: Reuse | None, distinct: Distinct | None
    ) -> EncodedRows | None:
        def fetched(at: NDArray[np.int64]) -> EncodedRows | None:
            return fetch_column(self._view, column, slots.positions[at])

        if reuse is None or distinct is None or column not in self._shared:
            return fetch_column(self._view, column, slots.positions)
        return reuse.of(column.name).encoded(distinct, fetched)

    def _finished(self, column: ColumnRead, reading: Reading) -> Values:
        decoding, reuse, distinct = reading.decoding, reading.reuse, reading.distinct
        unshared = reuse is None or distinct is None or column not in self._shared
        if unshared or decoding.tickets[column] is not None:
            return self._decoder.finished(column, decoding)

        def read(at: NDArray[np.int64]) -> Values:
            return self._decoder.read(column, reading.slots.positions[at])

        assert reuse is not None and distinct is not None
        kept: Kept = reuse.of(column.name)
        return self._decoder.transformed(column, kept.decoded(distinct, read), reading.slots)

    def _reuse_of(self, order: EpochOrder, step: int) -> Reuse:
        reuse = self._reuse
        if reuse is None or reuse.order is not order or step == self._turns.first:
            reuse = self._reuse = Reuse(order, self._view.indices, self._turns, self._window)
        return reuse


def is_costly(view: Rows, column: ColumnRead) -> bool:
    """Whether decoding a row takes much longer than copying it: samples that are stored compressed."""
    field = view.schema[column.name]
    return column.method == "numpy" and field.encoding is not None and field.type.is_numeric
