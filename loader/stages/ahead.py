"""Stored rows of several batches looked up at once: what it costs to open a chunk and to read its tables is
paid once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tql._engine import EncodedRows
from tql.loader.stages.fetch import ColumnRead, Rows, fetch_column
from tql.loader.stages.repair import UNREADABLE

_MOST_BATCHES = 8
_MOST_BYTES = 32 << 20  # of stored rows
_PACKED = 4  # times that a JPEG is smaller than its pixels, at least
_LEAST_ROW = 1 << 17  # bytes of pixels; files of smaller pictures may be read chunk by chunk, which is memory


def is_worth_it(view: Rows, column: ColumnRead) -> bool:
    """Whether rows are read one by one, so that those of later batches take no more than their own memory."""
    field = view.schema[column.name]
    return column.method == "numpy" and field.encoding == "jpeg" and field.row_bytes >= _LEAST_ROW


class Ahead:
    """Stored rows of one column, of the batch that is wanted and of those that come next."""

    def __init__(self, view: Rows, column: ColumnRead) -> None:
        self._view = view
        self._column = column
        self._most_rows = _MOST_BYTES * _PACKED // max(1, view.schema[column.name].row_bytes)
        self._batches = 1  # looked up at once: few at first, so that the first batch comes soon
        self._positions = np.zeros(0, np.int64)
        self._rows: EncodedRows | None = None

    def fetch(self, positions: NDArray[np.int64], coming: Iterable[NDArray[np.int64]]) -> EncodedRows | None:
        """The stored rows at these positions.

        Args:
            positions: int64 [rows], of a batch.
            coming: the positions of the batches behind it; as many are taken as are looked up.

        Raises:
            what `fetch_column` raises for these positions; what is wrong with later rows comes when these do.
        """
        found = self._taken(positions)
        if found is not None:
            return found
        if self._look_up(positions, coming):
            return self._taken(positions)
        return fetch_column(self._view, self._column, positions)

    def _taken(self, positions: NDArray[np.int64]) -> EncodedRows | None:
        if self._rows is None:
            return None
        at = np.searchsorted(self._positions, positions)
        at[at == len(self._positions)] = 0
        return self._rows.take(at) if np.array_equal(self._positions[at], positions) else None

    def _look_up(self, positions: NDArray[np.int64], coming: Iterable[NDArray[np.int64]]) -> bool:
        wanted, rows = [positions], len(positions)
        if self._batches > 1:
            for more in coming:
                rows += len(more)
                if len(wanted) == self._batches or rows > self._most_rows:
                    break
                wanted.append(more)
        self._batches = min(2 * self._batches, _MOST_BATCHES)
        self._rows = None  # before there are others
        self._positions = np.unique(np.concatenate(wanted))
        try:
            self._rows = fetch_column(self._view, self._column, self._positions)
        except UNREADABLE:
            return False
        return self._rows is not None
