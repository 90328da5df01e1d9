"""The header of a chunk file: run-length shape and position rows, checked before anything is sliced by them.

It knows offsets and shapes only; turning the data area into values is the codecs' business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tql.loader.arrays import Items, as_array, element_counts
from tql.loader.sources.v3.files import HEADER_BYTES, StoredFile
from tql.loader.sources.v3.indexes import after_version
from tql.loader.sources.v3.place import MAX_ITEM_BYTES, Place


@dataclass(frozen=True, slots=True)
class ChunkHeader:
    """Where the items of one chunk lie and which shapes they have, by runs of equal ones.

    Attributes:
        num_items: items in this chunk.
        shapes: int64 [R, rank] and `shape_last` int64 [R], the last item of each run.
        sizes: int64 [P] bytes per item, `starts` int64 [P] and `last` int64 [P] of each run; P is 0 where the
            data area is one image or one tile.
        data_start: offset of the data area in the file.
        data_size: bytes of the data area as stored.
        place: the file, for errors.
    """

    num_items: int
    shapes: NDArray[np.int64]
    shape_last: NDArray[np.int64]
    sizes: NDArray[np.int64]
    starts: NDArray[np.int64]
    last: NDArray[np.int64]
    data_start: int
    data_size: int
    place: Place

    @property
    def has_positions(self) -> bool:
        return len(self.last) > 0

    @property
    def announced_size(self) -> int:
        """End of the last run: the size of the (decompressed) data area."""
        if not self.has_positions:
            return 0
        first = int(self.last[-2]) + 1 if len(self.last) > 1 else 0
        return int(self.starts[-1]) + int(self.sizes[-1]) * (int(self.last[-1]) + 1 - first)

    def extent(self, items: range) -> slice:
        """The bytes of consecutive items in the (decompressed) data area: they lie one after the other."""
        if len(items) == 0:
            return slice(0, 0)
        starts, sizes = self.spans(np.array([items[0], items[-1]], np.int64))
        return slice(int(starts[0]), int(starts[1] + sizes[1]))

    def spans(self, items: Items) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start in the (decompressed) data area and size in bytes of each item."""
        items = as_array(items)
        if len(self.last) == 1:
            size = int(self.sizes[0])
            return items * size, np.broadcast_to(np.int64(size), items.shape)
        run = np.searchsorted(self.last, items, side="left")
        first = np.concatenate([[0], self.last[:-1] + 1])[run]
        sizes = self.sizes[run]
        return self.starts[run] + (items - first) * sizes, sizes

    def shapes_of(self, items: Items) -> NDArray[np.int64]:
        """int64 [items, rank]; zeros where no shape row was written."""
        if len(self.shapes) == 1 and int(self.shape_last[0]) == self.num_items - 1:
            return np.broadcast_to(self.shapes[0], (len(items), self.shapes.shape[1]))
        run = np.searchsorted(self.shape_last, as_array(items), side="left")
        padded = np.concatenate([self.shapes, np.zeros((1, self.shapes.shape[1]), np.int64)])
        return padded[run]


def read_header(file: StoredFile) -> NDArray[np.uint8]:
    """The bytes of a chunk file that hold its header, and perhaps some more. Announces nothing that it reads:
    a header that does not fit comes back cut.
    """
    data = file.read(0, min(file.size, HEADER_BYTES))
    if len(data) == file.size:
        return data
    start = 1 + int(data[0])
    count, columns = (int(n) for n in np.frombuffer(data, "<i4", 2, start))
    positions_at = start + 8 + 4 * count * columns
    if count < 0 or columns < 0 or positions_at + 4 > file.size:
        return data
    if positions_at + 4 > len(data):
        data = file.read(0, positions_at + 4)
    end = positions_at + 4 + 12 * int.from_bytes(data[positions_at : positions_at + 4].tobytes(), "little")
    return file.read(0, end) if len(data) < end <= file.size else data


def parse_chunk(
    data: memoryview, num_items: int, rank: int | None, place: Place, size: int | None = None
) -> ChunkHeader:
    """Parse and check a chunk's header.

    Args:
        data: the file, or as much of it as holds the header.
        num_items: what the chunk index gives it.
        rank: of its shape rows, None where it is not known.
        place: the file, for errors.
        size: bytes of the whole file, those of `data` if None.

    Raises:
        FormatError: for any number that contradicts the size of the file, the chunk index or the rank.
    """
    size = len(data) if size is None else size
    start, _ = after_version(data, place)
    if size < start + 8:
        raise place.damaged("the file ends before its shape rows", offset=start)
    count, columns = (int(n) for n in np.frombuffer(data, "<i4", 2, start))
    if count < 0 or columns < 0 or (count > 0 and columns < 1):
        raise place.damaged(f"impossible number of shape rows: {count} of {columns} columns", offset=start)
    positions_at = start + 8 + 4 * count * columns
    if positions_at + 4 > size:
        raise place.damaged(f"{count} shape rows do not fit into the file", offset=start)
    table = np.frombuffer(data, "<u4", count * columns, start + 8).reshape(count, columns).astype(np.int64)
    if count == 0:
        columns = (rank or 1) + 1
        table = np.zeros((0, columns), np.int64)
    if rank is not None and columns != rank + 1:
        raise place.damaged(f"shape rows have rank {columns - 1}, the tensor has {rank}", offset=start + 4)

    runs = int.from_bytes(data[positions_at : positions_at + 4], "little")
    data_start = positions_at + 4 + 12 * runs
    if data_start > size:
        raise place.damaged(f"{runs} position rows do not fit into the file", offset=positions_at)
    spans = np.frombuffer(data, "<u4", 3 * runs, positions_at + 4).reshape(runs, 3).astype(np.int64)

    header = ChunkHeader(
        num_items=num_items,
        shapes=table[:, :-1].copy(),
        shape_last=table[:, -1].copy(),
        sizes=spans[:, 0].copy(),
        starts=spans[:, 1].copy(),
        last=spans[:, 2].copy(),
        data_start=data_start,
        data_size=size - data_start,
        place=place,
    )
    _check_runs(header, start + 8, positions_at + 4)
    return header


def _check_runs(header: ChunkHeader, shapes_at: int, positions_at: int) -> None:
    place = header.place
    for last, at, what in ((header.shape_last, shapes_at, "shape"), (header.last, positions_at, "position")):
        if len(last) > 1 and bool((last[1:] <= last[:-1]).any()):
            raise place.damaged(f"the last items of the {what} rows do not increase", offset=at)
    covered = header.last if header.has_positions else header.shape_last
    items = int(covered[-1]) + 1 if len(covered) else 0
    if items != header.num_items:
        raise place.damaged(
            f"the chunk holds {items} items, the chunk index says {header.num_items}", offset=at
        )
    if len(header.shape_last) and int(header.shape_last[-1]) >= items:
        raise place.damaged(
            f"the shape rows cover more than the {items} items of the chunk", offset=shapes_at
        )
    if not header.has_positions:
        return
    if len(header.last) == 1 and int(header.starts[0]) == 0:
        if int(header.sizes[0]) * items > MAX_ITEM_BYTES * 4:
            raise place.damaged("a run of items is larger than any chunk can be", offset=positions_at)
        return
    # u32 times u32 fits into int64 only if it is small: compare before multiplying.
    counts = np.diff(header.last, prepend=-1)
    if bool((header.sizes > MAX_ITEM_BYTES * 4 // np.maximum(counts, 1)).any()):
        raise place.damaged("a run of items is larger than any chunk can be", offset=positions_at)
    ends = header.starts + header.sizes * counts
    if int(header.starts[0]) != 0 or not np.array_equal(header.starts[1:], ends[:-1]):
        raise place.damaged("the items do not lie one after the other", offset=positions_at)


def check_data_size(header: ChunkHeader, size: int) -> None:
    """The runs end where the (decompressed) data area of `size` bytes ends."""
    if header.announced_size != size:
        raise header.place.damaged(
            f"the items take {header.announced_size} bytes, the data area has {size}",
            offset=header.data_start,
        )


def check_shapes(header: ChunkHeader, itemsize: int, fixed: tuple[int | None, ...]) -> None:
    """No shape row is too large or contradicts the axes that the tensor meta fixes."""
    sizes = _checked_bytes(header, itemsize)
    for axis, extent in enumerate(fixed):
        if extent is not None and header.shapes[:, axis].tolist() != [extent] * len(header.shapes):
            raise header.place.damaged(
                f"a shape row contradicts the tensor meta on axis {axis}: not {extent}"
            )
    if len(sizes) and int(sizes.max()) > MAX_ITEM_BYTES:
        raise header.place.damaged(f"an item of {int(sizes.max())} bytes is larger than the limit")


def check_raw_sizes(header: ChunkHeader, itemsize: int) -> None:
    """Bytes per item equal product(shape) x itemsize, compared run by run."""
    if not header.has_positions:
        return
    if len(header.last) == len(header.shapes) == 1 and int(header.shape_last[0]) == header.num_items - 1:
        needed, size = int(_checked_bytes(header, itemsize)[0]), int(header.sizes[0])
        if size != needed:
            raise header.place.damaged(f"item 0 of the chunk takes {size} bytes, its shape needs {needed}")
        return
    edges = np.union1d(header.shape_last, header.last)
    expected = np.concatenate([_checked_bytes(header, itemsize), [0]])[
        np.searchsorted(header.shape_last, edges)
    ]
    wrong = np.flatnonzero(header.sizes[np.searchsorted(header.last, edges)] != expected)
    if len(wrong):
        item = int(edges[wrong[0]])
        size = int(header.sizes[np.searchsorted(header.last, item)])
        raise header.place.damaged(
            f"item {item} of the chunk takes {size} bytes, its shape needs {int(expected[wrong[0]])}"
        )


def _checked_bytes(header: ChunkHeader, itemsize: int) -> NDArray[np.int64]:
    """Bytes of an item of each shape row, with the overflow of the product ruled out first."""
    if len(header.shapes) == 1:
        exact = math.prod(header.shapes[0].tolist()) * itemsize
        if exact > MAX_ITEM_BYTES * 4:
            raise header.place.damaged("a shape is larger than any item can be")
        return np.array([exact], np.int64)
    size = np.prod(header.shapes.astype(np.float64), axis=1) * itemsize
    if len(size) and float(size.max()) > MAX_ITEM_BYTES * 4:
        raise header.place.damaged("a shape is larger than any item can be")
    return element_counts(header.shapes) * itemsize
