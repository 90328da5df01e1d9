"""The small files of a commit: copied into a new one, compared with those of the one before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.meta import read_dataset_meta
from tql.loader.sources.v3.versions import FIRST_COMMIT, Commit, commit_folder
from tql.loader.storage.store import Store
from tql.loader.writing.head import SMALL_FILES

_OF_DATASET = ("dataset_meta.json", "dataset_info.json")


def copy_commit(store: Store, folder: Folder, source: str, target: str) -> None:
    """Copy everything but chunks from one commit's folder to another's, which has no chunks of its own yet.

    Nothing refers to the new folder before the version tree does.
    """
    for name in _OF_DATASET:
        _copy(store, folder, source + name, target + name)
    for key in _keys(folder, source):
        for name in SMALL_FILES:
            _copy(store, folder, f"{source}{key}/{name}", f"{target}{key}/{name}")
        store.put(f"{target}{key}/chunk_set", b"")


def has_changes(folder: Folder, head: Commit) -> bool:
    """Whether the head of a branch differs from the commit that it was made from."""
    if head.id == FIRST_COMMIT or head.parent is None:
        return bool(list(_keys(folder, ""))) or bool(folder.json_or_empty("dataset_info.json"))
    mine, parents = head.folder, commit_folder(head.parent)
    for name in _OF_DATASET:
        if _json(folder, mine + name) != _json(folder, parents + name):
            return True
    for key in _keys(folder, mine):
        if folder.read_or_none(f"{mine}{key}/chunk_set"):
            return True
        for name in SMALL_FILES:
            old, new = f"{parents}{key}/{name}", f"{mine}{key}/{name}"
            same = (
                _json(folder, old) == _json(folder, new)
                if name.endswith("json")
                else _equal(folder, old, new)
            )
            if not same:
                return True
    return False


def _keys(folder: Folder, commit: str) -> Iterator[str]:
    meta = read_dataset_meta(folder, commit)
    yield from meta.tensors.values()
    yield from meta.hidden.values()


def _copy(store: Store, folder: Folder, source: str, target: str) -> None:
    data = folder.read_or_none(source)
    if data is not None:
        store.put(target, data)


def _equal(folder: Folder, first: str, second: str) -> bool:
    return folder.read_or_none(first) == folder.read_or_none(second)


def _json(folder: Folder, file: str) -> Any:
    """A JSON file without what says who wrote it."""
    data = json.loads(folder.read_or_none(file) or b"{}")
    return {name: value for name, value in data.items() if name != "version"}
