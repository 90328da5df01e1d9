"""The index files of a tensor: item to chunk, item to tiles, sequence row to items."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tql.loader.arrays import Items, as_array
from tql.loader.sources.v3.place import Place

_VERSION = re.compile(rb"[0-9]+(\.[0-9]+)*")
_ALL_ONES = (1 << 64) - 1
MAX_RANK = 64
_MAX_CHUNK_ITEMS = 1 << 28  # 16 times what a chunk of default size holds of one-byte items


def after_version(data: bytes | memoryview, place: Place) -> tuple[int, tuple[int, ...]]:
    """Offset behind the version string that starts every binary file, and the version.

    Raises:
        FormatError: if the file is empty, the string does not fit, or it is no dotted number.
    """
    if len(data) == 0:
        raise place.damaged("the file is empty", offset=0)
    length = data[0]
    text = bytes(data[1 : 1 + length])
    if len(text) < length:
        raise place.damaged(f"the file ends inside its version: {length} bytes announced", offset=0)
    if not _VERSION.fullmatch(text):
        raise place.damaged(f"the file does not start with a version: {text[:20]!r}", offset=1)
    return 1 + length, tuple(int(part[:9]) for part in text.split(b"."))


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    """Which items each chunk holds.

    Attributes:
        ids: uint64 [chunks].
        last: int64 [chunks], the largest item index of each; equal neighbours are tiles or empty chunks.
    """

    ids: NDArray[np.uint64]
    last: NDArray[np.int64]

    @property
    def num_items(self) -> int:
        return int(self.last[-1]) + 1 if len(self.last) else 0

    def first(self, chunk: int) -> int:
        """The smallest item index of a chunk."""
        return int(self.last[chunk - 1]) + 1 if chunk else 0

    def chunk_of(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """The (first) chunk of each item."""
        return np.searchsorted(self.last, items, side="left")

    def tiles_of(self, item: int) -> range:
        """All chunks whose last index is this item."""
        first = int(np.searchsorted(self.last, item, side="left"))
        return range(first, int(np.searchsorted(self.last, item, side="right")))

    def name(self, chunk: int) -> str:
        return f"{int(self.ids[chunk]):x}"


def parse_chunk_index(data: bytes, length: int, place: Place) -> ChunkIndex:
    """Parse `chunks_index/unsharded`; `length` is the number of items that the meta announces."""
    start, version = after_version(data, place)
    width = 4
    if version >= (2, 7, 6):
        if start == len(data):
            raise place.damaged("the file ends before its entry width", offset=start)
        width = data[start]
        if width not in (4, 8):
            raise place.damaged(f"entry width is neither 4 nor 8: {width}", offset=start)
        start += 1
    if (len(data) - start) % (2 * width):
        raise place.damaged(f"the file is not a whole number of {2 * width}-byte rows", offset=len(data))
    table = np.frombuffer(data, f"<u{width}", offset=start).reshape(-1, 2).astype(np.uint64)
    ids, last = table[:, 0].copy(), table[:, 1]
    if len(last) == 1 and int(last[0]) == (_ALL_ONES if width == 8 else _ALL_ONES >> 32):
        ids, last = ids[:0], last[:0]
    falls = np.flatnonzero(last[1:] < last[:-1])
    if len(falls):
        offset = start + (int(falls[0]) + 1) * 2 * width + width
        raise place.damaged(
            "the last item of a chunk is smaller than that of the chunk before", offset=offset
        )
    if len(last) and max(int(last[0]) + 1, int(np.diff(last).max(initial=0))) > _MAX_CHUNK_ITEMS:
        raise place.damaged("a chunk announces more items than any chunk can hold", offset=start)
    items = int(last[-1]) + 1 if len(last) else 0
    if items != length:
        raise place.damaged(f"the chunk index covers {items} items, the tensor meta says {length}")
    return ChunkIndex(ids, last.astype(np.int64))


@dataclass(frozen=True, slots=True)
class TileEntry:
    """One item cut into tiles: its shape and the shape of a full tile."""

    shape: tuple[int, ...]
    tile: tuple[int, ...]

    @property
    def grid(self) -> tuple[int, ...]:
        return tuple(-(-extent // tile) for extent, tile in zip(self.shape, self.tile, strict=True))

    @property
    def count(self) -> int:
        return math.prod(self.grid)


def parse_tile_index(data: bytes, place: Place) -> dict[int, TileEntry]:
    """Parse `tiles_index/unsharded`: item -> its tiles."""
    if data[:1] == b"\0":  # no version is that short: the old form, without one and big-endian
        return _tile_entries(data, 0, "big", place)
    start, _ = after_version(data, place)
    return _tile_entries(data, start, "little", place)


def _tile_entries(
    data: bytes, start: int, order: Literal["little", "big"], place: Place
) -> dict[int, TileEntry]:
    if len(data) < start + 8:
        raise place.damaged("the file ends before its number of entries", offset=start)
    count = int.from_bytes(data[start : start + 8], order)
    if count == 0 and len(data) == start + 8:
        return {}
    if len(data) < start + 16:
        raise place.damaged("the file ends before its rank", offset=start + 8)
    rank = int.from_bytes(data[start + 8 : start + 16], order)
    if count == 0 and len(data) == start + 16:
        return {}
    if not 1 <= rank <= MAX_RANK:
        raise place.damaged(f"tiles of an impossible rank: {rank}", offset=start + 8)
    if len(data) != start + 16 + count * 8 * (1 + 2 * rank):
        raise place.damaged(f"the file is not as long as {count} tile entries need", offset=start)
    table = np.frombuffer(data, ">u8" if order == "big" else "<u8", offset=start + 16)
    table = table.reshape(count, 1 + 2 * rank)
    if bool((table[:, 1 + rank :] == 0).any()):
        raise place.damaged("a tile has an extent of 0", offset=start + 16)
    entries: dict[int, TileEntry] = {}
    for row in table.tolist():
        if row[0] in entries:
            raise place.damaged(f"item {row[0]} is cut into tiles twice", offset=start + 16)
        entries[row[0]] = TileEntry(tuple(row[1 : 1 + rank]), tuple(row[1 + rank :]))
    return entries


@dataclass(frozen=True, slots=True)
class SequenceIndex:
    """Runs of rows with equally many items each: `counts`, `firsts` and `last` rows, int64."""

    counts: NDArray[np.int64]
    firsts: NDArray[np.int64]
    last: NDArray[np.int64]

    @property
    def num_rows(self) -> int:
        return int(self.last[-1]) + 1 if len(self.last) else 0

    def items(self, rows: Items) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First item and number of items of each row."""
        rows = as_array(rows)
        run = np.searchsorted(self.last, rows, side="left")
        begin = np.concatenate([[0], self.last[:-1] + 1])[run]
        counts = self.counts[run]
        return self.firsts[run] + (rows - begin) * counts, counts


def parse_sequence_index(data: bytes, num_items: int, place: Place) -> SequenceIndex:
    """Parse `sequence_index/unsharded`."""
    start, _ = after_version(data, place)
    if (len(data) - start) % 12:
        raise place.damaged("the file is not a whole number of 12-byte rows", offset=len(data))
    table = np.frombuffer(data, "<u4", offset=start).reshape(-1, 3).astype(np.int64)
    counts, firsts, last = (table[:, column].copy() for column in range(3))
    rows = np.diff(last, prepend=-1)
    if bool((rows <= 0).any()):
        raise place.damaged("the last rows of the runs do not increase", offset=start + 8)
    # Each run is compared with what is left before the product is formed, so nothing can overflow.
    if bool(((counts > 0) & (rows > num_items // np.maximum(counts, 1))).any()):
        raise place.damaged(f"a sequence points behind the last of {num_items} items", offset=start)
    ends = np.cumsum(rows * counts)
    if len(ends) and (not np.array_equal(firsts, ends - rows * counts) or int(ends[-1]) != num_items):
        raise place.damaged(
            f"the sequences do not take the {num_items} items one after the other", offset=start
        )
    return SequenceIndex(counts, firsts, last)
