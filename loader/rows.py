"""From what a caller writes between brackets to positions within a view."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError, RowIndexError


def positions(key: Any, length: int) -> NDArray[np.int64]:
    """The rows that a slice, a list or array of integers, or a bool mask picks, in the order it asks for.

    Args:
        key: what stands between the brackets. Negative integers count from the end; a slice clips.
        length: rows of the view.

    Returns:
        int64 positions from 0 to length - 1, repeats allowed.

    Raises:
        RowIndexError: a row out of range.
        ArgumentError: a mask of the wrong length, or a key of another kind.
    """
    if isinstance(key, slice):
        return np.arange(*_bounds(key, length), dtype=np.int64)
    picked = np.asarray(key)
    if picked.size == 0 and picked.ndim == 1:
        return np.zeros(0, np.int64)
    if picked.ndim != 1 or picked.dtype.kind not in "biu":
        raise ArgumentError(
            f"rows are picked by an integer, a slice, a list of integers or a bool mask, got {_shown(key)}"
        )
    if picked.dtype.kind == "b":
        if len(picked) != length:
            raise ArgumentError(f"a mask must have one bool per row: {length} rows, got {len(picked)} bools")
        return np.flatnonzero(picked).astype(np.int64)
    wrong = np.flatnonzero((picked >= length) | (picked < -length))
    if len(wrong):
        raise _out_of_range(int(picked[wrong[0]]), length)
    rows = picked.astype(np.int64)
    return np.where(rows < 0, rows + length, rows)


def position(key: int, length: int) -> int:
    """One row; a negative number counts from the end.

    Raises:
        RowIndexError: if there is no such row.
    """
    if not -length <= key < length:
        raise _out_of_range(key, length)
    return key + length if key < 0 else key


def ascending(rows: NDArray[np.int64]) -> bool:
    """Whether the order is that of the rows themselves; repeats do not change an order."""
    return len(rows) < 2 or bool((rows[1:] >= rows[:-1]).all())


def _out_of_range(row: int, length: int) -> RowIndexError:
    return RowIndexError(f"row {row} is out of range: there are {length} rows")


def _bounds(key: slice, length: int) -> tuple[int, int, int]:
    try:
        return key.indices(length)
    except (TypeError, ValueError):
        raise ArgumentError(f"a slice needs integers and a step other than 0, got {_shown(key)}") from None


def _shown(key: Any) -> str:
    if isinstance(key, slice):
        return f"[{key.start}:{key.stop}:{key.step}]"
    return f"an array of {key.dtype} of rank {key.ndim}" if isinstance(key, np.ndarray) else repr(key)[:60]
