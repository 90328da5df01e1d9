"""The chunks of one tensor: which chunk holds an item, opening it checked, and its data area decompressed."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.arrays import Items, element_counts, offsets_of
from tql.loader.cache import ByteCache
from tql.loader.sources.v3 import codecs
from tql.loader.sources.v3.chunk import (
    ChunkHeader,
    check_data_size,
    check_raw_sizes,
    check_shapes,
    parse_chunk,
    read_header,
)
from tql.loader.sources.v3.files import FileState, Folder, StoredFile
from tql.loader.sources.v3.indexes import ChunkIndex, TileEntry, parse_chunk_index, parse_tile_index
from tql.loader.sources.v3.meta import IMAGE_CODECS, TensorMeta
from tql.loader.sources.v3.place import MAX_ITEM_BYTES, Place
from tql.loader.sources.v3.tiles import check_entry
from tql.loader.sources.v3.uniform import UniformChunk, is_header
from tql.loader.sources.v3.versions import ChunkLocator, Commit, Versions

_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Chunk:
    """An open chunk: its checked header, and its data area as stored or the file that holds it."""

    number: int
    header: ChunkHeader
    content: NDArray[np.uint8] | StoredFile

    @property
    def in_memory(self) -> bool:
        """Whether the data area, a small one, was read with the header."""
        return not isinstance(self.content, StoredFile)

    def stored(self) -> NDArray[np.uint8]:
        """The data area as stored."""
        return self.read(0, self.header.data_size)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """A part of the data area as stored."""
        if isinstance(self.content, StoredFile):
            return self.content.read(self.header.data_start + start, self.header.data_start + stop)
        return self.content[start:stop]

    def read_parts(self, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Parts of the data area as stored, one behind the other."""
        if isinstance(self.content, StoredFile):
            return self.content.read_parts(self.header.data_start + starts, sizes)
        parts = [self.content[start : start + size] for start, size in zip(starts, sizes, strict=True)]
        return np.concatenate(parts)

    @property
    def file(self) -> StoredFile:
        """The file of a data area that is not in memory."""
        assert isinstance(self.content, StoredFile)
        return self.content


@dataclass(frozen=True, slots=True)
class Spans:
    """Bytes that hold some items of a chunk, and in them the start and the size of each."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """Requested items that lie in one chunk: their numbers and their positions in it."""

    chunk: int
    items: Items
    local: Items


@dataclass(frozen=True, slots=True)
class Caches:
    """What the tensors of one dataset keep: decompressed data areas by bytes, open chunks by number too."""

    areas: ByteCache[Any]
    chunks: ByteCache[Chunk]


class ChunkStore:
    """The stored items of one tensor. Indexes are read on first use; safe to call from several threads."""

    def __init__(
        self, folder: Folder, versions: Versions, commit: Commit, meta: TensorMeta, caches: Caches
    ) -> None:
        self._folder = folder
        self._versions = versions
        self._commit = commit
        self._meta = meta
        self._caches = caches
        self._lock = threading.Lock()
        self._states: dict[int, FileState] = {}  # of the chunks that were read, when they first were
        self._settled: set[int] = set()  # those that had not just been written then
        self._loaded: tuple[ChunkIndex, dict[int, TileEntry], ChunkLocator] | None = None

    @property
    def index(self) -> ChunkIndex:
        return self._load()[0]

    def load_indexes(self) -> None:
        """Read the index files now."""
        self._load()

    def pieces(self, items: Items) -> Iterator[Piece]:
        """The items cut where the chunk changes; the items of one tile are a piece of their own."""
        if isinstance(items, range):
            yield from self._consecutive(items)
            return
        chunks = self.index.chunk_of(items)
        edges = np.flatnonzero(np.diff(chunks)) + 1
        bounds = [0, *edges.tolist(), len(items)] if len(items) else []
        for begin, end in itertools.pairwise(bounds):
            chunk = int(chunks[begin])
            yield Piece(chunk, items[begin:end], items[begin:end] - self.index.first(chunk))

    def _consecutive(self, items: range) -> Iterator[Piece]:
        index, start = self.index, items.start
        while start < items.stop:
            chunk = int(np.searchsorted(index.last, start, side="left"))
            stop, first = min(items.stop, int(index.last[chunk]) + 1), index.first(chunk)
            yield Piece(chunk, range(start, stop), range(start - first, stop - first))
            start = stop

    def by_chunk(self, items: Items) -> NDArray[np.int64] | None:
        """The order that visits each chunk once, None if the items have it already. Chunks that are unpacked
        come first, before others take their place in the cache.
        """
        if isinstance(items, range):
            return None
        chunks = self.index.chunk_of(items)
        if self._meta.chunk_codec is not None:
            wanted, which = np.unique(chunks, return_inverse=True)
            kept = [self._caches.areas.holds((self._meta.key, chunk)) for chunk in wanted.tolist()]
            chunks = np.where(np.array(kept, np.bool_)[which], chunks - len(self.index.last), chunks)
        if len(chunks) < 2 or bool((chunks[1:] >= chunks[:-1]).all()):
            return None
        return np.argsort(chunks, kind="stable")

    def tiling(self, item: int) -> TileEntry | None:
        """How an item is cut into tiles, None where it is stored whole.

        Raises:
            FormatError: if the tile index contradicts the chunk index or the tensor meta.
        """
        entry = self._load()[1].get(item)
        if entry is not None and self._meta.kind == "array":
            place = self.index_place("tiles_index")
            chunks = len(self.index.tiles_of(item))
            check_entry(entry, chunks, self._meta.item_rank or 1, self._meta.dtype.itemsize, place)
        return entry

    def open(self, chunk: int, tiled: TileEntry | None = None) -> Chunk:
        """A chunk by its number in the index, its header checked against everything that announces it.

        Args:
            tiled: of a chunk that holds a tile, or the paths of one: how the item is cut.
        """

        def make() -> tuple[Chunk, int]:
            index, _, locator = self._load()
            place = Place(locator.file(index.name(chunk)), self._meta.name)
            file = self._folder.open(place.file, self._meta.name)
            self._check_state(chunk, file.state, place)
            data = read_header(file)
            view = data.data
            if tiled is None:
                items = int(index.last[chunk]) + 1 - index.first(chunk)
                rank = None if self._meta.kind == "unsupported" else self._meta.item_rank
                header = parse_chunk(view, items, rank, place, file.size)
                self._check(header)
            else:
                header = parse_chunk(view, 1, len(tiled.shape), place, file.size)
            if (tiled or self._meta.chunk_codec) and header.data_size > MAX_ITEM_BYTES:
                raise place.damaged(f"{header.data_size} bytes are more than any such chunk has")
            content = data[header.data_start :] if len(data) == file.size else file
            read = len(data) if len(data) == file.size else 0
            return Chunk(chunk, header, content), read + header.shapes.nbytes + 3 * header.sizes.nbytes

        return self._caches.chunks.get((self._meta.key, chunk, tiled is not None), make)

    @property
    def has_tiles(self) -> bool:
        return bool(self._load()[1])

    def chunk_file(self, chunk: int) -> str:
        """Path of a chunk below the dataset's folder."""
        index, _, locator = self._load()
        return locator.file(index.name(chunk))

    def state(self, chunk: int) -> FileState:
        """What the file of a chunk is now.

        Raises:
            FormatError: if it is missing, or no file of the dataset.
        """
        return self._folder.state(self.chunk_file(chunk), self._meta.name)

    def state_as_read(self, chunk: int) -> FileState | None:
        """What the file of a chunk was when it was first read. None if it was not, and if it had just been
        written: what was written later in the same tick of the clock could not be told from it.
        """
        return self._states.get(chunk) if chunk in self._settled else None

    def fill(self, piece: Piece, out: NDArray[np.uint8], form: UniformChunk) -> bool:
        """Read items of one shape into `out`. False where their chunk holds others too: `out` may hold
        anything then.

        Raises:
            FormatError: for a damaged chunk, and one that was changed since it was first read.
        """
        index, _, locator = self._load()
        place = Place(locator.file(index.name(piece.chunk)), self._meta.name)
        whole = len(piece.items) == int(index.last[piece.chunk]) + 1 - index.first(piece.chunk)
        if whole and self._meta.chunk_codec is None:
            tail = form.header(len(piece.items))
            state = self._folder.read_behind(
                place.file,
                lambda head: is_header(head, tail),
                memoryview(out),  # type: ignore[arg-type]
            )
            if state is not None:
                self._check_state(piece.chunk, state, place)
                return True
        chunk = self.open(piece.chunk)
        if not form.is_that_of(chunk.header):
            return False
        assert isinstance(piece.local, range)
        extent = chunk.header.extent(piece.local)
        if chunk.in_memory or self._meta.chunk_codec is not None or not whole:
            out[:] = self.extent(chunk, piece.local)
        else:
            out[:] = chunk.read(extent.start, extent.stop)
        return True

    def spans(self, chunk: Chunk, local: NDArray[np.int64]) -> Spans:
        """Where items of a chunk lie: no more is read than they need, unless they are many or small."""
        starts, sizes = chunk.header.spans(local)
        if not self.reads_by_item(chunk):
            area = self.area(chunk)
            if not self.keeps_apart(chunk) or 5 * int(sizes.sum()) >= 4 * area.nbytes:
                return Spans(area, starts, sizes)
            parts = [area[start : start + size] for start, size in zip(starts, sizes, strict=True)]
            # Not in the engine's blocks: these come in all sizes, and what is kept of them would pile up.
            rows = np.concatenate([np.zeros(0, np.uint8), *parts])
            return Spans(rows, offsets_of(sizes)[:-1], sizes)
        if len(local) == 0:
            return Spans(np.zeros(0, np.uint8), starts, sizes)
        low, high = int(starts.min()), int((starts + sizes).max())
        if 2 * int(sizes.sum()) >= high - low:
            return Spans(chunk.read(low, high), starts - low, sizes)
        return Spans(chunk.read_parts(starts, sizes), offsets_of(sizes)[:-1], sizes)

    def extent(self, chunk: Chunk, local: range) -> NDArray[np.uint8]:
        """The bytes of consecutive items: they lie one behind the other."""
        extent = chunk.header.extent(local)
        if not self.reads_by_item(chunk):
            return self.area(chunk)[extent]
        return chunk.read(extent.start, extent.stop)

    def area(self, chunk: Chunk) -> NDArray[np.uint8]:
        """The data area that the position rows refer to, decompressed where chunks are lz4."""
        packed = self._meta.chunk_codec == "lz4"
        if chunk.in_memory and not packed:
            return chunk.stored()

        def make() -> tuple[NDArray[np.uint8], int]:
            stored = chunk.stored()
            area = codecs.unpack_area(stored, chunk.header) if packed else stored
            return area, area.nbytes

        size = chunk.header.announced_size
        area: NDArray[np.uint8] = self._caches.areas.get((self._meta.key, chunk.number), make, size)
        return area

    def kept_area(self, chunk: Chunk) -> NDArray[np.uint8] | None:
        """The same of a chunk that is kept in memory, with all others; None of any other."""
        return None if self.reads_by_item(chunk) or self.keeps_apart(chunk) else self.area(chunk)

    def keeps_apart(self, chunk: Chunk) -> bool:
        """Whether who holds items of a chunk should not hold the chunk for them: it is read or unpacked
        whole, and the cache has no room for all chunks.
        """
        if self._meta.chunk_codec is None and (chunk.in_memory or not self._has_small_items(chunk.header)):
            return False
        header = chunk.header
        items = max(1, header.num_items)
        all_chunks = header.announced_size * (int(self.index.last[-1]) + 1) // items
        return all_chunks > self._caches.areas.max_bytes

    def strip(self, chunk: Chunk, codec: str) -> list[NDArray[Any]]:
        """The items of a chunk that is one image."""
        shapes = chunk.header.shapes_of(np.arange(chunk.header.num_items))

        def make() -> tuple[list[NDArray[Any]], int]:
            items = codecs.decode_strip(chunk.stored(), codec, chunk.header, shapes, self._meta.dtype)
            return items, sum(item.nbytes for item in items)

        size = int(element_counts(shapes).sum()) * self._meta.dtype.itemsize
        strip: list[NDArray[Any]] = self._caches.areas.get((self._meta.key, chunk.number), make, size)
        return strip

    def index_place(self, index: str) -> Place:
        """The file of one of the tensor's indexes."""
        return Place(f"{self._commit.folder}{self._meta.key}/{index}/unsharded", self._meta.name)

    def reads_by_item(self, chunk: Chunk) -> bool:
        """Whether items are read without the others of their chunk."""
        return not chunk.in_memory and not self._has_small_items(chunk.header)

    def _has_small_items(self, header: ChunkHeader) -> bool:
        """Whether a chunk is read, and kept, whole: a disk reads pages."""
        return self._meta.chunk_codec is not None or header.data_size < _PAGE * header.num_items

    def _check_state(self, chunk: int, state: FileState, place: Place) -> None:
        """A chunk is that which it was when it was first read."""
        first = self._states.setdefault(chunk, state)
        if first is state and state.is_settled(time.time_ns()):
            self._settled.add(chunk)
        if not first.has_content_of(state):
            raise place.damaged("the file was changed after it was opened")

    def _check(self, header: ChunkHeader) -> None:
        meta = self._meta
        if meta.kind in ("array", "polygon"):
            check_shapes(header, meta.dtype.itemsize, meta.fixed_axes)
        if meta.chunk_codec in IMAGE_CODECS:
            if header.has_positions and int(header.sizes.max()) > 0:
                raise header.place.damaged("a chunk that is one image has position rows")
            return
        if header.num_items and not header.has_positions:
            raise header.place.damaged("the chunk has no position rows")
        if meta.kind == "array" and meta.sample_codec is None:
            check_raw_sizes(header, meta.dtype.itemsize)
        if meta.chunk_codec is None:
            check_data_size(header, header.data_size)

    def _load(self) -> tuple[ChunkIndex, dict[int, TileEntry], ChunkLocator]:
        with self._lock:
            if self._loaded is None:
                locator = ChunkLocator(
                    self._folder, self._versions, self._commit.id, self._meta.key, self._meta.name
                )
                self._loaded = self._read_chunk_index(), self._read_tile_index(), locator
            return self._loaded

    def _read_chunk_index(self) -> ChunkIndex:
        place, length = self.index_place("chunks_index"), self._meta.length
        if self._folder.exists(place.file):
            return parse_chunk_index(self._folder.read(place.file, self._meta.name), length, place)
        if length:
            raise place.damaged(f"the chunk index is missing, the tensor has {length} items")
        return ChunkIndex(np.zeros(0, np.uint64), np.zeros(0, np.int64))

    def _read_tile_index(self) -> dict[int, TileEntry]:
        place = self.index_place("tiles_index")
        if not self._folder.exists(place.file):
            return {}
        return parse_tile_index(self._folder.read(place.file, self._meta.name), place)
