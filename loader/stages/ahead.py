"""Little values of several batches read at once: what each read costs, whatever it reads, is paid once for
all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.stages.fetch import ColumnRead, Rows
from tql.loader.stages.repair import UNREADABLE
from tql.loader.to_numpy import column_values

_MOST_BATCHES = 8
_MOST_BYTES = 1 << 8  # of a row that counts as nothing beside a picture


def is_little(view: Rows, column: ColumnRead) -> bool:
    """Whether rows are few numbers, so that those of later batches take next to no memory: labels."""
    field = view.schema[column.name]
    kind = field.type
    fixed = kind.shape is not None and None not in kind.shape
    plain = kind.is_numeric and fixed and not kind.nested and not kind.sequence and field.encoding is None
    return plain and column.method == "numpy" and column.steps is None and 0 < field.row_bytes <= _MOST_BYTES


class Ahead:
    """The values of one column of little rows, of the batch that is wanted and of those that come next."""

    def __init__(self, view: Rows, column: ColumnRead) -> None:
        self._view = view
        self._column = column
        self._batches = 1
        self._ready: deque[tuple[NDArray[np.int64], NDArray[Any]]] = deque()

    def fetch(self, positions: NDArray[np.int64], coming: Iterable[NDArray[np.int64]]) -> NDArray[Any] | None:
        """The rows at these positions, an array [rows, ...] of their own; None where they are no such array.

        Args:
            positions: int64 [rows], of a batch.
            coming: the positions of the batches behind it; as many are taken as are looked up.

        Raises:
            what reading these positions raises; what is wrong with later rows comes when these do.
        """
        if not self._ready or not np.array_equal(self._ready[0][0], positions):
            wanted = [positions]
            for more in coming if self._batches > 1 else ():
                if len(wanted) == self._batches:
                    break
                wanted.append(more)
            self._batches = min(2 * self._batches, _MOST_BATCHES)
            if not self._look_up(wanted) and (len(wanted) == 1 or not self._look_up([positions])):
                return None
        return self._ready.popleft()[1]

    def _look_up(self, wanted: list[NDArray[np.int64]]) -> bool:
        self._ready.clear()
        together, name = np.concatenate(wanted), self._column.name
        try:
            values = column_values(self._view.take(name, "values", together), self._view.schema.type_of(name))
        except UNREADABLE:
            if len(wanted) == 1:
                raise
            return False
        if not isinstance(values, np.ndarray):
            return False
        ends = np.cumsum([len(positions) for positions in wanted])
        parts = np.split(values, ends[:-1])
        self._ready.extend((positions, part.copy()) for positions, part in zip(wanted, parts, strict=True))
        return True
