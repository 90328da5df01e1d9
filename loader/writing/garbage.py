"""Chunk files that nothing names any more, kept while a view of an older state may still read them."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterable, Sequence

from tql.errors import StorageError
from tql.loader.sources.v3.source import V3Source
from tql.loader.storage.store import Store


class Garbage:
    """Deletes files of a store as soon as the sources that may read them are gone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sources: weakref.WeakSet[V3Source] = weakref.WeakSet()

    def read_by(self, source: V3Source) -> None:
        """A source that shows the present state."""
        self._sources.add(source)

    def discard(self, keys: Sequence[str]) -> None:
        """Files that the present state has no use for."""
        if not keys:
            return
        leftover = _Leftover(self._store, keys, len(self._sources))
        for source in self._sources:
            weakref.finalize(source, leftover.release)
        if not len(self._sources):
            leftover.delete()


class _Leftover:
    def __init__(self, store: Store, keys: Iterable[str], readers: int) -> None:
        self._store = store
        self._keys = list(keys)
        self._readers = readers

    def release(self) -> None:
        self._readers -= 1
        if self._readers == 0:
            self.delete()

    def delete(self) -> None:
        for key in self._keys:
            with contextlib.suppress(StorageError):  # readers ignore files that no index names
                self._store.delete(key)
