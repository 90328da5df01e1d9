"""One tensor of the head of a branch, open for writing."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError
from tql.loader.sources.v3.indexes import SequenceIndex
from tql.loader.writing.changes import TensorChanges
from tql.loader.writing.chunk_table import ChunkTable, Snapshot
from tql.loader.writing.creation import check_class_names
from tql.loader.writing.encoding import BadValueError, Encoded, Piece, encode
from tql.loader.writing.form import Form, form_of
from tql.loader.writing.garbage import Garbage
from tql.loader.writing.home import ChunkHome
from tql.loader.writing.htypes import HTYPES
from tql.loader.writing.index_files import (
    encode_chunk_index,
    encode_creds_index,
    encode_sequence_index,
    encode_tile_index,
)
from tql.loader.writing.metas import enclose, new_tensor_meta, to_json


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows that a tensor can take: encoded, checked, not yet part of it.

    Attributes:
        encoded: the items.
        counts: of a sequence tensor, the number of items of each row.
        rows: how many there are.
        meta: the tensor's meta where the first value decided its htype.
    """

    encoded: Encoded
    counts: NDArray[np.int64] | None
    rows: int
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TensorState:
    """A state of a tensor to come back to."""

    chunks: Snapshot
    meta: dict[str, Any]
    info: dict[str, Any]
    counts: list[int] | None
    creds: NDArray[np.int64]
    changes: TensorChanges


class TensorWriter:
    """Adds, replaces and removes rows of a tensor. Nothing is on disk before `HeadWriter.flush`.

    Args:
        key: the tensor's folder.
        meta: `tensor_meta.json`, complete.
        info: `tensor_info.json`.
        chunks: its chunks.
        sequence: of a sequence tensor, its rows.
        creds: of a link tensor, int64 [items], the credentials of each.
        changes: what was changed since the last commit.
        home: where its chunks lie.
    """

    def __init__(
        self,
        key: str,
        meta: dict[str, Any],
        info: dict[str, Any],
        chunks: ChunkTable,
        sequence: SequenceIndex | None,
        creds: NDArray[np.int64],
        changes: TensorChanges,
        home: ChunkHome,
    ) -> None:
        self.home = home
        self.key = key
        self.meta = meta
        self.info = info
        self.chunks = chunks
        self.changes = changes
        self._counts = None if not meta["is_sequence"] else _counts_of(sequence)
        self._firsts: NDArray[np.int64] | None = None
        self._creds = creds
        self._classes: dict[str, int] | None = None
        self._form: Form | None = None  # of the meta as it is, None where that changed

    @property
    def name(self) -> str:
        return str(self.meta["name"])

    @property
    def form(self) -> Form:
        return form_of(self.meta)

    def __len__(self) -> int:
        return len(self._counts) if self._counts is not None else len(self.chunks)

    # --- values -------------------------------------------------------------------------------------------

    def prepare(self, values: Sequence[Any] | NDArray[Any], first_row: int) -> Prepared:
        """Check and encode rows; changes nothing.

        Args:
            values: one per row: a sequence, or an array along its first axis.
            first_row: number of the first one, for errors.

        Raises:
            ArgumentError: a value that the tensor can't hold.
        """
        meta = self.meta if self.meta["htype"] is not None else _with_htype(self.meta, values)
        if meta is not self.meta:
            form = form_of(meta)
        else:
            form = self._form = self._form or form_of(meta)
        try:
            if self._counts is None:
                return Prepared(encode(values, form, self.classes), None, len(values), meta)
            items, counts = _flattened(values)
            encoded = encode(items, form, self.classes)
            return Prepared(encoded, np.array(counts, np.int64), len(counts), meta)
        except BadValueError as error:
            row = error.position
            if self._counts is not None:
                row = int(np.searchsorted(np.cumsum(counts), row, side="right"))
            raise ArgumentError(
                f"tensor '{self.name}' can't take row {first_row + row}: {error.error.message}",
                hint=error.error.hint,
            ) from None

    @property
    def classes(self) -> dict[str, int]:
        """Name to index of the classes."""
        if self._classes is None:
            self._classes = {}
            for index, name in enumerate(self.info.get("class_names") or []):
                # A name that is there twice still takes an index; no label reads "\0...".
                unique = name if name not in self._classes else f"\0{index}"
                self._classes[str(unique)] = index
        return self._classes

    def set_info(self, facts: dict[str, Any]) -> None:
        """Replace the facts about the tensor.

        Raises:
            ArgumentError: `class_names` that are no list of texts.
        """
        check_class_names(facts.get("class_names", []), self.name)
        self.info, self._classes = facts, None
        self.changes.info_updated = True

    # --- rows ---------------------------------------------------------------------------------------------

    def append(self, prepared: Prepared) -> None:
        """Add rows behind the last one."""
        self.changes.added(len(self), prepared.rows)
        items = len(self.chunks)
        self._take(prepared, items)
        self.chunks.append(prepared.encoded.pieces)
        if self._counts is not None and prepared.counts is not None:
            self._counts.extend(prepared.counts.tolist())
            self._firsts = None
        added = len(self.chunks) - items
        self._creds = (
            np.concatenate([self._creds, np.zeros(added, np.int64)]) if self._is_link else self._creds
        )
        self.meta["length"] = len(self.chunks)

    def replace(self, row: int, prepared: Prepared) -> None:
        """Put one row in place of another."""
        self.changes.updated(row)
        start, stop = self.items(row)
        self._put(start, stop, prepared)
        if self._counts is not None and prepared.counts is not None:
            self._counts[row] = int(prepared.counts[0])
            self._firsts = None

    def remove(self, row: int, sample_id: int | None = None) -> None:
        """Take a row out; those behind it move up."""
        self.changes.removed(row, sample_id)
        start, stop = self.items(row)
        self._splice(start, stop, [])
        if self._counts is not None:
            del self._counts[row]
            self._firsts = None

    def replace_rows(self, start: int, stop: int, prepared: Prepared) -> None:
        """Put rows in place of the rows [start, stop) of a tensor that is no sequence."""
        for row in range(start, stop):
            self.changes.updated(row)
        self._put(start, stop, prepared)

    def remove_rows(self, start: int, stop: int) -> None:
        """Take the rows [start, stop) out of a tensor that is no sequence."""
        for row in reversed(range(start, stop)):
            self.changes.removed(row, None)
        self._splice(start, stop, [])

    def number(self, row: int) -> int:
        """The one integer of a row of an id tensor."""
        return int.from_bytes(self.chunks.item(row), "little")

    def items(self, row: int) -> tuple[int, int]:
        """The items [start, stop) of a row."""
        if self._counts is None:
            return row, row + 1
        if self._firsts is None:
            self._firsts = np.cumsum([0, *self._counts])
        return int(self._firsts[row]), int(self._firsts[row + 1])

    def _put(self, start: int, stop: int, prepared: Prepared) -> None:
        self._take(prepared, len(self.chunks))
        self._splice(start, stop, prepared.encoded.pieces)

    def _splice(self, start: int, stop: int, pieces: list[Piece]) -> None:
        before = len(self.chunks)
        self.chunks.splice(start, stop, pieces)
        if self._is_link:
            added = len(self.chunks) - before + (stop - start)
            filling = np.zeros(added, np.int64)
            self._creds = np.concatenate([self._creds[:start], filling, self._creds[stop:]])
        self.meta["length"] = len(self.chunks)

    def _take(self, prepared: Prepared, items: int) -> None:
        """What the values decided about the tensor becomes part of its meta."""
        form, meta = prepared.encoded.form, self.meta
        if prepared.meta is not meta or not meta["dtype"] or not meta["max_shape"]:
            self._form = None
        meta.update(prepared.meta)
        if prepared.meta is not meta:
            self.info.update(copy.deepcopy(dict(form.htype.properties)))
        if not meta["dtype"] and form.dtype is not None:
            meta["dtype"], meta["typestr"] = form.dtype.name, form.dtype.newbyteorder("<").str
        if prepared.encoded.names:
            self.info["class_names"] = [*(self.info.get("class_names") or []), *prepared.encoded.names]
            self.classes.update(
                {name: len(self.classes) + i for i, name in enumerate(prepared.encoded.names)}
            )
            self.changes.info_updated = True
        if form.is_link or form.rank is None:
            return
        for shapes in prepared.encoded.shapes():
            if len(shapes) == 0:
                continue
            if not meta["max_shape"] and items:  # all so far were items without a value
                enclose(meta, (0,) * form.rank, (0,) * form.rank)
            if shapes.shape[1] == 0:
                shapes = np.zeros((1, form.rank), np.int64)
            some = shapes[:1] if shapes.strides[0] == 0 else shapes
            enclose(meta, some.min(axis=0).tolist(), some.max(axis=0).tolist())
            items += len(shapes)

    @property
    def _is_link(self) -> bool:
        return bool(self.meta["is_link"])

    # --- files --------------------------------------------------------------------------------------------

    def files(self) -> dict[str, bytes]:
        """The tensor's small files as they have to be: name below the tensor's folder to contents.

        Indexes come first: a reader that meets half of them, without the journal, finds the old meta.
        """
        files: dict[str, bytes] = {}
        if self.chunks.ids or self.changes.had_rows:
            files["chunks_index/unsharded"] = encode_chunk_index(self.chunks.ids, self.chunks.last)
        if self.chunks.tiles or self.changes.had_tiles:
            files["tiles_index/unsharded"] = encode_tile_index(self.chunks.tiles)
            self.changes.had_tiles = True
        if self._counts is not None:
            files["sequence_index/unsharded"] = encode_sequence_index(np.array(self._counts, np.int64))
        if self._is_link:
            files["creds_index/unsharded"] = encode_creds_index(self._creds)
        if self.info or self.changes.info_updated:
            files["tensor_info.json"] = to_json(self.info)
        files["tensor_meta.json"] = to_json(self.meta)
        if self.home.chunk_set is not None:
            files["chunk_set"] = self.home.encode_set(self.chunks.dropped)
            if self.changes.any:
                files["commit_diff"] = self.changes.to_bytes()
        return files

    def discard(self, garbage: Garbage) -> None:
        """Hand over the chunks that the index on disk does not name any more."""
        garbage.discard(
            [self.home.own_file(number) for number in self.chunks.dropped if self.home.owns(number)]
        )
        self.home.forget(self.chunks.dropped)
        self.chunks.dropped.clear()

    # --- going back ---------------------------------------------------------------------------------------

    def snapshot(self) -> TensorState:
        """The present state, to which `restore` returns as long as rows are only appended."""
        return TensorState(
            self.chunks.snapshot(),
            copy.deepcopy(self.meta),
            copy.deepcopy(self.info),
            None if self._counts is None else self._counts.copy(),
            self._creds,
            copy.deepcopy(self.changes),
        )

    def restore(self, state: TensorState) -> None:
        """Forget all that was appended since."""
        self.chunks.restore(state.chunks)
        self.meta.clear()
        self.meta.update(state.meta)  # the chunk table looks at this very dict
        self.info, self.changes = state.info, state.changes
        self._counts, self._creds = state.counts, state.creds
        self._firsts = self._classes = self._form = None


def _counts_of(sequence: SequenceIndex | None) -> list[int]:
    if sequence is None:
        return []
    counts: list[int] = np.repeat(sequence.counts, np.diff(sequence.last, prepend=-1)).tolist()
    return counts


def _flattened(values: Sequence[Any] | NDArray[Any]) -> tuple[Sequence[Any] | NDArray[Any], list[int]]:
    """The items of all rows, and how many each row has. None is a row without items."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and values.ndim > 1:
        return values.reshape(-1, *values.shape[2:]), [values.shape[1]] * len(values)
    items: list[Any] = []
    counts: list[int] = []
    for row, value in enumerate(values):
        if value is not None and (isinstance(value, str | bytes | dict) or not hasattr(value, "__len__")):
            counts.append(1)
            raise BadValueError(
                sum(counts[:row]), ArgumentError(f"a row of a sequence tensor is a list, not {value!r:.60}")
            )
        items.extend([] if value is None else value)
        counts.append(0 if value is None else len(value))
    return items, counts


def _with_htype(meta: dict[str, Any], values: Sequence[Any] | NDArray[Any]) -> dict[str, Any]:
    """The meta of a tensor that was made without htype, from its first value."""
    first = None
    if not (isinstance(values, np.ndarray) and values.dtype.kind in "biuf"):
        first = next((value for value in values if value is not None), None)
        if first is None and not isinstance(values, np.ndarray):
            return meta
    name = "text" if isinstance(first, str) else "json" if isinstance(first, dict) else "generic"
    fresh = new_tensor_meta(str(meta["name"]), name, HTYPES[name])
    kept = {key: value for key, value in meta.items() if value is not None and key != "htype"}
    if name != "generic" and meta["dtype"]:
        raise ArgumentError(f"tensor '{meta['name']}' of {meta['dtype']} can't take {first!r:.60}")
    return {**fresh, **kept}
