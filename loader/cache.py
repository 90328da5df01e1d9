"""A thread-safe least-recently-used cache that is bounded by bytes and by entries."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class ByteCache(Generic[V]):
    """Values by key, the least recently used ones dropped when a bound is passed.

    Threads that miss the same key at once compute it once; a value larger than the bound is not kept.

    Args:
        max_bytes: the bound while nobody holds a lease; else it is the sum of the leases.
        max_entries: the other bound.
    """

    def __init__(self, max_bytes: int, max_entries: int) -> None:
        self._own_bytes = self._max_bytes = max_bytes
        self._leases: list[int] = []
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._bytes = 0
        self._coming = 0  # of values that are being made
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    @property
    def nbytes(self) -> int:
        return self._bytes

    @property
    def max_bytes(self) -> int:
        """The bound on bytes now."""
        return self._max_bytes

    def lease(self, nbytes: int) -> Callable[[], None]:
        """Let the cache hold `nbytes` for one who works with it, until what is returned is called."""
        with self._lock:
            self._leases.append(nbytes)
            self._bound()

        def end() -> None:
            with self._lock:
                self._leases.remove(nbytes)
                self._bound()

        return end

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, make: Callable[[], tuple[V, int]], nbytes: int = 0) -> V:
        """The value of `key`; `make` gives it and its size in bytes where it is missing.

        Args:
            nbytes: what the value will take, if that is known: room for it is made first, so that it and what
                is kept stay within the bound while it is made.
        """
        with self._lock:
            found = self._lookup(key)
            if found is not None:
                return found[0]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                found = self._lookup(key)
                if found is not None:
                    return found[0]
                self._coming += nbytes
                self._shrink()
            try:
                value, made = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
                    self._coming -= nbytes
            with self._lock:
                self._insert(key, value, made)
            return value

    def holds(self, key: Hashable) -> bool:
        """Whether a value is there; does not count as a use of it."""
        return key in self._entries

    def _lookup(self, key: Hashable) -> tuple[V, int] | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def _insert(self, key: Hashable, value: V, nbytes: int) -> None:
        if nbytes > self._max_bytes or key in self._entries:
            return
        self._entries[key] = (value, nbytes)
        self._bytes += nbytes
        self._shrink()

    def _bound(self) -> None:
        self._max_bytes = sum(self._leases) if self._leases else self._own_bytes
        self._shrink()

    def _shrink(self) -> None:
        while self._entries and (
            self._bytes + self._coming > self._max_bytes or len(self._entries) > self._max_entries
        ):
            _, (_, freed) = self._entries.popitem(last=False)
            self._bytes -= freed
