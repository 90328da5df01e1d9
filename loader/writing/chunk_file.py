"""Chunk files: a block of items to bytes, and back for those that are edited."""

from __future__ import annotations

import struct

import numpy as np

from tql.loader import compression
from tql.loader.sources.v3 import codecs
from tql.loader.sources.v3.chunk import ChunkHeader, check_data_size, parse_chunk
from tql.loader.sources.v3.meta import IMAGE_CODECS
from tql.loader.sources.v3.place import Place
from tql.loader.storage.store import Parts
from tql.loader.writing.blocks import Block, runs
from tql.loader.writing.strips import encode_strip

VERSION = "3.9.52"
"""The version that every file names, of the package whose format this is: dotted integers."""

VERSION_FIELD = bytes([len(VERSION)]) + VERSION.encode("ascii")


def encode_chunk(block: Block, codec: str | None, dtype: np.dtype[np.generic]) -> Parts:
    """A chunk file, in parts so that the data area need not be copied.

    Args:
        block: its items.
        codec: the compression of the data area, None where there is none or items are compressed one by one.
        dtype: of the elements; for image codecs.
    """
    if codec is None:
        return _file(block, block.data, positions=True)
    if codec == "lz4":
        return _file(block, compression.lz4_compress(block.data), positions=True)
    shaped = block.shapes.shape[1] > 0
    strip = encode_strip(block, codec, dtype) if shaped else b""
    return _file(block, strip, positions=not shaped)


def encode_tile(shape: tuple[int, ...], data: bytes) -> bytes:
    """The chunk file of one tile; `data` is encoded."""
    return b"".join(_file(Block.uniform(1, shape, len(data), b""), data, positions=False))


def _file(block: Block, area: bytes | bytearray | memoryview, positions: bool) -> Parts:
    rank = block.shapes.shape[1]
    shapes, last = runs(block.shapes) if rank else (block.shapes[:0], np.zeros(0, np.int64))
    shape_rows = np.column_stack([shapes, last]) if len(last) else np.zeros((0, 0), np.int64)
    position_rows = np.zeros((0, 3), np.int64)
    if positions and len(block):
        sizes, ends = runs(block.sizes)
        counts = np.diff(ends, prepend=-1)
        starts = np.cumsum(sizes * counts) - sizes * counts
        position_rows = np.column_stack([sizes, starts, ends])
    head = (
        VERSION_FIELD,
        struct.pack("<ii", *shape_rows.shape) if len(shape_rows) else bytes(8),
        shape_rows.astype("<u4").tobytes(),
        struct.pack("<I", len(position_rows)),
        position_rows.astype("<u4").tobytes(),
    )
    return b"".join(head), area


def decode_chunk(
    data: bytes, items: int, rank: int | None, codec: str | None, dtype: np.dtype[np.generic], place: Place
) -> Block:
    """The items of a chunk file.

    Raises:
        FormatError: if it is damaged.
    """
    header = parse_chunk(memoryview(data), items, rank, place)
    stored = np.frombuffer(data, np.uint8, offset=header.data_start)
    shapes = np.asarray(header.shapes_of(range(items)))
    if codec in IMAGE_CODECS and not header.has_positions:
        pixels = codecs.decode_strip(stored, str(codec), header, shapes, dtype)
        parts = [np.ascontiguousarray(item).tobytes() for item in pixels]
        return Block.of(shapes.tolist(), parts, shapes.shape[1])
    area = codecs.unpack_area(stored, header) if codec == "lz4" else stored
    check_data_size(header, len(area))
    if not len(header.shapes):
        shapes = np.zeros((items, 0), np.int64)
    return Block(shapes, _sizes(header), area.tobytes())


def _sizes(header: ChunkHeader) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if len(header.last) == 1:
        return np.broadcast_to(header.sizes[0], (header.num_items,))
    return np.repeat(header.sizes, np.diff(header.last, prepend=-1))
