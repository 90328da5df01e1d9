"""Changes of many files: all of it or nothing, for whoever looks, at any moment."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import pytest

from tql.loader.storage.journal import NAME, Journal, change, content_hash, overlay, parse_journal, recover
from tql.loader.storage.local import LocalStore

OLD = {"a": b"old a", "b/c": b"old c"}
NEW = {"a": b"new a", "b/c": b"", "b/d": b"made"}


class StoppedError(Exception):
    pass


class StoppingStore(LocalStore):
    """Stops before its n-th change."""

    def __init__(self, root: Path, n: int) -> None:
        super().__init__(root)
        self._left = itertools.count(n, -1)

    def replace(self, files: Mapping[str, bytes]) -> None:
        for key, data in files.items():
            if next(self._left) == 0:
                raise StoppedError
            super().replace({key: data})

    def delete(self, key: str) -> None:
        if next(self._left) == 0:
            raise StoppedError
        super().delete(key)


def seen(store: LocalStore) -> dict[str, bytes]:
    """The files as a reader finds them."""
    laid_over = overlay(store.get, "")
    names = {name for name in store.list("") if name != NAME} | set(laid_over)
    return {name: laid_over.get(name, store.get(name) or b"") for name in names}


@pytest.mark.parametrize("n", range(6))
def test_stopped_anywhere(n: int, tmp_path: Path) -> None:
    for key, data in OLD.items():
        LocalStore(tmp_path).put(key, data)
    store = StoppingStore(tmp_path, n)
    with contextlib.suppress(StoppedError):
        change(store, "", NEW, OLD)
    after = LocalStore(tmp_path)
    found = seen(after)
    assert found == (OLD if n == 0 else {**OLD, **NEW})
    recover(after, "")
    assert after.get(NAME) is None
    assert seen(after) == found


def test_a_journal_does_not_count_when_another_program_wrote(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a", b"written by another program")
    store.put(NAME, Journal({"a": b"new a"}, {"a": content_hash(b"old a")}).to_bytes())
    assert overlay(store.get, "") == {}
    recover(store, "")
    assert seen(store) == {"a": b"written by another program"}


@pytest.mark.parametrize(
    "head",
    [
        [["../outside", 1, None]], [["/etc/passwd", 1, None]], [["a", 2, None]], [["a", -1, None]],
        [["a", 0, None]], [["a"]], {"a": 1}, 5, [[1, 1, None]],
    ],
)  # fmt: skip
def test_hostile_journals_are_none(head: object, tmp_path: Path) -> None:
    body = json.dumps(head).encode() + b"\nx"
    assert parse_journal(body + blake2b(body, digest_size=16).digest()) is None
    assert parse_journal(body) is None
    assert parse_journal(b"") is None


def test_whole_journals_come_back() -> None:
    journal = Journal({"a/b": b"\n\0x", "c": b""}, {"a/b": None, "c": "12"})
    assert parse_journal(journal.to_bytes()) == journal
    data = bytearray(journal.to_bytes())
    data[3] ^= 1
    assert parse_journal(bytes(data)) is None
