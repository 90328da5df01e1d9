"""Items that are cut into tiles: one chunk per tile, put together in row-major order of the grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.sources.v3.chunk import ChunkHeader
from tql.loader.sources.v3.codecs import decode_item
from tql.loader.sources.v3.indexes import TileEntry
from tql.loader.sources.v3.place import MAX_ITEM_BYTES, Place


def check_entry(entry: TileEntry, chunks: int, rank: int, itemsize: int, place: Place) -> None:
    """The tile index agrees with the rank and the chunk index, and the whole item stays within the limit.

    Raises:
        FormatError: if not.
    """
    if len(entry.shape) != rank:
        raise place.damaged(f"a tiled item has rank {len(entry.shape)}, the tensor has {rank}")
    if entry.count != chunks:
        raise place.damaged(f"a tiled item needs {entry.count} tiles, the chunk index has {chunks}")
    size = math.prod(entry.shape) * itemsize
    if size > MAX_ITEM_BYTES:
        raise place.damaged(f"a tiled item of {size} bytes is larger than the limit")


def assemble(
    entry: TileEntry,
    tiles: Iterable[tuple[ChunkHeader, NDArray[np.uint8]]],
    codec: str | None,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Put the decoded tiles together; one that was announced but never written is zeros."""
    whole = np.zeros(entry.shape, dtype)
    for cell, (header, stored) in zip(itertools.product(*map(range, entry.grid)), tiles, strict=True):
        origin = [index * step for index, step in zip(cell, entry.tile, strict=True)]
        box = zip(entry.shape, origin, entry.tile, strict=True)
        extent = tuple(min(step, size - begin) for size, begin, step in box)
        if len(header.shapes) != 1 or header.has_positions or tuple(header.shapes[0].tolist()) != extent:
            raise header.place.damaged(f"a tile is not of shape {list(extent)}")
        if len(stored) or 0 in extent:
            part = decode_item(stored, codec, extent, dtype, header.place)
            whole[tuple(slice(b, b + n) for b, n in zip(origin, extent, strict=True))] = part
    return whole
