"""One tensor of one commit: rows to items, items to chunks, chunks to values."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import EncodedRows
from tql.loader.arrays import (
    ArrayRows,
    Rows,
    TextListRows,
    TextRows,
    concat_arrays,
    concat_text,
    gather,
    offsets_of,
    take_arrays,
    take_text,
    text_list_rows,
)
from tql.loader.cache import ByteCache
from tql.loader.decoding import RowError, decode_rows
from tql.loader.sources.v3 import codecs
from tql.loader.sources.v3.chunk import ChunkHeader, check_data_size, check_raw_sizes, check_shapes, parse_chunk
from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.indexes import (
    ChunkIndex,
    SequenceIndex,
    TileEntry,
    parse_chunk_index,
    parse_sequence_index,
    parse_tile_index,
)
from tql.loader.sources.v3.meta import IMAGE_CODECS, TensorMeta
from tql.loader.sources.v3.place import Place
from tql.loader.sources.v3.tiles import assemble, check_entry
from tql.loader.sources.v3.versions import ChunkLocator, Commit, Versions

Items = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chunk:
    """An open chunk: its checked header and its data area as stored."""

    header: ChunkHeader
    stored: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Piece:
    """Requested items that lie in one chunk, by their positions in it."""

    chunk: int
    items: Items
    local: Items


class Tensor:
    """Reads the rows of one tensor. Safe to call from several threads."""

    def __init__(
        self, folder: Folder, versions: Versions, commit: Commit, meta: TensorMeta, cache: ByteCache[Any],
        open_chunks: ByteCache[Chunk],
    ) -> None:  # fmt: skip
        self.meta = meta
        self._folder = folder
        self._versions = versions
        self._commit = commit
        self._cache = cache
        self._open_chunks = open_chunks
        self._lock = threading.Lock()
        self._loaded: tuple[ChunkIndex, dict[int, TileEntry], ChunkLocator] | None = None
        self._sequence = self._read_sequence_index() if meta.is_sequence else None

    def __len__(self) -> int:
        return self._sequence.num_rows if self._sequence is not None else self.meta.length

    # --- rows ---------------------------------------------------------------------------------------------

    def read(self, rows: Items) -> Rows:
        """The rows at these numbers, decoded.

        Raises:
            FormatError: if a file that they need is damaged.
            UnsupportedError: for a tensor, or a row of it, of a form that can't be read yet.
        """
        self._check_readable()
        if self._sequence is None:
            return self._read_items(rows)
        items, counts = self._items_of(rows)
        return self._group(self._read_items(items), rows, counts)

    def shapes(self, rows: Items) -> NDArray[np.int64]:
        """int64 [rows, rank] from the headers alone; a scalar text has rank 0."""
        self._check_readable()
        if self.meta.kind == "tag":
            decoded = self.read(rows)
            assert isinstance(decoded, TextListRows)
            return np.diff(decoded.row_offsets)[:, None]
        is_array = self.meta.kind == "array"
        if self._sequence is None:
            return self._item_shapes(rows) if is_array else np.zeros((len(rows), 0), np.int64)
        items, counts = self._items_of(rows)
        if not is_array:
            return counts[:, None]
        return self._group_shapes(self._item_shapes(items), rows, counts)

    def encoded(self, rows: Items) -> EncodedRows | None:
        """The stored bytes of these rows, None where the engine does not decode them."""
        self._check_readable()
        meta = self.meta
        codec = meta.sample_codec
        if meta.kind != "array" or self._sequence is not None or meta.chunk_codec in IMAGE_CODECS:
            return None
        if codec not in (None, "lz4", "jpeg") or (codec == "lz4" and not codecs.lz4.native()):
            return None
        if codec == "jpeg" and (not codecs.native_jpeg() or meta.dtype != np.uint8):
            return None
        index, tiles, _ = self._load()
        buffers: list[NDArray[np.uint8]] = []
        parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
        order = self._by_chunk(index, rows)
        for piece in self._pieces(index, rows if order is None else rows[order]):
            if int(piece.items[0]) in tiles:
                return None
            chunk = self._open(piece.chunk)
            starts, sizes = chunk.header.spans(piece.local)
            area = self._area(piece.chunk, chunk)
            if meta.dtype == np.bool_ and codec is None:
                codecs.as_elements(area, meta.dtype, chunk.header.place)
            shapes = chunk.header.shapes_of(piece.local)
            if codec == "lz4":  # the engine takes raw blocks: step over the size, which the shape implies
                filled = sizes > 0
                starts, sizes = starts + 4 * filled, sizes - 4 * filled
            if codec == "jpeg" and not _plain_jpeg_shapes(shapes):
                return None
            buffers.append(area)
            parts.append((starts, sizes, shapes))
        if not parts:
            return None
        counts = [len(part[0]) for part in parts]
        which = np.repeat(np.arange(len(parts), dtype=np.int32), counts)
        starts, sizes, shapes = (np.ascontiguousarray(np.concatenate(column)) for column in zip(*parts, strict=True))
        try:
            encoded = EncodedRows(
                codec or "raw", meta.dtype, buffers, which, starts.astype(np.int64), sizes.astype(np.int64), shapes
            )
        except ValueError as error:
            raise self._chunk_place(index, rows).damaged(str(error)) from None
        return encoded if order is None else encoded.take(_inverse(order))

    def stored_bytes(self, row: int) -> bytes:
        """The bytes of one row as stored, after chunk decompression."""
        index, tiles, _ = self._load()
        if self._sequence is not None or row in tiles or self.meta.chunk_codec in IMAGE_CODECS:
            raise self.meta.place.unsupported(
                f"a row of '{self.meta.name}' is not stored as one string of bytes", row=row
            )
        (piece,) = self._pieces(index, np.array([row], np.int64))
        chunk = self._open(piece.chunk)
        starts, sizes = chunk.header.spans(piece.local)
        return self._area(piece.chunk, chunk)[int(starts[0]) : int(starts[0] + sizes[0])].tobytes()

    def boundaries(self) -> NDArray[np.int64]:
        """Row numbers at which a new chunk begins, 0 and the number of rows included."""
        if self._sequence is not None or self.meta.length == 0:
            return np.array([0, len(self)], np.int64)
        index, _, _ = self._load()
        return np.unique(np.concatenate([[0], index.last + 1]))

    def num_chunks(self) -> int:
        return len(self._load()[0].last)

    # --- items --------------------------------------------------------------------------------------------

    def _read_items(self, items: Items) -> Rows:
        index, tiles, _ = self._load()
        is_array = self.meta.kind == "array"
        order = self._by_chunk(index, items)
        parts = list(self._decoded(index, tiles, items if order is None else items[order]))
        if is_array:
            arrays = concat_arrays(parts, self._rank(), self.meta.dtype)
            return arrays if order is None else take_arrays(arrays, _inverse(order))
        texts = concat_text(parts)
        texts = texts if order is None else take_text(texts, _inverse(order))
        return text_list_rows(self._tags(texts)) if self.meta.kind == "tag" else texts

    def _decoded(self, index: ChunkIndex, tiles: dict[int, TileEntry], items: Items) -> Iterator[Any]:
        is_array = self.meta.kind == "array"
        for piece in self._pieces(index, items):
            item = int(piece.items[0])
            if item in tiles:
                one = self._read_tiled(index, item, tiles[item])
                repeat = np.zeros(len(piece.items), np.int64)
                yield one if len(repeat) == 1 else take_arrays(one, repeat)
            elif is_array:
                yield self._read_arrays(piece)
            else:
                yield self._read_text(piece)

    def _read_arrays(self, piece: Piece) -> ArrayRows:
        meta, chunk = self.meta, self._open(piece.chunk)
        header, place = chunk.header, chunk.header.place
        shapes = header.shapes_of(piece.local)
        if meta.chunk_codec in IMAGE_CODECS:
            strip = self._strip(piece.chunk, chunk)
            return ArrayRows(_joined([strip[i] for i in piece.local], meta.dtype), shapes)
        starts, sizes = header.spans(piece.local)
        area = self._area(piece.chunk, chunk)
        if meta.sample_codec is None:
            itemsize = meta.dtype.itemsize
            elements = area.view(meta.dtype.newbyteorder("<"))
            values = gather(elements, starts // itemsize, sizes // itemsize)
            if meta.dtype == np.bool_:
                codecs.as_elements(values.view(np.uint8), meta.dtype, place)
            return ArrayRows(values, shapes)
        if meta.sample_codec == "jpeg" and codecs.native_jpeg():
            encoded = self.encoded(piece.items)
            if encoded is not None:
                try:
                    return ArrayRows(_joined(decode_rows(encoded), meta.dtype), shapes)
                except RowError as error:
                    raise place.damaged(str(error), row=int(piece.items[error.row])) from None
        decoded = [
            codecs.decode_item(
                area[start : start + size], meta.sample_codec, tuple(shape), meta.dtype, place, int(item)
            )
            for item, start, size, shape in zip(piece.items, starts, sizes, shapes.tolist(), strict=True)
        ]
        return ArrayRows(_joined(decoded, meta.dtype), shapes)

    def _read_text(self, piece: Piece) -> TextRows:
        chunk = self._open(piece.chunk)
        place = chunk.header.place
        starts, sizes = chunk.header.spans(piece.local)
        area = self._area(piece.chunk, chunk)
        if self.meta.sample_codec == "lz4":
            blocks = [area[start : start + size] for start, size in zip(starts, sizes, strict=True)]
            texts = [codecs.lz4_unpack(block, codecs.lz4_size(block, place), place) for block in blocks]
            data = np.concatenate(texts) if texts else area[:0]
            sizes = np.fromiter((len(text) for text in texts), np.int64, len(texts))
        else:
            data = gather(area, starts, sizes)
        offsets = offsets_of(sizes)
        codecs.check_utf8(data, offsets[:-1], sizes, place)
        return TextRows(offsets, data)

    def _read_tiled(self, index: ChunkIndex, item: int, entry: TileEntry) -> ArrayRows:
        if self.meta.kind != "array":
            raise self.meta.place.unsupported(f"a tiled row of '{self.meta.name}' can't be read", row=item)
        chunks = index.tiles_of(item)
        check_entry(entry, len(chunks), self._rank(), self.meta.dtype.itemsize, self._index_place("tiles_index"))
        opened = (self._open(chunk, tile=True) for chunk in chunks)
        codec = self.meta.sample_codec or self.meta.chunk_codec
        values = assemble(entry, ((c.header, c.stored) for c in opened), codec, self.meta.dtype)
        return ArrayRows(values.reshape(-1), np.array([entry.shape], np.int64))

    def _item_shapes(self, items: Items) -> NDArray[np.int64]:
        index, tiles, _ = self._load()
        order = self._by_chunk(index, items)
        parts: list[NDArray[np.int64]] = []
        for piece in self._pieces(index, items if order is None else items[order]):
            entry = tiles.get(int(piece.items[0]))
            if entry is None:
                parts.append(self._open(piece.chunk).header.shapes_of(piece.local))
            else:
                check_entry(
                    entry, len(index.tiles_of(int(piece.items[0]))), self._rank(), self.meta.dtype.itemsize,
                    self._index_place("tiles_index"),
                )  # fmt: skip
                parts.append(np.broadcast_to(np.array(entry.shape, np.int64), (len(piece.items), len(entry.shape))))
        if not parts:
            return np.zeros((0, self._rank()), np.int64)
        shapes = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return shapes if order is None else shapes[_inverse(order)]

    @staticmethod
    def _by_chunk(index: ChunkIndex, items: Items) -> Items | None:
        """The order that visits each chunk once, None if the items have it already."""
        chunks = index.chunk_of(items)
        if len(chunks) < 2 or bool((chunks[1:] >= chunks[:-1]).all()):
            return None
        return np.argsort(chunks, kind="stable")

    @staticmethod
    def _pieces(index: ChunkIndex, items: Items) -> Iterator[Piece]:
        chunks = index.chunk_of(items)
        edges = np.flatnonzero(np.diff(chunks)) + 1
        bounds = [0, *edges.tolist(), len(items)] if len(items) else []
        for begin, end in zip(bounds, bounds[1:], strict=False):
            chunk = int(chunks[begin])
            yield Piece(chunk, items[begin:end], items[begin:end] - index.first(chunk))

    # --- chunks -------------------------------------------------------------------------------------------

    def _open(self, chunk: int, tile: bool = False) -> Chunk:
        def make() -> tuple[Chunk, int]:
            index, _, locator = self._load()
            name = index.name(chunk)
            place = Place(locator.file(name), self.meta.name)
            data = self._folder.map(place.file, self.meta.name)
            items = 1 if tile else int(index.last[chunk]) + 1 - index.first(chunk)
            header = parse_chunk(data, items, self._header_rank(), place)
            if not tile:
                self._check_header(header)
            stored = np.frombuffer(data, np.uint8, offset=header.data_start)
            mapped = len(data) if isinstance(data.obj, bytes) else 0
            tables = header.shapes.nbytes + header.sizes.nbytes * 3
            return Chunk(header, stored), mapped + tables

        return self._open_chunks.get((self.meta.key, chunk, tile), make)

    def _check_header(self, header: ChunkHeader) -> None:
        meta = self.meta
        if meta.kind == "array":
            check_shapes(header, meta.dtype.itemsize, self._fixed_axes())
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

    def _area(self, number: int, chunk: Chunk) -> NDArray[np.uint8]:
        """The data area that the position rows refer to."""
        if self.meta.chunk_codec != "lz4":
            return chunk.stored

        def make() -> tuple[NDArray[np.uint8], int]:
            area = codecs.unpack_area(chunk.stored, "lz4", chunk.header)
            return area, area.nbytes

        area: NDArray[np.uint8] = self._cache.get((self.meta.key, number), make)
        return area

    def _strip(self, number: int, chunk: Chunk) -> list[NDArray[Any]]:
        """The items of a chunk that is one image."""
        assert self.meta.chunk_codec is not None
        codec = self.meta.chunk_codec

        def make() -> tuple[list[NDArray[Any]], int]:
            shapes = chunk.header.shapes_of(np.arange(chunk.header.num_items))
            items = codecs.decode_strip(chunk.stored, codec, chunk.header, shapes, self.meta.dtype)
            return items, sum(item.nbytes for item in items)

        strip: list[NDArray[Any]] = self._cache.get((self.meta.key, number), make)
        return strip

    # --- sequences ----------------------------------------------------------------------------------------

    def _items_of(self, rows: Items) -> tuple[Items, Items]:
        """All items of these rows, one behind the other, and their number per row."""
        assert self._sequence is not None
        firsts, counts = self._sequence.items(rows)
        return gather(np.arange(self.meta.length, dtype=np.int64), firsts, counts), counts

    def _group(self, items: Rows, rows: Items, counts: Items) -> Rows:
        if isinstance(items, ArrayRows):
            return ArrayRows(items.values, self._group_shapes(items.shapes, rows, counts))
        if isinstance(items, TextRows):
            return TextListRows(offsets_of(counts), items)
        raise self.meta.place.unsupported(f"sequences of {self.meta.htype} can't be read")

    def _group_shapes(self, shapes: NDArray[np.int64], rows: Items, counts: Items) -> NDArray[np.int64]:
        """A row of n items of one shape is an array [n, *shape]."""
        type_ = self.meta.type()
        assert type_.shape is not None
        empty = np.array([extent or 0 for extent in type_.shape[1:]], np.int64)
        firsts = offsets_of(counts)[:-1]
        grouped = np.where(
            (counts > 0)[:, None], shapes[np.minimum(firsts, max(len(shapes) - 1, 0))] if len(shapes) else empty, empty
        )
        differs = (shapes != np.repeat(grouped, counts, axis=0)).any(axis=1)
        if bool(differs.any()):
            row = int(rows[np.searchsorted(firsts, np.argmax(differs), side="right") - 1])
            raise self.meta.place.unsupported(
                f"a sequence of arrays of different shapes in '{self.meta.name}' can't be read", row=row
            )
        return np.concatenate([counts[:, None], grouped], axis=1)

    # --- metadata -----------------------------------------------------------------------------------------

    def _load(self) -> tuple[ChunkIndex, dict[int, TileEntry], ChunkLocator]:
        """The indexes, read on first use."""
        with self._lock:
            if self._loaded is None:
                meta = self.meta
                place = self._index_place("chunks_index")
                if self._folder.exists(place.file):
                    index = parse_chunk_index(self._folder.read(place.file, meta.name), meta.length, place)
                elif meta.length == 0:
                    index = ChunkIndex(np.zeros(0, np.uint64), np.zeros(0, np.int64))
                else:
                    raise place.damaged(f"the chunk index is missing, the tensor has {meta.length} items")
                place = self._index_place("tiles_index")
                tiles: dict[int, TileEntry] = {}
                if self._folder.exists(place.file):
                    tiles = parse_tile_index(self._folder.read(place.file, meta.name), place)
                locator = ChunkLocator(self._folder, self._versions, self._commit.id, meta.key, meta.name)
                self._loaded = index, tiles, locator
            return self._loaded

    def _read_sequence_index(self) -> SequenceIndex:
        place = self._index_place("sequence_index")
        if not self._folder.exists(place.file):
            none = np.zeros(0, np.int64)
            return SequenceIndex(none, none, none)
        return parse_sequence_index(self._folder.read(place.file, self.meta.name), self.meta.length, place)

    def _index_place(self, index: str) -> Place:
        return Place(f"{self._commit.folder}{self.meta.key}/{index}/unsharded", self.meta.name)

    def _chunk_place(self, index: ChunkIndex, rows: Items) -> Place:
        chunk = int(index.chunk_of(rows[:1])[0])
        return self._open(chunk).header.place

    def _check_readable(self) -> None:
        if self.meta.unreadable is not None:
            raise self.meta.place.unsupported(f"tensor '{self.meta.name}': {self.meta.unreadable}")

    def _rank(self) -> int:
        return self.meta.item_rank or 1

    def _header_rank(self) -> int | None:
        """Rank that the shape rows must have; list and tag rows have rank 1, links may be tiled."""
        return None if self.meta.kind == "unsupported" else self.meta.item_rank

    def _fixed_axes(self) -> tuple[int | None, ...]:
        pairs = zip(self.meta.min_shape, self.meta.max_shape, strict=True)
        return tuple(low if low == high else None for low, high in pairs)

    def _tags(self, texts: TextRows) -> list[list[str]]:
        rows = []
        data = texts.data.tobytes()
        for begin, end in zip(texts.offsets[:-1], texts.offsets[1:], strict=True):
            try:
                tags = json.loads(data[begin:end] or b"[]")
            except (ValueError, RecursionError):
                raise self.meta.place.damaged("a tag row is not valid JSON") from None
            if not isinstance(tags, list) or not all(tag is None or isinstance(tag, str) for tag in tags):
                raise self.meta.place.damaged("a tag row is not a list of texts")
            rows.append([tag for tag in tags if tag is not None])
        return rows


def _joined(arrays: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Arrays of any shapes as one flat array."""
    if isinstance(arrays, np.ndarray):
        return arrays.reshape(-1)
    return np.concatenate([array.reshape(-1) for array in arrays]) if len(arrays) else np.zeros(0, dtype)


def _plain_jpeg_shapes(shapes: NDArray[np.int64]) -> bool:
    """Grey or RGB: what the engine decodes. CMYK goes through Pillow."""
    if shapes.shape[1] == 2:
        return True
    return shapes.shape[1] == 3 and bool(np.isin(shapes[:, 2], (0, 1, 3)).all())


def _inverse(order: Items) -> Items:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse
