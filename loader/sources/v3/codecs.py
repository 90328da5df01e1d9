"""Stored bytes to arrays: raw, lz4 and image codecs, for one item or one chunk's data area."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.loader import compression, documents
from tql.loader.arrays import Items
from tql.loader.decoding import decode_rows
from tql.loader.images import ImageError, decode_image
from tql.loader.media import MEDIA_CODECS, MediaError, decode_media
from tql.loader.sources.v3.chunk import ChunkHeader
from tql.loader.sources.v3.place import MAX_ITEM_BYTES, Place

Bytes = NDArray[np.uint8]
_LZ4_FRAME = b"\x04\x22\x4d\x18"


def native_jpeg() -> bool:
    """Whether this build of the engine decodes JPEG."""
    return "jpeg" in _engine.codecs()


def lz4_size(data: Bytes, place: Place) -> int:
    """The decompressed size that an lz4 item or chunk announces, checked for plausibility.

    Raises:
        FormatError: if there is no room for the number or the block can't expand that far.
    """
    if len(data) == 0:
        return 0
    if len(data) < 5:
        raise place.damaged(f"{len(data)} bytes are too short for lz4 data")
    size = int.from_bytes(bytes(data[:4]), "little")
    if size > min(MAX_ITEM_BYTES, 255 * (len(data) - 4)):
        raise place.damaged(f"lz4 data of {len(data)} bytes can't hold {size}")
    return size


def lz4_unpack(data: Bytes, expected: int | None, place: Place, row: int | None = None) -> Bytes:
    """Decompress an lz4 item or chunk: a size and a raw block, or the frame of an old writer.

    Args:
        expected: the bytes that it must hold, None where nothing says how many.
    """
    try:
        if bytes(data[:4]) == _LZ4_FRAME:
            most = min(MAX_ITEM_BYTES, 255 * len(data)) if expected is None else expected
            unpacked = compression.lz4_decompress_frame(data, most)
            if expected not in (None, len(unpacked)):
                raise place.damaged(f"lz4 data holds {len(unpacked)} bytes, {expected} are needed", row=row)
            return unpacked
        size = lz4_size(data, place)
        if expected not in (None, size):
            raise place.damaged(f"lz4 data announces {size} bytes, {expected} are needed", row=row)
        return compression.lz4_decompress(data[4:], size) if size else np.zeros(0, np.uint8)
    except compression.Lz4Error as error:
        raise place.damaged(f"lz4 data: {error}", row=row) from None


def unpack_each(
    area: Bytes, starts: NDArray[np.int64], sizes: NDArray[np.int64], place: Place
) -> tuple[Bytes, NDArray[np.int64]]:
    """Items that are compressed one by one and whose sizes nothing tells: the bytes of all, and of each how
    many.
    """
    total = 0
    items: list[Bytes] = []
    for start, size in zip(starts, sizes, strict=True):
        items.append(lz4_unpack(area[start : start + size], None, place))
        total += len(items[-1])
        if total > 4 * MAX_ITEM_BYTES:
            raise place.damaged("the lz4 items of a chunk are larger than any chunk can be")
    lengths = np.fromiter((len(item) for item in items), np.int64, len(items))
    return np.concatenate(items) if items else area[:0], lengths


def raw_blocks(
    area: Bytes,
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    decoded: NDArray[np.int64],
    place: Place,
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """The spans of the raw LZ4 blocks behind the sizes that lz4 items start with; None if some are frames.

    Raises:
        FormatError: if such a size is not the one that the item's shape needs.
    """
    filled = sizes > 0
    wrong = (decoded > 0) & ~filled
    wrong |= filled & (sizes < 5)
    if not bool(wrong.any()):
        announced = area[starts[filled, None] + np.arange(4)].copy().view("<u4")[:, 0]
        if bool((announced == int.from_bytes(_LZ4_FRAME, "little")).any()):
            return None
        wrong[filled] = announced != decoded[filled]
    if bool(wrong.any()):
        raise place.damaged(f"item {int(np.argmax(wrong))} of those read is not the lz4 data of its shape")
    filled = decoded > 0  # an empty item may be five zero bytes
    return starts + 4 * filled, np.where(filled, sizes - 4, 0)


def unpack_area(area: Bytes, header: ChunkHeader) -> Bytes:
    """The data area of an lz4 chunk as the position rows see it."""
    return lz4_unpack(area, header.announced_size, header.place)


def decode_item(
    data: Bytes, codec: str | None, shape: tuple[int, ...], dtype: np.dtype[Any], place: Place,
    row: int | None = None,
) -> NDArray[Any]:  # fmt: skip
    """One item (or tile) to an array of exactly this shape and dtype.

    Raises:
        FormatError: if the bytes are damaged or hold another shape.
    """
    if codec is None or codec == "lz4":
        nbytes = math.prod(shape) * dtype.itemsize
        if codec == "lz4":
            data = lz4_unpack(data, nbytes, place, row)
        if len(data) != nbytes:
            raise place.damaged(
                f"an item takes {len(data)} bytes, its shape {list(shape)} needs {nbytes}", row=row
            )
        return as_elements(data, dtype, place).reshape(shape)
    if math.prod(shape) == 0:
        return np.zeros(shape, dtype)
    if codec in MEDIA_CODECS:
        try:
            return decode_media(data.tobytes(), codec, shape).astype(dtype, copy=False)
        except MediaError as error:
            raise place.damaged(str(error), row=row) from None
    try:
        pixels = decode_image(data, MAX_ITEM_BYTES)
    except ImageError as error:
        raise place.damaged(str(error), row=row) from None
    if pixels.shape[:2] != shape[:2] or pixels.size != math.prod(shape):
        raise place.damaged(
            f"an image has shape {list(pixels.shape)}, the chunk header says {list(shape)}", row=row
        )
    return pixels.reshape(shape).astype(dtype, copy=False)


def as_elements(data: Bytes, dtype: np.dtype[Any], place: Place) -> NDArray[Any]:
    """Bytes as elements, without a copy; a bool other than 0 and 1 is damage."""
    if dtype == np.bool_ and len(data) and int(data.max()) > 1:
        raise place.damaged("a bool is neither 0 nor 1")
    return data.view(dtype.newbyteorder("<"))


def decode_strip(
    area: Bytes, codec: str, header: ChunkHeader, shapes: NDArray[np.int64], dtype: np.dtype[Any]
) -> list[NDArray[Any]]:
    """All items of a chunk that is one image: they stand side by side, zeros below the shorter ones."""
    place = header.place
    filled = shapes.prod(axis=1) > 0
    if not bool(filled.any()):
        return [np.zeros(shape, dtype) for shape in shapes.tolist()]
    if shapes.shape[1] < 2 or int(shapes[filled, 1].sum()) * int(shapes[filled, 0].max()) > MAX_ITEM_BYTES:
        raise place.damaged("the shape rows describe no strip of images")
    height, width = int(shapes[filled, 0].max()), int(shapes[filled, 1].sum())
    channels = math.prod(int(extent) for extent in shapes[filled][0, 2:])
    shape = (height, width, channels)
    canvas = _native_canvas(area, codec, shape, dtype)
    if canvas is None:
        canvas = decode_item(area, codec, shape, dtype, place)
    return list(_cut(canvas, shapes.tolist(), place))


def _native_canvas(
    area: Bytes, codec: str, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> NDArray[Any] | None:
    """A strip that the engine decodes, straight into one array; None for others, and for what it refuses:
    Pillow may see more in it, or says what is wrong.
    """
    if codec != "jpeg" or dtype != np.uint8 or not native_jpeg():
        return None
    start, size = np.zeros(1, np.int64), np.array([len(area)], np.int64)
    try:
        rows = _engine.EncodedRows(
            "jpeg", dtype, [area], np.zeros(1, np.int32), start, size, np.array([shape], np.int64)
        )
        canvas: NDArray[Any] = decode_rows(rows)[0]
    except ValueError:
        return None
    return canvas


def _cut(canvas: NDArray[Any], shapes: list[list[int]], place: Place) -> Iterator[NDArray[Any]]:
    x = 0
    for shape in shapes:
        if 0 in shape:
            yield np.zeros(shape, canvas.dtype)
            continue
        if math.prod(shape[2:]) != canvas.shape[2]:
            raise place.damaged(f"an item of shape {shape} in a strip of {canvas.shape[2]} channels")
        yield canvas[: shape[0], x : x + shape[1]].reshape(shape)
        x += shape[1]


def check_utf8(data: Bytes, starts: NDArray[np.int64], sizes: NDArray[np.int64], place: Place) -> None:
    """The strings at these places of `data` (which holds nothing else) are UTF-8, each by itself."""
    try:
        bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise place.damaged("a text is not UTF-8", offset=error.start) from None
    first = data[starts[sizes > 0]]
    if bool(((first & 0xC0) == 0x80).any()):
        raise place.damaged("a text starts in the middle of a character")


def check_json(data: Bytes, offsets: NDArray[np.int64], place: Place, rows: Items) -> None:
    """Each string is one JSON text, the tokens NaN and Infinity allowed, arrays and bytes whole; an empty one
    stands for no value.
    """
    text = data.tobytes()
    for row, (start, end) in zip(rows, itertools.pairwise(offsets.tolist()), strict=True):
        try:
            documents.load(text[start:end], strict=True)
        except (ValueError, RecursionError):
            raise place.damaged("a row is not valid JSON", row=int(row)) from None
