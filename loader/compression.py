"""Raw LZ4 blocks: read through the engine where it was built with liblz4, else through the Python package."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.errors import MissingDependencyError

LZ4_EXPANSION = 255
"""A byte of a block holds no more bytes (LZ4 block format)."""


class Lz4Error(ValueError):
    """The block is damaged."""


def lz4_decompress(block: Any, size: int) -> NDArray[np.uint8]:
    """The `size` bytes that a raw LZ4 block holds.

    Raises:
        Lz4Error: if the block is damaged or holds another number of bytes.
        MissingDependencyError: if neither the engine nor Python can decompress.
    """
    if size > LZ4_EXPANSION * len(block) + 16:
        raise Lz4Error(f"{len(block)} bytes can't hold {size}")
    if native_lz4():
        try:
            return _engine.lz4_decompress(block, size)
        except _engine.EngineError:
            raise Lz4Error("the block is damaged") from None
    return _with_package(block, size)


@cache
def native_lz4() -> bool:
    """Whether this build of the engine decompresses LZ4."""
    return "lz4" in _engine.codecs()


def _with_package(block: Any, size: int) -> NDArray[np.uint8]:
    try:
        import lz4.block
    except ImportError:
        raise MissingDependencyError(
            "reading lz4 data needs the package lz4", hint="install it: pip install tql[lz4]"
        ) from None
    try:
        data = lz4.block.decompress(bytes(block), uncompressed_size=size)
    except lz4.block.LZ4BlockError:
        raise Lz4Error("the block is damaged") from None
    if len(data) != size:
        raise Lz4Error(f"the block holds {len(data)} bytes, not {size}")
    return np.frombuffer(data, np.uint8)


def lz4_decompress_frame(frame: Any, limit: int) -> NDArray[np.uint8]:
    """The bytes that an LZ4 frame holds, at most `limit`.

    Raises:
        Lz4Error: if the frame is damaged, holds more, or something follows it.
        MissingDependencyError: if the package lz4 is not installed.
    """
    try:
        import lz4.frame
    except ImportError:
        raise MissingDependencyError(
            "reading lz4 frames needs the package lz4", hint="install it: pip install tql[lz4]"
        ) from None
    unpacker = lz4.frame.LZ4FrameDecompressor()
    try:
        data = unpacker.decompress(bytes(frame), max_length=limit + 1)
    except RuntimeError:
        raise Lz4Error("the frame is damaged") from None
    if len(data) > limit:
        raise Lz4Error(f"the frame holds more than {limit} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise Lz4Error("the frame does not end where its data end")
    return np.frombuffer(data, np.uint8)


def lz4_compress(data: bytes | bytearray | memoryview) -> bytes:
    """Data as the format keeps it: its size (u32), then a raw LZ4 block; nothing for nothing.

    Raises:
        MissingDependencyError: if the package lz4 is not installed.
    """
    if len(data) == 0:
        return b""
    try:
        import lz4.block
    except ImportError:
        raise MissingDependencyError(
            "writing lz4 data needs the package lz4", hint="install it: pip install tql[lz4]"
        ) from None
    packed: bytes = lz4.block.compress(bytes(data), store_size=True)
    return packed
