"""The commit tree: which commit an address names, and in which folder each chunk of a commit lies.

Metas and indexes are complete in every commit folder; only chunks are inherited, through `chunk_set` files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tql.errors import ArgumentError
from tql.loader.sources.v3.files import Folder, check_key
from tql.loader.sources.v3.place import Place

FIRST_COMMIT = "firstdbf9474d461a19e9333c2fd19b46115348f"
_CONTROL = "version_control_info.json"
_COMMIT_ID = re.compile(r"[0-9a-f]{40}")
_END_OF_TIME = 253402300800.0  # the year 10000
_CHUNK_NAME = re.compile(r"[0-9a-f]{1,16}")


@dataclass(frozen=True, slots=True)
class Commit:
    id: str
    parent: str | None
    branch: str
    message: str | None
    time: float | None
    user: str | None = None

    @property
    def folder(self) -> str:
        """Prefix of the commit's files, empty or ending in '/'."""
        return commit_folder(self.id)


@dataclass(frozen=True, slots=True)
class Versions:
    """All commits and branches of a dataset."""

    commits: dict[str, Commit]
    branches: dict[str, str]

    def resolve(self, address: str | None) -> Commit:
        """The commit of a branch name or commit id; None means the head of `main`.

        Raises:
            ArgumentError: if there is no such branch or commit.
        """
        if address is None:
            address = "main" if "main" in self.branches else next(iter(self.branches))
        commit = self.branches.get(address, address)
        if commit not in self.commits:
            raise ArgumentError(
                f"no branch or commit named '{address}'", hint="branches: " + ", ".join(self.branches)
            )
        return self.commits[commit]

    def lineage(self, commit: str) -> list[Commit]:
        """The commit, its parent, and so on down to the first one."""
        chain = [self.commits[commit]]
        while chain[-1].parent is not None:
            chain.append(self.commits[chain[-1].parent])
        return chain


def commit_folder(commit: str) -> str:
    return "" if commit == FIRST_COMMIT else f"versions/{commit}/"


def read_versions(folder: Folder) -> Versions:
    """The commit tree, rebuilt from the commits' own files where the main file is missing.

    Raises:
        FormatError: for dangling branches or parents, cycles, and ids that are no commit ids.
    """
    control, place = read_control(folder)
    nodes, branches = control.get("commits"), control.get("branches")
    if not isinstance(nodes, dict) or not isinstance(branches, dict) or not branches:
        raise place.damaged("the version tree has no commits or no branches")
    commits = {name: _commit(name, node, place) for name, node in nodes.items()}
    for branch, head in branches.items():
        if not isinstance(head, str) or head not in commits:
            raise place.damaged(f"branch '{branch}' points to an unknown commit: {head!r}")
    _check_tree(commits, place)
    return Versions(commits, dict(branches))


def read_control(folder: Folder) -> tuple[dict[str, Any], Place]:
    """The tree as its file has it or as the commits' own files tell it, unchecked, and which file that is."""
    if folder.exists(_CONTROL):
        return folder.json(_CONTROL), Place(_CONTROL)
    if folder.exists("commit_info.json"):
        return _walk(folder), Place("commit_info.json")
    first = {"branch": "main", "parent": None}
    return {"commits": {FIRST_COMMIT: first}, "branches": {"main": FIRST_COMMIT}}, Place(_CONTROL)


def _commit(name: str, node: Any, place: Place) -> Commit:
    if name != FIRST_COMMIT and not _COMMIT_ID.fullmatch(name):
        raise place.damaged(f"not a commit id: {name!r}")
    if not isinstance(node, dict):
        raise place.damaged(f"commit {name} is not an object")
    parent, branch = node.get("parent"), node.get("branch")
    message, time, user = (node.get(f"commit_{what}") for what in ("message", "time", "user_name"))
    if parent is not None and not isinstance(parent, str):
        raise place.damaged(f"the parent of commit {name} is not a commit id")
    if time is not None and (not isinstance(time, int | float) or not 0 <= time < _END_OF_TIME):
        raise place.damaged(f"the time of commit {name} is none: {time!r:.40}")
    return Commit(
        name,
        parent,
        branch if isinstance(branch, str) else "main",
        message if isinstance(message, str) else None,
        None if time is None else float(time),
        user if isinstance(user, str) else None,
    )


def _check_tree(commits: dict[str, Commit], place: Place) -> None:
    sound = {FIRST_COMMIT}
    if FIRST_COMMIT not in commits:
        raise place.damaged("the first commit is missing")
    if commits[FIRST_COMMIT].parent is not None:
        raise place.damaged("the first commit has a parent")
    for name in commits:
        chain: list[str] = []
        seen: set[str] = set()
        while name not in sound:
            if name not in commits:
                raise place.damaged(f"a parent is an unknown commit: '{name}'")
            if name in seen:
                raise place.damaged(f"commit {name} is its own ancestor")
            seen.add(name)
            chain.append(name)
            parent = commits[name].parent
            if parent is None:
                raise place.damaged(f"commit {name} does not descend from the first commit")
            name = parent
        sound.update(chain)


def _walk(folder: Folder) -> dict[str, Any]:
    """The tree as the commits' own files tell it, from the first commit through `children`."""
    commits: dict[str, Any] = {}
    branches: dict[str, str] = {}
    waiting = [FIRST_COMMIT]
    while waiting:
        name = waiting.pop()
        if name in commits or (name != FIRST_COMMIT and not _COMMIT_ID.fullmatch(name)):
            raise Place("commit_info.json").damaged(f"a child is no commit id or listed twice: {name!r}")
        file = commit_folder(name) + "commit_info.json"
        node = folder.json_or_empty(file) or {"branch": "main", "parent": None}
        commits[name] = node
        children = node.get("children") or []
        if not isinstance(children, list) or not all(isinstance(child, str) for child in children):
            raise Place(file).damaged("the children of a commit are not a list of ids")
        if node.get("commit_time") is None:
            branches[str(node.get("branch", "main"))] = name
        waiting.extend(
            child for child in children if folder.exists(commit_folder(child) + "commit_info.json")
        )
    if not branches:
        branches["main"] = FIRST_COMMIT
    return {"commits": commits, "branches": branches}


class ChunkLocator:
    """Finds the file of a chunk as one commit sees it: the nearest `chunk_set` entry wins."""

    def __init__(self, folder: Folder, versions: Versions, commit: str, key: str, tensor: str) -> None:
        self._found: dict[str, str] = {}
        self._key = key
        for node in versions.lineage(commit):
            if node.id == FIRST_COMMIT:
                continue
            file = f"{node.folder}{key}/chunk_set"
            if not folder.exists(file):
                continue
            place = Place(file, tensor)
            for entry in filter(None, _ascii(folder.read(file, tensor), place).split(",")):
                name, path = _chunk_path(entry, node.id, key, versions, place)
                self._found.setdefault(name, path)

    def file(self, name: str) -> str:
        """Path of the chunk below the root."""
        return self._found.get(name, f"{self._key}/chunks/{name}")


def _ascii(data: bytes, place: Place) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise place.damaged("the chunk set is not ASCII text", offset=error.start) from None


def _chunk_path(entry: str, commit: str, key: str, versions: Versions, place: Place) -> tuple[str, str]:
    name, _, rest = entry.partition(":")
    owner, _, other_key = rest.partition(":")
    owner = owner or commit
    if not _CHUNK_NAME.fullmatch(name):
        raise place.damaged(f"not a chunk name: {name!r}")
    if owner not in versions.commits:
        raise place.damaged(f"a chunk belongs to an unknown commit: {owner!r}")
    key = check_key(other_key, place) if other_key else key
    return name, f"{commit_folder(owner)}{key}/chunks/{name}"
