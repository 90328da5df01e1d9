"""Cutting an item that is too large for one chunk into tiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.sources.v3.indexes import TileEntry
from tql.loader.writing.form import Form


@dataclass(frozen=True, slots=True)
class Tiled:
    """One item in tiles: its shape, that of a tile, and a chunk file for each tile."""

    entry: TileEntry
    chunks: list[bytes]


def tile_shape(shape: tuple[int, ...], itemsize: int, form: Form) -> tuple[int, ...]:
    """The extents of a tile: the longest axis is halved, again and again, until a tile is small enough."""
    extents = [float(extent) for extent in shape]
    codec = form.sample_codec or form.chunk_codec
    size = math.prod(shape) * itemsize * (0.5 if codec else 1)
    every_axis = form.htype.kind == "array" and codec in (None, "lz4") and not form.picture
    axes = range(len(extents) if every_axis or len(extents) == 1 else len(extents) - 1)
    while form.tile_bytes and size > form.tile_bytes:
        longest = max(axes, key=lambda axis: extents[axis])
        if extents[longest] <= 1:
            break
        extents[longest] /= 2
        size /= 2
    return tuple(math.ceil(extent) for extent in extents)


def tiles(array: NDArray[Any], entry: TileEntry) -> Iterator[NDArray[Any]]:
    """The tiles of an array in row-major order of the grid."""
    for cell in itertools.product(*map(range, entry.grid)):
        part = tuple(slice(i * step, (i + 1) * step) for i, step in zip(cell, entry.tile, strict=True))
        yield np.ascontiguousarray(array[part])
