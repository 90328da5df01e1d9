"""Where the chunk files of one tensor lie: those of this commit, and those that it inherits."""

from __future__ import annotations

from collections.abc import Iterable

from tql.loader.sources.v3.versions import ChunkLocator
from tql.loader.storage.store import Parts, Store


class ChunkHome:
    """The chunks of a tensor as one commit sees them.

    Args:
        store: the dataset.
        folder: the tensor's chunk folder in this commit, ending in '/'.
        chunk_set: of a later commit, name to entry of the chunks that live in it; None in the first one.
        locator: finds inherited chunks; None for a tensor that is new.
    """

    def __init__(
        self, store: Store, folder: str, chunk_set: dict[str, str] | None, locator: ChunkLocator | None
    ) -> None:
        self._store = store
        self._folder = folder
        self.chunk_set = chunk_set
        self._locator = locator

    def keep(self, number: int, parts: Parts) -> None:
        """Store a new chunk of this commit."""
        self._store.put(self.own_file(number), *parts)
        if self.chunk_set is not None:
            self.chunk_set[f"{number:x}"] = f"{number:x}"

    def owns(self, number: int) -> bool:
        """Whether the file of a chunk belongs to this commit."""
        name = f"{number:x}"
        return self.chunk_set is None or self.chunk_set.get(name) == name

    def own_file(self, number: int) -> str:
        return f"{self._folder}{number:x}"

    def file(self, number: int) -> str:
        """The file of a chunk, wherever it lies."""
        if self.owns(number) or self._locator is None:
            return self.own_file(number)
        return self._locator.file(f"{number:x}")

    def encode_set(self, dropped: Iterable[int]) -> bytes:
        """`chunk_set` without chunks of this commit that nothing names any more."""
        gone = {f"{number:x}" for number in dropped if self.owns(number)}
        return ",".join(entry for name, entry in (self.chunk_set or {}).items() if name not in gone).encode()

    def forget(self, dropped: Iterable[int]) -> None:
        """Chunks that were dropped are not in the set on disk any more."""
        if self.chunk_set is not None:
            for number in dropped:
                if self.owns(number):
                    del self.chunk_set[f"{number:x}"]
