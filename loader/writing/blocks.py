"""Items on their way into chunks: their shapes, their sizes, their bytes one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tql.loader.storage.store import Buffer


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive items of one tensor, as the (decompressed) data area of a chunk holds them.

    Attributes:
        shapes: int64 [n, rank]; [n, 0] where the rank is not known yet. A broadcast array where all are
            equal.
        sizes: int64 [n], bytes per item; broadcast likewise.
        data: the bytes of all items.
    """

    shapes: NDArray[np.int64]
    sizes: NDArray[np.int64]
    data: Buffer

    def __len__(self) -> int:
        return len(self.sizes)

    @classmethod
    def uniform(cls, count: int, shape: Sequence[int], size: int, data: Buffer) -> Block:
        """Items of one shape and size."""
        row = np.array(shape, np.int64)
        if count == 1:
            return cls(row[None], np.array([size], np.int64), data)
        return cls(
            np.broadcast_to(row, (count, len(row))), np.broadcast_to(np.array(size, np.int64), (count,)), data
        )

    @classmethod
    def of(cls, shapes: Sequence[Sequence[int]], items: Sequence[bytes], rank: int) -> Block:
        """Items given one by one."""
        table = np.array(shapes, np.int64).reshape(len(items), rank)
        return cls(table, np.fromiter(map(len, items), np.int64, len(items)), b"".join(items))

    @classmethod
    def nothing(cls, count: int, rank: int) -> Block:
        """Items without a value."""
        return cls.uniform(count, (0,) * rank, 0, b"")

    def cut(self, start: int, stop: int) -> Block:
        """Items [start, stop)."""
        if start <= 0 and stop >= len(self):
            return self
        ends = self.ends()
        begin = int(ends[start - 1]) if start else 0
        end = int(ends[stop - 1]) if stop > start else begin
        return Block(self.shapes[start:stop], self.sizes[start:stop], memoryview(self.data)[begin:end])

    def ends(self) -> NDArray[np.int64]:
        """int64 [n]: where each item ends in the data."""
        if is_uniform(self.sizes):
            ends: NDArray[np.int64] = np.arange(1, len(self) + 1) * self.sizes[0]
            return ends
        return np.cumsum(self.sizes)

    def fitting(self, room: int) -> int:
        """How many of the first items take at most `room` bytes."""
        if is_uniform(self.sizes):
            size = int(self.sizes[0])
            return len(self) if size == 0 else min(len(self), max(room, 0) // size)
        return int(np.searchsorted(np.cumsum(self.sizes), room, side="right"))


def is_uniform(values: NDArray[np.int64]) -> bool:
    """Whether an array has one row, or was broadcast from its first one."""
    return len(values) == 1 or (len(values) > 0 and values.strides[0] == 0)


def join(blocks: Sequence[Block]) -> Block:
    """Blocks as one. Where only some know the rank, the items of the others are zeros of that rank."""
    if len(blocks) == 1:
        return blocks[0]
    rank = max((block.shapes.shape[1] for block in blocks), default=0)
    padded = [block.shapes if block.shapes.shape[1] == rank else _zeros(len(block), rank) for block in blocks]
    return Block(
        _joined(padded, np.zeros((0, rank), np.int64)),
        _joined([block.sizes for block in blocks], np.zeros(0, np.int64)),
        b"".join(block.data for block in blocks),
    )


def runs(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Run-length encoding of the rows of an array: the distinct rows and the last index of each run."""
    if len(values) == 0 or is_uniform(values):
        return values[:1], np.array([len(values) - 1] if len(values) else [], np.int64)
    differs = values[1:] != values[:-1]
    if values.ndim > 1:
        differs = differs.any(axis=1)
    last = np.append(np.flatnonzero(differs), len(values) - 1)
    return values[last], last


def _zeros(count: int, rank: int) -> NDArray[np.int64]:
    return np.broadcast_to(np.zeros(rank, np.int64), (count, rank))


def _joined(arrays: Iterable[NDArray[np.int64]], empty: NDArray[np.int64]) -> NDArray[np.int64]:
    """Like np.concatenate; stays broadcast where all the arrays are, with the same row."""
    given = [array for array in arrays if len(array)]
    if not given:
        return empty
    first = given[0][0]
    if all(is_uniform(array) and np.array_equal(array[0], first) for array in given):
        return np.broadcast_to(first, (sum(map(len, given)), *np.shape(first)))
    return np.concatenate(given)
