"""Row ranges to read together: along chunk boundaries, each small enough to be held in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TARGET_BYTES = 16 << 20
"""Decoded size from which neighbouring chunks are no longer joined."""

MAX_BYTES = 64 << 20
MAX_ROWS = 1 << 22
DEFAULT_ROW_BYTES = 64


def even_ranges(num_rows: int, row_bytes: int) -> list[tuple[int, int]]:
    """Ranges of equal length for rows without chunks."""
    step = max(1, min(MAX_ROWS, TARGET_BYTES // max(row_bytes, 1)))
    return [(start, min(start + step, num_rows)) for start in range(0, num_rows, step)]


def chunk_ranges(boundaries: NDArray[np.int64], num_rows: int, row_bytes: int) -> list[tuple[int, int]]:
    """Ranges that end at chunk boundaries, except where one chunk alone is too large."""
    most = max(1, min(MAX_ROWS, MAX_BYTES // max(row_bytes, 1)))
    target = max(1, min(MAX_ROWS, TARGET_BYTES // max(row_bytes, 1)))
    edges = np.unique(
        np.concatenate([[0], boundaries[(boundaries > 0) & (boundaries < num_rows)], [num_rows]])
    )
    ranges: list[tuple[int, int]] = []
    start = 0
    while start < num_rows:
        # As many whole chunks as stay within the target; at least one, cut if it is too large.
        stop = int(edges[np.searchsorted(edges, start + target, side="right") - 1])
        if stop <= start:
            stop = int(edges[np.searchsorted(edges, start, side="right")])
        while start < stop:
            ranges.append((start, min(start + most, stop)))
            start = ranges[-1][1]
    return ranges
