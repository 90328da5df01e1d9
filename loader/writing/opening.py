"""Opening a tensor for writing: its files, checked by the reader's parsers, and its chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.indexes import (
    after_version,
    parse_chunk_index,
    parse_sequence_index,
    parse_tile_index,
)
from tql.loader.sources.v3.meta import IMAGE_CODECS, read_tensor_meta
from tql.loader.sources.v3.place import Place
from tql.loader.sources.v3.versions import FIRST_COMMIT, ChunkLocator, Commit, Versions
from tql.loader.storage.store import Parts, Store
from tql.loader.writing.blocks import Block
from tql.loader.writing.changes import TensorChanges, parse_changes
from tql.loader.writing.chunk_file import decode_chunk, encode_chunk
from tql.loader.writing.chunk_table import ChunkTable
from tql.loader.writing.form import form_of
from tql.loader.writing.home import ChunkHome
from tql.loader.writing.htypes import HTYPES
from tql.loader.writing.metas import DEFAULT_CHUNK_BYTES, new_tensor_meta
from tql.loader.writing.tensor import TensorWriter

_CONTINUED = (None, "lz4", "png", "bmp", "tiff", "ppm")
"""Compressions of a chunk that lose nothing when it is decoded, added to and encoded again."""


def make_tensor(
    store: Store, commit: Commit, key: str, meta: dict[str, Any], info: dict[str, Any]
) -> TensorWriter:
    """A tensor without rows."""
    chunk_set: dict[str, str] | None = None if commit.id == FIRST_COMMIT else {}
    home = ChunkHome(store, f"{commit.folder}{key}/chunks/", chunk_set, None)
    chunks = _table(store, home, meta, Place(key))
    return TensorWriter(key, meta, info, chunks, None, np.zeros(0, np.int64), TensorChanges(), home)


def open_tensor(
    store: Store, folder: Folder, versions: Versions, commit: Commit, name: str, key: str
) -> TensorWriter:
    """A tensor as the head of a branch has it.

    Raises:
        FormatError: if one of its files is damaged.
    """
    checked = read_tensor_meta(folder, commit.folder, name, key)
    base = f"{commit.folder}{key}/"
    raw = folder.json(base + "tensor_meta.json")
    meta = {**new_tensor_meta(name, None, HTYPES["generic"]), **raw, "name": name}
    meta["links"] = meta["links"] or {}
    meta["is_sequence"], meta["is_link"] = checked.is_sequence, checked.is_link

    def index(part: str) -> tuple[bytes | None, Place]:
        place = Place(f"{base}{part}/unsharded", name)
        return folder.read_or_none(place.file), place

    chunk_set = None
    if commit.id != FIRST_COMMIT:
        listed = (folder.read_or_none(base + "chunk_set") or b"").decode("ascii", "replace")
        chunk_set = {entry.partition(":")[0]: entry for entry in listed.split(",") if entry}
    locator = ChunkLocator(folder, versions, commit.id, key, name)
    home = ChunkHome(store, base + "chunks/", chunk_set, locator)
    chunks = _table(store, home, meta, Place(base + "chunks", name))
    changes = parse_changes(folder.read_or_none(base + "commit_diff"))
    data, place = index("chunks_index")
    if data is not None or checked.length:
        parsed = parse_chunk_index(data or b"", checked.length, place)
        chunks.begin_with(parsed.ids.tolist(), parsed.last.tolist())
        changes.had_rows = True
    data, place = index("tiles_index")
    if data is not None:
        chunks.tiles.update(parse_tile_index(data, place))
        changes.had_tiles = True
    data, place = index("sequence_index")
    sequence = None
    if checked.is_sequence and data is not None:
        sequence = parse_sequence_index(data, checked.length, place)
    creds = _creds(*index("creds_index"), checked.length) if checked.is_link else np.zeros(0, np.int64)
    return TensorWriter(key, meta, dict(checked.info), chunks, sequence, creds, changes, home)


def _table(store: Store, home: ChunkHome, meta: dict[str, Any], place: Place) -> ChunkTable:
    """The chunk table of a tensor, with what it needs to encode, store and load chunks."""

    def encode(block: Block) -> Parts:
        form = form_of(meta)
        return encode_chunk(block, form.chunk_codec, form.element)

    def fetch(number: int) -> bytes:
        where = Place(home.file(number), place.tensor)
        data = store.get(where.file)
        if data is None:
            raise where.damaged("the file is missing")
        return data

    def load(number: int, items: int) -> Block:
        form = form_of(meta)
        where = Place(home.file(number), place.tensor)
        rank = 1 if form.is_text else len(meta["max_shape"]) or None
        return decode_chunk(fetch(number), items, rank, form.chunk_codec, form.element, where)

    codec = form_of(meta).chunk_codec
    squeezed = codec == "lz4" or codec in IMAGE_CODECS
    target = (meta.get("max_chunk_size") or DEFAULT_CHUNK_BYTES) // 2
    return ChunkTable(
        target=max(target * (2 if squeezed else 1), 1),
        encode=encode,
        fetch=fetch,
        load=load,
        keep=home.keep,
        reopen=lambda number: codec in _CONTINUED and home.owns(number),
    )


def _creds(data: bytes | None, place: Place, items: int) -> NDArray[np.int64]:
    """int64 [items]: the credentials of each link, from runs `[code, last]`; 0 where nothing is said."""
    codes = np.zeros(items, np.int64)
    if data is None:
        return codes
    start, _ = after_version(data, place)
    if (len(data) - start) % 8:
        raise place.damaged("the file is not a whole number of 8-byte rows", offset=len(data))
    table = np.frombuffer(data, "<u4", offset=start).reshape(-1, 2).astype(np.int64)
    first = 0
    for code, last in table.tolist():
        codes[first : last + 1] = code
        first = last + 1
    return codes
