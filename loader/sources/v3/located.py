"""Where the items of a tensor lie in the files of its chunks: found out once per chunk, then looked up for
any number of items at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tql._engine import StoredArea, StoredFiles
from tql.loader.sources.v3.chunks import ChunkStore

_MOST_ITEMS = 1 << 23  # 16 bytes each, and 8 more for an axis of their shape
_UNSEEN, _KNOWN, _OTHER = range(3)


class LocatedItems:
    """The items of a tensor whose chunks are not read whole; safe to call from several threads.

    Args:
        store: the chunks.
        length: items.
        rank: of an item.
    """

    def __init__(self, store: ChunkStore, length: int, rank: int) -> None:
        self._store = store
        self._files = StoredFiles()
        self._chunks = np.full(len(store.index.last), _UNSEEN, np.uint8)
        self._starts = np.empty(length, np.int64)  # in the file
        self._sizes = np.empty(length, np.int64)
        self._shapes = np.empty((length, rank), np.int64)

    @staticmethod
    def fit(length: int) -> bool:
        """Whether there is memory for so many items."""
        return length <= _MOST_ITEMS

    def find(
        self, items: NDArray[np.int64], area: StoredArea
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
        """Have the stored bytes of items read into `area` when they are needed.

        Args:
            items: int64 [n].
            area: takes their files.

        Returns:
            Start in the area and size of each, int64 [n], and shape, int64 [n, rank]. None where chunks are
            among theirs that are read whole, or can't be.

        Raises:
            FormatError: a chunk is damaged.
        """
        chunks = self._store.index.chunk_of(items)
        state = self._chunks[chunks]
        if not (state == _KNOWN).all():
            for chunk in np.unique(chunks[state == _UNSEEN]).tolist():
                self._add(chunk)
            if not (self._chunks[chunks] == _KNOWN).all():
                return None
        sizes = self._sizes[items]
        return area.add(self._files, chunks, self._starts[items], sizes), sizes, self._shapes[items]

    def _add(self, number: int) -> None:
        first = self._store.index.first(number)
        tiled = self._store.tiling(first) is not None
        # Last: other threads may look at any time.
        self._chunks[number] = _KNOWN if not tiled and self._note_chunk(number, first) else _OTHER

    def _note_chunk(self, number: int, first: int) -> bool:
        """Whether the items of a chunk are read one by one; where they lie is noted then."""
        chunk, stop = self._store.open(number), int(self._store.index.last[number]) + 1
        local = np.arange(stop - first)
        shapes = chunk.header.shapes_of(local)
        if not self._store.reads_by_item(chunk) or shapes.shape[1] != self._shapes.shape[1]:
            return False
        starts, sizes = chunk.header.spans(local)
        self._starts[first:stop] = starts + chunk.header.data_start
        self._sizes[first:stop] = sizes
        self._shapes[first:stop] = shapes
        path, state = chunk.file.on_disk()
        self._files.set(number, path, state.size, state.modified, state.number)
        return True
