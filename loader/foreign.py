"""Arrays of numbers that the engine does not compute with (complex ones, dates): it carries them as bytes.

A row is its rank (1 byte), its shape (int64 each) and its values, all little-endian and in C order.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.arrays import ArrayRows, TextRows, element_offsets, offsets_of


def to_bytes(rows: ArrayRows) -> TextRows:
    """The rows as the engine carries them."""
    offsets = element_offsets(rows.shapes)
    values, rank = rows.values.astype(rows.values.dtype.newbyteorder("<"), copy=False), rows.shapes.shape[1]
    shapes = np.ascontiguousarray(rows.shapes.astype("<i8"))
    pieces = [
        bytes([rank]) + shape.tobytes() + values[start:stop].tobytes()
        for shape, (start, stop) in zip(shapes, itertools.pairwise(offsets.tolist()), strict=True)
    ]
    sizes = np.fromiter((len(piece) for piece in pieces), np.int64, len(pieces))
    return TextRows(offsets_of(sizes), np.frombuffer(b"".join(pieces), np.uint8), rows.validity)


def from_bytes(row: bytes, dtype: str) -> NDArray[Any]:
    """The array that a row is, in memory of its own."""
    rank = row[0]
    shape = np.frombuffer(row, "<i8", rank, 1)
    values = np.frombuffer(row, np.dtype(dtype).newbyteorder("<"), offset=1 + 8 * rank)
    return values.reshape(shape).astype(np.dtype(dtype))
