"""Rows of chunks that are unpacked whole: copied out of each chunk to where the batch has them, so that who
holds a batch holds no chunk for it, and each row once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.loader.arrays import Items, as_array
from tql.loader.sources.v3 import codecs
from tql.loader.sources.v3.chunks import Chunk, ChunkStore, Piece


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
        None where chunks may be held, and for items without elements.

    Raises:
        FormatError: for a damaged chunk.
    """
    if len(items) == 0 or store.has_tiles or not store.keeps_apart(_first_chunk(store, items)):
        return None
    visit = _Visit.of(store, items, order)
    if not visit.uniform():
        return _gather_each(store, visit, dtype)
    shape = visit.shape()
    if shape is None:
        return None
    row_bytes = math.prod(shape) * dtype.itemsize
    store.area(visit.chunks[0])  # holds a row: only now is it known that they are as large as the header says
    rows = _engine.empty_bytes(len(items) * row_bytes).reshape(len(items), row_bytes)
    for piece, chunk, slots in visit:
        _engine.copy_rows(store.area(chunk), chunk.header.spans(piece.local)[0], rows, slots)
    codecs.as_elements(rows.reshape(-1), dtype, visit.chunks[0].header.place)
    return _engine.EncodedRows.adopt(rows.view(dtype).reshape(len(items), *shape))


def gather_images(
    store: ChunkStore, items: Items, order: NDArray[np.int64] | None, codec: str, dtype: np.dtype[Any]
) -> _engine.EncodedRows | None:
    """The same for items of chunks that are one image of this codec."""
    if len(items) == 0 or store.has_tiles:
        return None
    visit = _Visit.of(store, items, order)
    shape = visit.shape() if visit.uniform() else None
    if shape is None:
        return None
    store.strip(visit.chunks[0], codec)  # as above
    size = len(items) * math.prod(shape) * dtype.itemsize
    rows = _engine.empty_bytes(size).view(dtype).reshape(len(items), *shape)
    for piece, chunk, slots in visit:
        strip = store.strip(chunk, codec)
        for slot, item in zip(slots.tolist(), piece.local, strict=True):
            rows[slot] = strip[item]
    return _engine.EncodedRows.adopt(rows)


def _gather_each(store: ChunkStore, visit: _Visit, dtype: np.dtype[Any]) -> _engine.EncodedRows:
    """Items of different shapes, each an array of its own."""
    rows: list[NDArray[Any]] = [np.zeros(0, dtype)] * len(visit.slots)
    for piece, chunk, slots in visit:
        area, header = store.area(chunk), chunk.header
        starts, sizes = header.spans(piece.local)
        places = zip(slots.tolist(), starts.tolist(), sizes.tolist(), strict=True)
        for (slot, start, size), shape in zip(places, header.shapes_of(piece.local).tolist(), strict=True):
            elements = codecs.as_elements(area[start : start + size].copy(), dtype, header.place)
            rows[slot] = elements.reshape(shape)
    return _engine.EncodedRows.adopt(rows)


@dataclass(frozen=True, slots=True)
class _Visit:
    """Items chunk by chunk: pieces, the chunk of each, and where each item goes."""

    pieces: list[Piece]
    chunks: list[Chunk]
    slots: NDArray[np.int64]

    @classmethod
    def of(cls, store: ChunkStore, items: Items, order: NDArray[np.int64] | None) -> _Visit:
        pieces = list(store.pieces(items if order is None else as_array(items)[order]))
        chunks = [store.open(piece.chunk) for piece in pieces]
        return cls(pieces, chunks, np.arange(len(items)) if order is None else order)

    def uniform(self) -> bool:
        """Whether all items have one shape."""
        shape = self.chunks[0].header.shapes_of(self.pieces[0].local)[0]
        return all(
            bool((chunk.header.shapes_of(piece.local) == shape).all())
            for piece, chunk in zip(self.pieces, self.chunks, strict=True)
        )

    def shape(self) -> tuple[int, ...] | None:
        """That of the first item; None if it has no elements."""
        shape = self.chunks[0].header.shapes_of(self.pieces[0].local)[0]
        return tuple(shape.tolist()) if shape.all() else None

    def __iter__(self) -> Iterator[tuple[Piece, Chunk, NDArray[np.int64]]]:
        at = 0
        for piece, chunk in zip(self.pieces, self.chunks, strict=True):
            yield piece, chunk, self.slots[at : at + len(piece.items)]
            at += len(piece.items)


def _first_chunk(store: ChunkStore, items: Items) -> Chunk:
    return store.open(int(store.index.chunk_of(as_array(items[:1]))[0]))
