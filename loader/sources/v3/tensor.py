"""One tensor of one commit: rows to items, items to values, shapes or stored bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.loader import compression
from tql.loader.arrays import (
    ArrayRows,
    Items,
    ListRows,
    Rows,
    TextListRows,
    TextRows,
    as_array,
    concat_arrays,
    concat_shapes,
    concat_text,
    element_counts,
    gather,
    offsets_of,
    spread,
    take_arrays,
    take_text,
    text_list_rows,
    text_rows,
)
from tql.loader.decoding import RowError, decode_rows
from tql.loader.foreign import to_bytes
from tql.loader.sources.v3 import codecs
from tql.loader.sources.v3.chunks import Caches, Chunk, ChunkStore, Piece
from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.fixed import fixed_rows
from tql.loader.sources.v3.gathering import gather_images, gather_rows
from tql.loader.sources.v3.indexes import SequenceIndex, TileEntry, parse_sequence_index
from tql.loader.sources.v3.links import Link, parse_paths
from tql.loader.sources.v3.located import LocatedItems
from tql.loader.sources.v3.meta import IMAGE_CODECS, TensorMeta
from tql.loader.sources.v3.place import Place
from tql.loader.sources.v3.polygons import concat_polygons, decode_polygons, take_polygons
from tql.loader.sources.v3.sequence import group_rows, group_shapes
from tql.loader.sources.v3.statistics import StoredZones
from tql.loader.sources.v3.tiles import assemble
from tql.loader.sources.v3.uniform import UniformChunk
from tql.loader.sources.v3.versions import Commit, Versions

_Codec = Literal["raw", "jpeg", "lz4"]


class Tensor:
    """Reads the rows of one tensor. Safe to call from several threads."""

    def __init__(
        self, folder: Folder, versions: Versions, commit: Commit, meta: TensorMeta, caches: Caches
    ) -> None:
        self.meta = meta
        self._store = ChunkStore(folder, versions, commit, meta, caches)
        self._sequence = self._read_sequence_index(folder) if meta.is_sequence else None
        self._form = None if meta.is_sequence else UniformChunk.of(meta)

    def __len__(self) -> int:
        return self._sequence.num_rows if self._sequence is not None else self.meta.length

    def load_indexes(self) -> None:
        """Read what is otherwise read on first use."""
        self._store.load_indexes()

    def layout(self) -> tuple[str, NDArray[np.uint64], NDArray[np.int64]]:
        """The type of the rows, and which chunks hold which of them."""
        return str(self.meta.type()), self._store.index.ids, self._store.index.last

    def chunk_name(self, row: int) -> str | None:
        """The (first) chunk that holds a row; None where a row is made of several items."""
        if self._sequence is not None:
            return None
        index = self._store.index
        return index.name(int(index.chunk_of(np.array([row], np.int64))[0]))

    def read(self, rows: Items) -> Rows:
        """The rows at these numbers, decoded.

        Raises:
            FormatError: if a file that they need is damaged.
            UnsupportedError: for a tensor, or a row of it, of a form that can't be read yet.
        """
        self._check_readable()
        if self._sequence is None:
            return self._read_items(rows)
        firsts, counts = self._sequence.items(rows)
        return group_rows(self._read_items(spread(firsts, counts)), counts, self.meta)

    def array(self, rows: range) -> NDArray[Any] | None:
        """Consecutive rows of numbers as an array that nobody else holds; None where `read` is as good.

        Raises:
            FormatError: if a file that they need is damaged.
        """
        form = self._form
        if form is None or len(rows) == 0 or self._store.has_tiles:
            return None
        pieces = list(self._store.pieces(rows))
        if not self._are_announced(pieces, form):
            return None
        values, start = np.empty(len(rows) * form.nbytes, np.uint8), 0
        for piece in pieces:
            stop = start + len(piece.items) * form.nbytes
            if not self._store.fill(piece, values[start:stop], form):
                return None
            if self.meta.dtype == np.bool_:
                place = Place(self._store.chunk_file(piece.chunk), self.meta.name)
                codecs.as_elements(values[start:stop], self.meta.dtype, place)
            start = stop
        return values.view(self.meta.dtype.newbyteorder("<")).reshape(len(rows), *form.shape)

    def shapes(self, rows: Items) -> NDArray[np.int64]:
        """int64 [rows, rank] from the headers alone (tags excepted); a list has one extent, a text none."""
        self._check_readable()
        if self._sequence is not None:
            _, counts = self._sequence.items(rows)
            return group_shapes(counts, self.meta)
        match self.meta.kind:
            case "array":
                return self._item_shapes(rows)
            case "polygon":
                return self._item_shapes(rows)[:, :1]
            case "tag":
                decoded = self.read(rows)
                assert isinstance(decoded, TextListRows)
                return np.diff(decoded.row_offsets).astype(np.int64)[:, None]
            case _:
                return np.zeros((len(rows), 0), np.int64)

    def encoded(self, rows: Items) -> _engine.EncodedRows | None:
        """The stored bytes of these rows, None where the engine does not decode them."""
        self._check_readable()
        store, strips = self._store, self._strip_codec()
        if strips is not None:
            return gather_images(store, rows, store.by_chunk(rows), strips, self.meta.dtype)
        codec = self._engine_codec()
        if codec is None:
            return None
        if self._located is not None and len(rows):
            found = self._located_rows(codec, as_array(rows))
            if found is not None:
                return found
        order = store.by_chunk(rows)
        gathered = gather_rows(store, rows, order, self.meta.dtype) if codec == "raw" else None
        if gathered is not None:
            return gathered
        buffers: list[NDArray[np.uint8]] = []
        spans: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
        for piece in store.pieces(_ordered(rows, order)):
            if store.tiling(int(piece.items[0])) is not None:
                return None
            chunk = store.open(piece.chunk)
            spans_of = store.spans(chunk, as_array(piece.local))
            area, starts, sizes = spans_of.data, spans_of.starts, spans_of.sizes
            shapes = chunk.header.shapes_of(piece.local)
            if codec == "raw":
                codecs.as_elements(area, self.meta.dtype, chunk.header.place)
            elif codec == "lz4":
                decoded = element_counts(shapes) * self.meta.dtype.itemsize
                blocks = codecs.raw_blocks(area, starts, sizes, decoded, chunk.header.place)
                if blocks is None:
                    return None
                starts, sizes = blocks
            elif not _plain_jpeg_shapes(shapes):
                return None
            buffers.append(area)
            spans.append((starts, sizes, shapes))
        if not spans:
            return None
        which = np.repeat(np.arange(len(spans), dtype=np.int32), [len(span[0]) for span in spans])
        starts, sizes, shapes = (np.concatenate(parts) for parts in zip(*spans, strict=True))
        try:
            encoded = _engine.EncodedRows(codec, self.meta.dtype, buffers, which, starts, sizes, shapes)
        except ValueError as error:
            raise store.open(piece.chunk).header.place.damaged(str(error)) from None
        return encoded if order is None else encoded.take(_inverse(order))

    def _located_rows(self, codec: _Codec, rows: NDArray[np.int64]) -> _engine.EncodedRows | None:
        """Rows that are read one by one, when they are needed; None if there are others."""
        area = _engine.StoredArea()
        assert self._located is not None
        found = self._located.find(rows, area)
        if found is None:
            return None
        starts, sizes, shapes = found
        if codec == "jpeg" and not _plain_jpeg_shapes(shapes):
            return None
        which = np.zeros(len(rows), np.int32)
        try:
            return _engine.EncodedRows(codec, self.meta.dtype, [area], which, starts, sizes, shapes)
        except ValueError as error:
            raise self.meta.place.damaged(str(error)) from None

    @cached_property
    def _located(self) -> LocatedItems | None:
        """Where the rows lie, if nobody but the engine looks at their bytes; None for others."""
        codec, rank = self._engine_codec(), self.meta.item_rank
        unseen = codec == "jpeg" or (codec == "raw" and self.meta.dtype != np.bool_)
        if not unseen or rank is None or not LocatedItems.fit(len(self)):
            return None
        return LocatedItems(self._store, self._store.index.num_items, rank)

    def fixed(self, rows: NDArray[np.int64]) -> _engine.FixedRows | None:
        """Where rows of numbers lie in chunks that are kept in memory, None where some lie elsewhere."""
        if self._form is None or self.meta.is_foreign:
            return None
        return fixed_rows(self._store, self._form, self.meta.dtype, rows)

    def stored_bytes(self, row: int) -> bytes:
        """The bytes of one row as stored, after chunk decompression.

        Raises:
            UnsupportedError: where a row is not one string of bytes: tiles, sequences, strips of images.
        """
        whole = self._sequence is None and self.meta.chunk_codec not in IMAGE_CODECS
        if not whole or self._store.tiling(row) is not None:
            raise self.meta.place.unsupported(
                f"a row of tensor '{self.meta.name}' is not stored as one string of bytes", row=row
            )
        (piece,) = self._store.pieces(np.array([row], np.int64))
        chunk = self._store.open(piece.chunk)
        return self._store.extent(chunk, range(int(piece.local[0]), int(piece.local[0]) + 1)).tobytes()

    def links(self, rows: Items) -> tuple[list[Link], NDArray[np.int64] | None]:
        """Of a tensor of links: the paths of all items of these rows; of sequences, how many each row has."""
        counts: NDArray[np.int64] | None = None
        items = as_array(rows)
        if self._sequence is not None:
            firsts, counts = self._sequence.items(rows)
            items = spread(firsts, counts)
        texts = self._read_items(items)
        assert isinstance(texts, TextRows)
        data, found = texts.data.tobytes(), []
        for item, (start, end) in zip(items.tolist(), pairwise(texts.offsets.tolist()), strict=True):
            paths = data[start:end].decode()
            entry = self._store.tiling(item)
            tiled = None if entry is None else (entry.shape, entry.tile)
            found.append(Link((paths,) if entry is None else tuple(paths.split("\n")), tiled))
        return found, counts

    def boundaries(self) -> NDArray[np.int64]:
        """Row numbers at which a new chunk begins, 0 and the number of rows included."""
        if self._sequence is not None or self.meta.length == 0:
            return np.array([0, len(self)], np.int64)
        return np.unique(np.concatenate([[0], self._store.index.last + 1]))

    def stored_zones(self, root: str) -> StoredZones | None:
        """The zones of its rows on disk, None where rows are no numbers that can have some.

        Args:
            root: the dataset's folder.
        """
        has_some = self.meta.kind == "array" and self._sequence is None and not self.meta.is_foreign
        return StoredZones(root, self.meta, self._store) if has_some else None

    def num_chunks(self) -> int:
        return len(self._store.index.last)

    def _are_announced(self, pieces: list[Piece], form: UniformChunk) -> bool:
        """Whether the files can hold what the index says: no more is allocated than there is to read."""
        growth = compression.LZ4_EXPANSION if self.meta.chunk_codec == "lz4" else 1
        sizes = (self._store.state(piece.chunk).size for piece in pieces)
        return all(
            len(piece.items) * form.nbytes <= growth * size for piece, size in zip(pieces, sizes, strict=True)
        )

    def _read_items(self, items: Items) -> Rows:
        if isinstance(items, range) and (values := self.array(items)) is not None:
            shape = np.array(values.shape[1:], np.int64)
            shapes = np.broadcast_to(shape, (len(items), len(shape)))
            return self._as_carried(ArrayRows(values.reshape(-1), shapes))
        order = self._store.by_chunk(items)
        parts = list(self._decoded(_ordered(items, order)))
        if self.meta.kind == "array":
            arrays = concat_arrays(parts, self.meta.item_rank or 1, self.meta.dtype)
            return self._as_carried(arrays if order is None else take_arrays(arrays, _inverse(order)))
        if self.meta.kind == "polygon":
            polygons = concat_polygons(parts, self.meta.dtype)
            return polygons if order is None else take_polygons(polygons, _inverse(order))
        texts = concat_text(parts)
        texts = texts if order is None else take_text(texts, _inverse(order))
        return text_list_rows(self._tags(texts)) if self.meta.kind == "tag" else texts

    def _as_carried(self, arrays: ArrayRows) -> Rows:
        """The rows in the form in which the engine takes them."""
        return to_bytes(arrays) if self.meta.is_foreign else arrays

    def _decoded(self, items: Items) -> Iterator[Any]:
        for piece in self._store.pieces(items):
            entry = self._store.tiling(int(piece.items[0]))
            if entry is not None:
                yield self._read_tiled(piece, entry)
            elif self.meta.kind == "array":
                yield self._read_arrays(piece)
            elif self.meta.kind == "polygon":
                yield self._read_polygons(piece)
            else:
                yield self._read_text(piece)

    def _read_arrays(self, piece: Piece) -> ArrayRows:
        meta, chunk = self.meta, self._store.open(piece.chunk)
        header, place = chunk.header, chunk.header.place
        shapes = header.shapes_of(piece.local)
        if meta.chunk_codec is not None and meta.chunk_codec in IMAGE_CODECS:
            strip = self._store.strip(chunk, meta.chunk_codec)
            return ArrayRows(_joined([strip[i] for i in piece.local], meta.dtype), shapes)
        if meta.sample_codec is None:
            return ArrayRows(self._raw_values(piece, chunk), shapes)
        encoded = self.encoded(piece.items)
        if encoded is not None:
            try:
                values = _joined(decode_rows(encoded), meta.dtype)
            except RowError as error:
                row = int(piece.items[error.row])
                raise place.damaged(f"a row can't be decoded: {error}", row=row) from None
            return ArrayRows(codecs.as_elements(values.view(np.uint8), meta.dtype, place), shapes)
        spans = self._store.spans(chunk, as_array(piece.local))
        ends = spans.starts + spans.sizes
        decoded = [
            codecs.decode_item(
                spans.data[start:end], meta.sample_codec, tuple(shape), meta.dtype, place, int(item)
            )
            for item, start, end, shape in zip(piece.items, spans.starts, ends, shapes.tolist(), strict=True)
        ]
        return ArrayRows(_joined(decoded, meta.dtype), shapes)

    def _raw_values(self, piece: Piece, chunk: Chunk) -> NDArray[Any]:
        dtype, place = self.meta.dtype, chunk.header.place
        if isinstance(piece.local, range):
            return codecs.as_elements(self._store.extent(chunk, piece.local), dtype, place)
        spans = self._store.spans(chunk, piece.local)
        elements = codecs.as_elements(spans.data, dtype, place)
        return gather(elements, spans.starts // dtype.itemsize, spans.sizes // dtype.itemsize)

    def _read_polygons(self, piece: Piece) -> ListRows:
        chunk = self._store.open(piece.chunk)
        spans, place = self._store.spans(chunk, as_array(piece.local)), chunk.header.place
        shapes = chunk.header.shapes_of(piece.local)
        area, starts, sizes = spans.data, spans.starts, spans.sizes
        if self.meta.sample_codec == "lz4":
            area, sizes = codecs.unpack_each(area, starts, sizes, place)
            starts = offsets_of(sizes)[:-1]
        return decode_polygons(area, starts, sizes, shapes, self.meta.dtype, place, piece.items)

    def _read_text(self, piece: Piece) -> TextRows:
        chunk = self._store.open(piece.chunk)
        place = chunk.header.place
        if self.meta.sample_codec is None and isinstance(piece.local, range):
            data, (_, sizes) = self._store.extent(chunk, piece.local), chunk.header.spans(piece.local)
        else:
            spans = self._store.spans(chunk, as_array(piece.local))
            sizes = spans.sizes
            if self.meta.sample_codec == "lz4":
                data, sizes = codecs.unpack_each(spans.data, spans.starts, sizes, place)
            else:
                data = gather(spans.data, spans.starts, sizes)
        offsets = offsets_of(sizes)
        codecs.check_utf8(data, offsets[:-1], sizes, place)
        if self.meta.kind == "json":
            codecs.check_json(data, offsets, place, piece.items)
        return TextRows(offsets, data)

    def _read_tiled(self, piece: Piece, entry: TileEntry) -> ArrayRows | TextRows:
        item = int(piece.items[0])
        if self.meta.kind == "link":
            chunk = self._store.open(piece.chunk, entry)
            paths = "\n".join(parse_paths(chunk.stored().tobytes(), chunk.header.place).paths)
            return text_rows([paths] * len(piece.items))
        if self.meta.kind != "array":
            raise self._store.index_place("tiles_index").damaged(
                f"an item of htype {self.meta.htype} can't be cut into tiles", row=item
            )
        opened = (self._store.open(chunk, entry) for chunk in self._store.index.tiles_of(item))
        codec = self.meta.sample_codec or self.meta.chunk_codec
        values = assemble(entry, ((chunk.header, chunk.stored()) for chunk in opened), codec, self.meta.dtype)
        once = ArrayRows(values.reshape(-1), np.array([entry.shape], np.int64))
        return once if len(piece.items) == 1 else take_arrays(once, np.zeros(len(piece.items), np.int64))

    def _item_shapes(self, items: Items) -> NDArray[np.int64]:
        order = self._store.by_chunk(items)
        parts: list[NDArray[np.int64]] = []
        for piece in self._store.pieces(_ordered(items, order)):
            entry = self._store.tiling(int(piece.items[0]))
            if entry is None:
                parts.append(self._store.open(piece.chunk).header.shapes_of(piece.local))
            else:
                parts.append(np.tile(np.array(entry.shape, np.int64), (len(piece.items), 1)))
        if not parts:
            return np.zeros((0, self.meta.item_rank or 1), np.int64)
        shapes = concat_shapes(parts)
        return shapes if order is None else shapes[_inverse(order)]

    def _engine_codec(self) -> _Codec | None:
        """The codec under which the engine decodes this tensor's items, None where it can't."""
        meta = self.meta
        if meta.kind != "array" or self._sequence is not None or meta.chunk_codec in IMAGE_CODECS:
            return None
        if meta.is_foreign:
            return None
        if meta.sample_codec is None:
            return "raw"
        if meta.sample_codec == "lz4":
            return "lz4" if compression.native_lz4() else None
        return (
            "jpeg"
            if meta.sample_codec == "jpeg" and codecs.native_jpeg() and meta.dtype == np.uint8
            else None
        )

    def _strip_codec(self) -> str | None:
        """The codec of chunks that are one image each, None for other chunks."""
        meta = self.meta
        plain = meta.kind == "array" and self._sequence is None and not meta.is_foreign
        return meta.chunk_codec if plain and meta.chunk_codec in IMAGE_CODECS else None

    def _read_sequence_index(self, folder: Folder) -> SequenceIndex:
        place = self._store.index_place("sequence_index")
        if not folder.exists(place.file):
            none = np.zeros(0, np.int64)
            return SequenceIndex(none, none, none)
        return parse_sequence_index(folder.read(place.file, self.meta.name), self.meta.length, place)

    def _check_readable(self) -> None:
        if self.meta.unreadable is not None:
            raise self.meta.place.unsupported(f"tensor '{self.meta.name}': {self.meta.unreadable}")

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
    if shapes.shape[1] != 3:
        return False
    channels = shapes[:, 2]  # np.isin would take longer than all the rest of the fetch
    return bool(((channels == 3) | (channels == 1) | (channels == 0)).all())


def _ordered(items: Items, order: NDArray[np.int64] | None) -> Items:
    return items if order is None else as_array(items)[order]


def _inverse(order: NDArray[np.int64]) -> NDArray[np.int64]:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse
