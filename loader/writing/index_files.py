"""The index files of a tensor as bytes; the reader's counterparts are in sources/v3/indexes.py."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tql.loader.sources.v3.indexes import TileEntry
from tql.loader.writing.blocks import runs
from tql.loader.writing.chunk_file import VERSION_FIELD

_WIDTH = 8


def encode_chunk_index(ids: Sequence[int], last: Sequence[int]) -> bytes:
    """`chunks_index/unsharded`: the id of each chunk and the last item that it holds."""
    table = np.empty((len(ids), 2), "<u8")
    table[:, 0] = ids
    table[:, 1] = last
    return VERSION_FIELD + bytes([_WIDTH]) + table.tobytes()


def encode_tile_index(tiles: Mapping[int, TileEntry]) -> bytes:
    """`tiles_index/unsharded`: item to its shape and that of its tiles."""
    if not tiles:
        return VERSION_FIELD + struct.pack("<Q", 0)
    rank = len(next(iter(tiles.values())).shape)
    rows = [(item, *entry.shape, *entry.tile) for item, entry in sorted(tiles.items())]
    return VERSION_FIELD + struct.pack("<QQ", len(rows), rank) + np.array(rows, "<u8").tobytes()


def encode_sequence_index(counts: NDArray[np.int64]) -> bytes:
    """`sequence_index/unsharded`: int64 [rows], the number of items of each row."""
    values, last = runs(counts)
    rows = np.diff(last, prepend=-1)
    firsts = np.cumsum(values * rows) - values * rows
    return VERSION_FIELD + np.column_stack([values, firsts, last]).astype("<u4").tobytes()


def encode_creds_index(codes: NDArray[np.int64]) -> bytes:
    """`creds_index/unsharded`: int64 [items], which credentials each link needs, 0 for none."""
    return VERSION_FIELD + np.column_stack(runs(codes)).astype("<u4").tobytes()
