"""The head of a branch, open for writing: its tensors, the rows of all of them, and bringing it to disk."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tql.errors import ArgumentError, RowIndexError, UnknownColumnError
from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.meta import read_dataset_meta
from tql.loader.sources.v3.versions import Commit, Versions
from tql.loader.storage.journal import change
from tql.loader.storage.store import Store
from tql.loader.writing import linked
from tql.loader.writing.changes import parse_dataset_changes
from tql.loader.writing.columns import as_columns, check_row, rows_at_once
from tql.loader.writing.creation import NewTensor, check_name, new_key
from tql.loader.writing.garbage import Garbage
from tql.loader.writing.htypes import HTYPES
from tql.loader.writing.metas import new_tensor_meta, to_json
from tql.loader.writing.opening import make_tensor, open_tensor
from tql.loader.writing.tensor import Prepared, TensorState, TensorWriter

SMALL_FILES = (
    "tensor_meta.json",
    "tensor_info.json",
    "chunks_index/unsharded",
    "tiles_index/unsharded",
    "sequence_index/unsharded",
    "creds_index/unsharded",
    "pad_index/unsharded",
)
"""What a tensor's folder holds beside chunks, and what a new commit copies."""


class HeadWriter:
    """Changes the uncommitted state of one branch. Nothing is on disk before `flush`.

    Args:
        store: the dataset.
        folder: the same for reading.
        versions: its commits.
        commit: the head.
        garbage: where replaced chunks go.
    """

    def __init__(
        self, store: Store, folder: Folder, versions: Versions, commit: Commit, garbage: Garbage
    ) -> None:
        self.commit = commit
        self._store = store
        self._folder = folder
        self._versions = versions
        self._garbage = garbage
        self._prefix = commit.folder
        self._stored: dict[str, bytes] = {}
        self._deleted: list[str] = []  # folders of tensors, until the next flush
        self._owed_ids: Counter[str] = (
            Counter()
        )  # by folder: rows that were added one by one get them together
        self._visible: dict[str, TensorWriter] | None = None
        self._followers: dict[str, list[tuple[TensorWriter, dict[str, Any]]]] = {}
        read_dataset_meta(folder, self._prefix)  # for its checks
        self._meta = folder.json(self._prefix + "dataset_meta.json")
        if not self._meta.get("tensor_names"):
            self._meta["tensor_names"] = {key: key for key in self._meta.get("tensors") or []}
        self.info: dict[str, Any] = folder.json_or_empty(self._prefix + "dataset_info.json")
        self._info_before = to_json(self.info)
        self._changes = parse_dataset_changes(folder.read_or_none(self._prefix + "dataset_diff"))
        self._open: dict[str, TensorWriter] = {}
        for name in ("dataset_meta.json", "dataset_info.json", "dataset_diff"):
            self._remember(self._prefix + name)

    # --- what there is ------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Names of the visible tensors."""
        hidden = set(self._meta.get("hidden_tensors") or [])
        return sorted(name for name, key in self._meta["tensor_names"].items() if key not in hidden)

    def tensor(self, name: str) -> TensorWriter:
        """A tensor by its name, hidden ones too."""
        key = self._meta["tensor_names"].get(name)
        if key is None:
            raise UnknownColumnError(
                f"no tensor named '{name}'", hint="tensors: " + (", ".join(self.names) or "none")
            )
        if key not in self._open:
            for file in (*SMALL_FILES, "commit_diff", "chunk_set"):
                self._remember(f"{self._prefix}{key}/{file}")
            self._open[key] = open_tensor(self._store, self._folder, self._versions, self.commit, name, key)
        return self._open[key]

    def visible(self) -> dict[str, TensorWriter]:
        """The tensors that users see, by name."""
        if self._visible is None:
            self._visible = {name: self.tensor(name) for name in self.names}
        return self._visible

    def _forget_names(self) -> None:
        """Tensors are about to come, go or change their names."""
        self._settle_ids()
        self._visible = None
        self._followers.clear()

    def __len__(self) -> int:
        """The rows of the dataset: those of its shortest visible tensor."""
        return min((len(tensor) for tensor in self.visible().values()), default=0)

    # --- tensors ------------------------------------------------------------------------------------------

    def create_tensor(self, new: NewTensor) -> None:
        """Add a tensor without rows, and the hidden one of its ids."""
        check_name(new.name, self._meta)
        self._forget_names()
        key = self._add(new.name, new.meta(), new.info(), hidden=False)
        if new.with_ids:
            group, _, leaf = new.name.rpartition("/")
            hidden = f"{group}/_{leaf}_id" if group else f"_{leaf}_id"
            meta = new_tensor_meta(hidden, "generic", HTYPES["generic"], dtype="uint64", hidden=True)
            hidden_key = self._add(hidden, {**meta, "typestr": "<u8"}, {}, hidden=True)
            self._open[key].meta["links"] = {hidden_key: dict(linked.ID_LINK)}

    def _add(self, name: str, meta: dict[str, Any], info: dict[str, Any], *, hidden: bool) -> str:
        key = new_key(name, self._meta, lambda key: any(self._store.list(f"{self._prefix}{key}/")))
        self._meta["tensors"].append(key)
        self._meta["tensor_names"][name] = key
        if hidden:
            self._meta["hidden_tensors"].append(key)
        parts = name.split("/")[:-1]
        groups = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        self._meta["groups"].extend(group for group in groups if group not in self._meta["groups"])
        tensor = make_tensor(self._store, self.commit, key, meta, info)
        tensor.changes.created = True
        self._open[key] = tensor
        return key

    def delete_tensor(self, name: str) -> None:
        """Take a tensor out, and the hidden ones that follow it."""
        tensor = self.visible_tensor(name)
        self._forget_names()
        self._changes.tensor_deleted(name)
        keys = [tensor.key, *(hidden.key for hidden, _ in self._links(tensor))]
        self._followers.clear()
        for key in keys:
            self._meta["tensors"].remove(key)
            self._meta["hidden_tensors"] = [other for other in self._meta["hidden_tensors"] if other != key]
            self._meta["tensor_names"] = {n: k for n, k in self._meta["tensor_names"].items() if k != key}
            self._open.pop(key, None)
            self._deleted.append(key)

    def rename_tensor(self, name: str, new: str) -> None:
        """Give a tensor another name in the same group; its folder keeps the old one."""
        tensor = self.visible_tensor(name)
        group, _, leaf = name.rpartition("/")
        if new.rpartition("/")[0] != group:
            raise ArgumentError(f"a tensor stays in its group: '{name}' can't become '{new}'")
        check_name(new, self._meta)
        self._forget_names()
        hidden_ones = self._links(tensor)
        self._changes.tensor_renamed(name, new)
        self._rename(name, new)
        new_leaf = new.rpartition("/")[2]
        for hidden, _ in hidden_ones:
            of_group, _, hidden_leaf = hidden.name.rpartition("/")
            if hidden_leaf.startswith(f"_{leaf}_"):
                renamed = f"_{new_leaf}_{hidden_leaf[len(leaf) + 2 :]}"
                self._rename(hidden.name, f"{of_group}/{renamed}" if of_group else renamed)

    def _rename(self, old: str, new: str) -> None:
        self.tensor(old).meta["name"] = new
        self._meta["tensor_names"][new] = self._meta["tensor_names"].pop(old)
        self._followers.clear()

    def visible_tensor(self, name: str) -> TensorWriter:
        """A tensor that users see, by its name."""
        if name not in self.names:
            near = difflib.get_close_matches(str(name), self.names, n=2)
            hint = "tensors: " + (", ".join(self.names) or "none")
            raise UnknownColumnError(f"no tensor named '{name}'", candidates=near, hint=hint)
        return self.tensor(name)

    def set_info(self, facts: dict[str, Any], tensor: str | None) -> None:
        """Replace the facts about the dataset or a tensor."""
        if tensor is None:
            self.info = facts
        else:
            self.visible_tensor(tensor).set_info(facts)

    # --- rows ---------------------------------------------------------------------------------------------

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row; all of it or nothing."""
        tensors = self.visible()
        check_row(row, tensors)
        self._check_even(tensors)
        start = len(self)
        self._add_rows({name: tensors[name].prepare([value], start) for name, value in row.items()}, True)

    def extend(self, columns: Mapping[str, Any], advance: Callable[[int], object] | None = None) -> None:
        """Add rows, given by columns; all of them or nothing.

        Args:
            columns: all visible tensors, or those that have fewer rows than others.
            advance: called with the number of rows after each part.
        """
        tensors = self.visible()
        columns = as_columns(columns, tensors)
        count = len(next(iter(columns.values()), ()))
        chosen = {name: tensors[name] for name in columns}
        self._check_even(chosen)
        if count == 0 or not chosen:
            return
        self._settle_ids()
        start = len(next(iter(chosen.values())))
        before = self._snapshot(chosen)
        step = rows_at_once(columns)
        try:
            for begin in range(0, count, step):
                end = min(begin + step, count)
                parts = {name: values[begin:end] for name, values in columns.items()}
                self._add_rows({n: chosen[n].prepare(part, start + begin) for n, part in parts.items()})
                self._save_full_chunks()
                if advance is not None:
                    advance(end - begin)
        except BaseException:
            for key, state in before.items():
                self._open[key].restore(state)
            raise

    def update(self, row: int, values: Mapping[str, Any]) -> None:
        """Put values in place of those of a row."""
        self._settle_ids()
        tensors = {name: self.tensor(name) for name in values}
        for name, tensor in tensors.items():
            if row >= len(tensor):
                raise RowIndexError(f"row {row} is out of range: tensor '{name}' has {len(tensor)} rows")
        prepared = {name: tensors[name].prepare([value], row) for name, value in values.items()}
        follow = {name: self._derived(tensors[name], prepared[name], "update") for name in values}
        for name, tensor in tensors.items():
            start, stop = tensor.items(row)
            tensor.replace(row, prepared[name])
            for hidden, per_item, rows in follow[name]:
                begin, end = (start, stop) if per_item else (row, row + 1)
                hidden.replace_rows(begin, end, rows)

    def pop(self, row: int) -> None:
        """Take a row out of every tensor that has it."""
        self._settle_ids()
        for tensor in self.visible().values():
            if row >= len(tensor):
                continue
            start, stop = tensor.items(row)
            ids = next((h for h, spec in self._links(tensor) if spec["extend"] == "extend_id"), None)
            tensor.remove(row, None if ids is None else ids.number(row))
            for hidden, spec in self._links(tensor):
                begin, end = (start, stop) if spec.get("flatten_sequence") else (row, row + 1)
                hidden.remove_rows(begin, end)

    def _add_rows(self, prepared: Mapping[str, Prepared], owe_ids: bool = False) -> None:
        visible = self.visible()
        follow = {
            name: self._derived(visible[name], rows, "extend", owe_ids) for name, rows in prepared.items()
        }
        for name, rows in prepared.items():
            visible[name].append(rows)
            for hidden, _, more in follow[name]:
                hidden.append(more)
            if owe_ids:
                for hidden, spec in self._links(visible[name]):
                    if spec.get("extend") == "extend_id":
                        per_item = spec.get("flatten_sequence")
                        self._owed_ids[hidden.key] += len(rows.encoded) if per_item else rows.rows

    def _settle_ids(self) -> None:
        """Give the rows that were added one by one their ids."""
        for key, count in self._owed_ids.items():
            hidden = self._open[key]
            hidden.append(hidden.prepare(linked.new_ids(count), len(hidden)))
        self._owed_ids.clear()

    def _derived(
        self, tensor: TensorWriter, rows: Prepared, event: str, owe_ids: bool = False
    ) -> list[tuple[TensorWriter, bool, Prepared]]:
        """Rows for the hidden tensors that follow a tensor."""
        derived = []
        for hidden, spec in self._links(tensor):
            if event not in spec or (owe_ids and spec[event] == "extend_id"):
                continue
            per_item = bool(spec.get("flatten_sequence"))
            values = linked.derived_values(spec[event], rows, per_item, tensor.name)
            derived.append((hidden, per_item, hidden.prepare(values, len(hidden))))
        return derived

    def _links(self, tensor: TensorWriter) -> list[tuple[TensorWriter, dict[str, Any]]]:
        """The hidden tensors that follow a tensor, each with how."""
        if tensor.key not in self._followers:
            names = {key: name for name, key in self._meta["tensor_names"].items()}
            links = tensor.meta["links"] or {}
            self._followers[tensor.key] = [
                (self.tensor(names[key]), spec) for key, spec in links.items() if key in names
            ]
        return self._followers[tensor.key]

    @staticmethod
    def _check_even(tensors: Mapping[str, TensorWriter]) -> None:
        lengths = {name: len(tensor) for name, tensor in tensors.items()}
        if len(set(lengths.values())) > 1:
            longest, shortest = max(lengths, key=lengths.__getitem__), min(lengths, key=lengths.__getitem__)
            raise ArgumentError(
                f"the tensors have different numbers of rows: '{longest}' {lengths[longest]}, "
                f"'{shortest}' {lengths[shortest]}",
                hint=f"fill the shorter ones first: ds.extend({{'{shortest}': ...}})",
            )

    def _snapshot(self, tensors: Mapping[str, TensorWriter]) -> dict[str, TensorState]:
        involved = {tensor.key: tensor for tensor in tensors.values()}
        for tensor in tensors.values():
            involved |= {hidden.key: hidden for hidden, _ in self._links(tensor)}
        return {key: tensor.snapshot() for key, tensor in involved.items()}

    # --- the disk -----------------------------------------------------------------------------------------

    def _save_full_chunks(self) -> None:
        for tensor in self._open.values():
            tensor.chunks.save()

    def flush(self) -> None:
        """Bring everything to disk: chunks first, then indexes and metas as one change.

        Raises:
            StorageError: if the file system refuses; the dataset is then as it was after the last flush.
        """
        self._settle_ids()
        if to_json(self.info) != self._info_before:
            self._changes.info_updated = True
        files: dict[str, bytes] = {}
        for key, tensor in self._open.items():
            tensor.chunks.save_all()
            files |= {f"{self._prefix}{key}/{name}": data for name, data in tensor.files().items()}
        if self.info or self._changes.info_updated:
            files[self._prefix + "dataset_info.json"] = to_json(self.info)
        if self._changes.any:
            files[self._prefix + "dataset_diff"] = self._changes.to_bytes()
        files[self._prefix + "dataset_meta.json"] = to_json(self._meta)
        changed = {name: data for name, data in files.items() if self._stored.get(name) != data}
        change(self._store, self._prefix, changed, self._stored)
        self._stored |= changed
        self._info_before = to_json(self.info)
        for tensor in self._open.values():
            tensor.discard(self._garbage)
        for key in self._deleted:
            leftover = list(self._store.list(f"{self._prefix}{key}/"))
            self._stored = {file: data for file, data in self._stored.items() if file not in leftover}
            self._garbage.discard(leftover)
        self._deleted.clear()

    def _remember(self, file: str) -> None:
        data = self._folder.read_or_none(file)
        if data is not None:
            self._stored[file] = data
