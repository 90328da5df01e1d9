"""Changes of many small files that happen as one, by a write-ahead log.

The format keeps what belongs together in many files (a tensor's index, its meta, ...). So before any of them
is replaced, all new contents are written to one file, the journal. From the moment it is there the change has
happened: whoever opens the dataset while it exists, after a crash say, takes the files as the journal has
them; a writer puts them in place first. Without it, nothing has happened: the files are the old ones.

A journal tells the old contents too, by their hashes. Where a file is neither the old nor the new one,
another program has written to the dataset since, and the journal does not count.

Layout: one line of JSON `[[name, size, old hash or null], ...]`, then the new contents one after the other,
then the BLAKE2b hash (16 bytes) of everything before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from tql.loader.storage.store import Store

NAME = ".tql-journal"
_HASH = 16


@dataclass(frozen=True, slots=True)
class Journal:
    """A change that has happened.

    Attributes:
        files: name to new contents.
        before: name to the hash of the contents that are replaced, None where there was no file.
    """

    files: dict[str, bytes]
    before: dict[str, str | None]

    def to_bytes(self) -> bytes:
        files = [[name, len(data), self.before[name]] for name, data in self.files.items()]
        head = json.dumps(files).encode() + b"\n"
        body = b"".join([head, *self.files.values()])
        return body + blake2b(body, digest_size=_HASH).digest()

    def counts(self, read: Callable[[str], bytes | None]) -> bool:
        """Whether every file is the old or the new one, `read` giving what is there."""
        for name, data in self.files.items():
            there = read(name)
            if there != data and content_hash(there) != self.before[name]:
                return False
        return True


def content_hash(data: bytes | None) -> str | None:
    return None if data is None else blake2b(data, digest_size=_HASH).hexdigest()


def parse_journal(data: bytes) -> Journal | None:
    """The journal that a file holds, None if it is not whole, or names what lies elsewhere."""
    body, digest = data[:-_HASH], data[-_HASH:]
    if blake2b(body, digest_size=_HASH).digest() != digest:
        return None
    head, _, rest = body.partition(b"\n")
    files: dict[str, bytes] = {}
    before: dict[str, str | None] = {}
    try:
        for name, size, old in json.loads(head):
            if not _stays_inside(name) or not isinstance(size, int) or not 0 <= size <= len(rest):
                return None
            files[name], rest = rest[:size], rest[size:]
            before[name] = old
    except (ValueError, TypeError, RecursionError):
        return None
    return Journal(files, before) if not rest else None


def _stays_inside(name: object) -> bool:
    """Whether a key is a path below the root."""
    if not isinstance(name, str) or "\\" in name or "\0" in name or ":" in name:
        return False
    return all(part not in ("", ".", "..") for part in name.split("/"))


def change(
    store: Store,
    folder: str,
    files: Mapping[str, bytes],
    old: Mapping[str, bytes],
) -> None:
    """Replace files so that either all of it has happened or nothing, whatever interrupts it.

    Args:
        store: where they are. What was put there before is brought to disk first.
        folder: prefix of the journal; one writer at a time.
        files: key to new contents. They are put in place in this order.
        old: what the store holds now under the keys that it has.

    Raises:
        StorageError: if before the journal was written, nothing has changed; if after it, the change has
            happened, and `recover` completes it.
    """
    store.sync()
    if len(files) > 1:
        before = {key: content_hash(old.get(key)) for key in files}
        store.replace({folder + NAME: Journal(dict(files), before).to_bytes()})
    store.replace(files)
    if len(files) > 1:
        store.delete(folder + NAME)


def recover(store: Store, folder: str) -> None:
    """Complete the change that a crash interrupted, if there is one. For the one writer of the folder."""
    data = store.get(folder + NAME)
    if data is None:
        return
    journal = parse_journal(data)
    if journal is not None and journal.counts(store.get):
        store.replace(journal.files)
    store.delete(folder + NAME)


def overlay(read: Callable[[str], bytes | None], folder: str) -> dict[str, bytes]:
    """The files of a change that has happened but is not complete: name to contents, for a reader."""
    data = read(folder + NAME)
    journal = parse_journal(data) if data is not None else None
    return journal.files if journal is not None and journal.counts(read) else {}
