"""The store protocol: byte strings under `/`-separated keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
Parts: TypeAlias = tuple[Buffer, ...]


class Store(Protocol):
    """Byte strings under keys. A key that was put is there whole or not at all, whatever ends the process.

    To outlast a loss of power, new keys need `sync` too; keys that have bytes are given others by `replace`.
    """

    @property
    def name(self) -> str:
        """Where it is, for people."""
        ...

    def get(self, key: str) -> bytes | None:
        """The bytes under a key, None where there are none.

        Raises:
            StorageError: they are there but can't be read.
        """
        ...

    def put(self, key: str, *parts: Buffer) -> None:
        """Keep bytes, given in parts, under a key that has none, or whose old bytes nobody will miss.

        Raises:
            StorageError: no space, no permission, ... What was under the key is unchanged then.
        """
        ...

    def replace(self, files: Mapping[str, bytes]) -> None:
        """Keep bytes under several keys in place of what was there, in this order.

        On return all of them outlast a loss of power. After one that comes earlier each key has its old
        bytes or its new ones, whole.

        Raises:
            StorageError: some may have been replaced, the others are unchanged.
        """
        ...

    def put_new(self, key: str, data: bytes) -> bool:
        """Keep bytes under a key that has none; False, and nothing changed, where it has some."""
        ...

    def sync(self) -> None:
        """On return everything that was put outlasts a loss of power.

        Raises:
            StorageError: some of it does not.
        """
        ...

    def delete(self, key: str) -> None:
        """Forget a key. One that is not there is no error."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below a folder, `prefix` being empty or ending in '/'."""
        ...
