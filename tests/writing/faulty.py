"""A store that stops at the n-th write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tql.loader.storage.local import LocalStore
from tql.loader.storage.store import Buffer


class FaultyStore:
    """A local store that calls `fail` in place of its n-th change of the disk; `half` does half of it before.

    Attributes:
        changes: how many there were.
    """

    def __init__(self, root: Path, n: int | None, fail: Callable[[Path], None], half: bool = False) -> None:
        self._inner = LocalStore(root)
        self._n = n
        self._fail = fail
        self._half = half
        self.changes = 0

    @property
    def name(self) -> str:
        return self._inner.name

    def get(self, key: str) -> bytes | None:
        return self._inner.get(key)

    def put(self, key: str, *parts: Buffer) -> None:
        if self._step(key):
            data = b"".join(parts)
            temporary = self._inner._write_beside(self._inner.root / key, data[: len(data) // 2])
            self._fail(temporary)
        self._inner.put(key, *parts)

    def put_new(self, key: str, data: bytes) -> bool:
        if self._step(key):
            self._fail(self._inner.root / key)
        return self._inner.put_new(key, data)

    def replace(self, files: Mapping[str, bytes]) -> None:
        for key, data in files.items():
            if self._step(key):
                temporary = self._inner._write_beside(self._inner.root / key, data[: len(data) // 2])
                self._fail(temporary)
            self._inner.replace({key: data})

    def sync(self) -> None:
        self._inner.sync()

    def delete(self, key: str) -> None:
        if self._step(key):
            self._fail(self._inner.root / key)
        self._inner.delete(key)

    def list(self, prefix: str) -> Iterator[str]:
        return self._inner.list(prefix)

    def _step(self, key: str) -> bool:
        self.changes += 1
        return self.changes - 1 == self._n


def killed(path: Path) -> None:
    os._exit(137)
