"""Polygons: an item is a list of arrays [points, ndim], stored as their number, the points of each, then all
coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.arrays import (
    ArrayRows,
    Items,
    ListRows,
    concat_arrays,
    gather,
    offsets_of,
    spread,
    take_arrays,
)
from tql.loader.sources.v3.place import Place

_SIZE = np.dtype("<u2")


def decode_polygons(
    area: NDArray[np.uint8],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    shapes: NDArray[np.int64],
    dtype: np.dtype[Any],
    place: Place,
    rows: Items,
) -> ListRows:
    """Items of polygons as lists of arrays.

    Args:
        area: bytes that hold the items: u16 number of polygons, u16 points of each, coordinates as `dtype`.
        starts, sizes: int64 [items], where each lies in `area`; 0 bytes for no polygons.
        shapes: int64 [items, 3]: (polygons, most points of one, coordinates per point).
        dtype: of the coordinates.
        rows: the items' numbers, for errors.

    Raises:
        FormatError: if the counts of an item contradict its bytes or its shape row.
    """
    if shapes.shape[1] != 3:
        raise place.damaged(f"polygons have shape rows of rank 3, not {shapes.shape[1]}")

    def check(wrong: NDArray[np.bool_], what: str) -> None:
        if bool(wrong.any()):
            raise place.damaged(what, row=int(rows[int(np.argmax(wrong))]))

    filled = sizes > 0
    check(filled & (sizes < 2), "an item of polygons is too short for their number")
    number = np.zeros(len(sizes), np.int64)
    number[filled] = _numbers(area, starts[filled], np.ones(int(filled.sum()), np.int64))
    check(number != shapes[:, 0], "the number of polygons is not that of the shape row")
    heads = np.where(filled, 2 + 2 * number, 0)
    check(heads > sizes, "an item of polygons ends within the points of each")
    points = _numbers(area, starts + 2, number)
    owners = np.repeat(np.arange(len(sizes)), number)
    total = np.zeros(len(sizes), np.int64)
    np.add.at(total, owners, points)
    most = np.zeros(len(sizes), np.int64)
    np.maximum.at(most, owners, points)
    check(most != shapes[:, 1], "the most points of a polygon are not those of the shape row")
    # The shape row may say anything up to 2^32: divided instead of multiplied, nothing can overflow.
    width, left = shapes[:, 2] * dtype.itemsize, sizes - heads
    filled = (width > 0) & (total > 0)
    fits = np.where(
        filled, (left % np.maximum(width, 1) == 0) & (left // np.maximum(width, 1) == total), left == 0
    )
    check(~fits, "the points of the polygons are not as many as its bytes")
    coordinates = gather(area, starts + heads, sizes - heads)
    extents = np.stack([points, shapes[owners, 2]], axis=1)
    values = np.ascontiguousarray(coordinates).view(dtype.newbyteorder("<"))
    return ListRows(offsets_of(number), ArrayRows(values, extents))


def _numbers(
    area: NDArray[np.uint8], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The u16 numbers at these places, `counts[i]` of them from `starts[i]` on."""
    data = np.ascontiguousarray(gather(area, starts, _SIZE.itemsize * counts))
    return data.view(_SIZE).astype(np.int64)


def concat_polygons(parts: Sequence[ListRows], dtype: np.dtype[Any]) -> ListRows:
    """Items of several chunks, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    counts = [np.diff(part.offsets) for part in parts]
    entries = [part.entries for part in parts if isinstance(part.entries, ArrayRows) and len(part.entries)]
    offsets = offsets_of(np.concatenate(counts) if counts else np.zeros(0, np.int64))
    return ListRows(offsets, concat_arrays(entries, 2, dtype))


def take_polygons(rows: ListRows, order: NDArray[np.int64]) -> ListRows:
    """The items at these positions, repeats allowed."""
    assert isinstance(rows.entries, ArrayRows)
    counts = np.diff(rows.offsets)[order]
    return ListRows(offsets_of(counts), take_arrays(rows.entries, spread(rows.offsets[order], counts)))
