"""Rows of chunks that are unpacked whole and don't all fit into the cache: copied out of each chunk to where
the batch has them, so that who holds a batch holds no chunk for it, and each row once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.loader.arrays import Items, as_array
from tql.loader.sources.v3 import codecs
from tql.loader.sources.v3.chunks import ChunkStore


def gather_rows(
    store: ChunkStore, items: Items, order: NDArray[np.int64] | None, dtype: np.dtype[Any]
) -> _engine.EncodedRows | None:
    """Items that are stored raw, decoded.

    Args:
        store: of their tensor.
        items: their numbers.
        order: the one that visits each chunk once, None if the items have it.
        dtype: of their elements.

    Returns:
        None where chunks may be held, and where items are not all of one shape.

    Raises:
        FormatError: for a damaged chunk.
    """
    if len(items) == 0 or store.has_tiles:
        return None
    ordered, slots = items, np.arange(len(items))
    if order is not None:
        ordered, slots = as_array(items)[order], order
    first = store.open(int(store.index.chunk_of(as_array(ordered[:1]))[0]))
    if not store.keeps_apart(first):
        return None
    shape = first.header.shapes_of(range(1))[0]
    row_bytes = int(shape.prod()) * dtype.itemsize
    pieces = list(store.pieces(ordered))
    chunks = [store.open(piece.chunk) for piece in pieces]
    for piece, chunk in zip(pieces, chunks, strict=True):
        if row_bytes == 0 or bool((chunk.header.shapes_of(piece.local) != shape).any()):
            return None
    store.area(first)  # has room for a row: only now is it known that rows are as large as the header says
    rows = _engine.empty_bytes(len(items) * row_bytes).reshape(len(items), row_bytes)
    at = 0
    for piece, chunk in zip(pieces, chunks, strict=True):
        starts, _ = chunk.header.spans(piece.local)
        end = at + len(starts)
        _engine.copy_rows(store.area(chunk), starts, rows, slots[at:end])
        at = end
    codecs.as_elements(rows.reshape(-1), dtype, first.header.place)
    return _engine.EncodedRows.adopt(rows.view(dtype).reshape(len(items), *shape.tolist()))
