"""Fetch and decode together: from the rows of a batch to their values. A row that comes again soon is decoded
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tql.loader.schedule import EpochOrder, Positions
from tql.loader.stages.decode import Decoder, Decoding
from tql.loader.stages.fetch import ColumnRead, Rows, fetch
from tql.loader.stages.reuse import Reuse, Turns
from tql.loader.to_numpy import Values


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A batch whose rows are being decoded.

    Attributes:
        positions: all rows of the batch.
        plain: the columns of which every row is decoded.
        fresh: the other columns, those rows alone that were not decoded just before.
        reuse: where the rest of their rows is.
        step: of the epoch.
    """

    positions: Positions
    plain: Decoding
    fresh: Decoding | None = None
    reuse: Reuse | None = None
    step: int = 0


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
        shared = [column for column in columns if window and is_costly(view, column)]
        self._shared = shared
        self._plain = [column for column in columns if column not in shared]
        self._reuse: Reuse | None = None

    def start(self, order: EpochOrder, step: int, positions: Positions) -> Reading:
        """Find the rows of a batch and start decoding them."""
        plain = self._decoder.submit(fetch(self._view, self._plain, positions, order.epoch))
        if not self._shared:
            return Reading(positions, plain)
        reuse = self._reuse_of(order, step)
        wanted = reuse.decoded(step, positions)
        fresh = None
        if len(wanted):
            fresh = self._decoder.submit(fetch(self._view, self._shared, wanted, order.epoch))
        return Reading(positions, plain, fresh, reuse, step)

    def wait(self, reading: Reading) -> dict[str, Values]:
        """The rows of every column, in the order of the columns."""
        values = self._decoder.wait(reading.plain)
        if reading.reuse is None:
            return values
        decoded = {} if reading.fresh is None else self._decoder.wait(reading.fresh)
        for column in self._shared:
            rows = reading.reuse.complete(reading.step, column.name, decoded.get(column.name, []))
            if rows is None:
                again = fetch(self._view, [column], reading.positions, reading.reuse.order.epoch)
                rows = self._decoder.wait(self._decoder.submit(again))[column.name]
            values[column.name] = rows
        return {column.name: values[column.name] for column in self._columns}

    def _reuse_of(self, order: EpochOrder, step: int) -> Reuse:
        reuse = self._reuse
        if reuse is None or reuse.order is not order or step == self._turns.first:
            reuse = self._reuse = Reuse(order, self._view.indices, self._turns, self._window)
        return reuse


def is_costly(view: Rows, column: ColumnRead) -> bool:
    """Whether decoding a row takes much longer than copying it: samples that are stored compressed."""
    field = view.schema[column.name]
    return column.method == "numpy" and field.encoding is not None and field.type.is_numeric
