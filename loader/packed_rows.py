"""Numbers of rows as they travel in a pickle: a byte or two for each where the rows of a filter lie close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.rows import ascending


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Numbers of rows in the narrowest unsigned type that holds them.

    Attributes:
        numbers: [n]: the row numbers; where `first` is set [n - 1]: how far each row lies behind the one
            before.
        first: of rows that ascend, the first one. None: they do not, or there are none.
    """

    numbers: NDArray[np.unsignedinteger[Any]]
    first: int | None

    @classmethod
    def of(cls, rows: NDArray[np.int64]) -> PackedRows:
        """Rows of at least 0, int64 [n], in any order."""
        if len(rows) and ascending(rows):
            return cls(_narrow(np.diff(rows)), int(rows[0]))
        return cls(_narrow(rows), None)

    def unpacked(self) -> NDArray[np.int64]:
        """The rows, int64 [n]."""
        if self.first is None:
            return self.numbers.astype(np.int64)
        rows = np.empty(len(self.numbers) + 1, np.int64)
        rows[0] = 0
        np.cumsum(self.numbers, out=rows[1:])
        return rows + self.first


def _narrow(numbers: NDArray[np.int64]) -> NDArray[np.unsignedinteger[Any]]:
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))
