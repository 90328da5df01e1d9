"""The version tree as it is written: commits and branches are added, nothing is ever taken out."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tql.errors import ArgumentError
from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.versions import FIRST_COMMIT, commit_folder, read_control
from tql.loader.storage.store import Store
from tql.loader.writing.lock import Lock

CONTROL = "version_control_info.json"
_SECONDS = 10


def first_tree() -> dict[str, Any]:
    """The tree of a dataset without commits: one head."""
    return {"commits": {FIRST_COMMIT: _node("main", None)}, "branches": {"main": FIRST_COMMIT}}


def _node(branch: str, parent: str | None) -> dict[str, Any]:
    return {
        "branch": branch,
        "parent": parent,
        "children": [],
        "commit_message": None,
        "commit_time": None,
        "commit_user_name": None,
        "is_checkpoint": False,
        "total_samples_processed": 0,
    }


@contextmanager
def changing(store: Store, folder: Folder) -> Iterator[dict[str, Any]]:
    """The tree as it is at this moment, locked; what the caller makes of it is written at the end.

    The nodes' own files are written before the main file, which alone decides.
    """
    with Lock(store, "version_control_info.lock", seconds=_SECONDS).held(patience=_SECONDS):
        tree = read_control(folder)[0]
        for name, node in tree["commits"].items():  # of a tree made by hand, or from the nodes' own files
            tree["commits"][name] = {**_node("main", None), **node}
        before = {name: json.dumps(node) for name, node in tree["commits"].items()}
        yield tree
        changed = {
            commit_folder(name) + "commit_info.json": tree_json(node)
            for name, node in tree["commits"].items()
            if json.dumps(node) != before.get(name)
        }
        store.sync()
        store.replace({**changed, CONTROL: tree_json(tree)})


def tree_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")


def new_commit_id() -> str:
    return secrets.token_hex(20)


def add_commit(tree: dict[str, Any], head: str, new: str, message: str) -> None:
    """The head becomes a commit; `new` is the head of its branch from now on."""
    node = tree["commits"][head]
    node["commit_message"], node["commit_time"] = message, time.time()
    node["commit_user_name"] = "public"  # what the format's package writes for people without an account
    node["children"].append(new)
    tree["commits"][new] = _node(node["branch"], head)
    tree["branches"][node["branch"]] = new


def add_branch(tree: dict[str, Any], parent: str, new: str, name: str) -> None:
    """A branch that starts at a commit."""
    if name in tree["branches"]:
        raise ArgumentError(f"there is a branch '{name}' already", hint="ds.checkout(name) goes to it")
    tree["commits"][parent]["children"].append(new)
    tree["commits"][new] = _node(name, parent)
    tree["branches"][name] = new
