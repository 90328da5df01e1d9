"""What queries found out about the values of a dataset, kept in files for those who open it later.

A file holds the zones of one tensor and the identity of each chunk that they lie in. A zone counts only while
all its chunks are the same files with the same rows: it never speaks for values that it was not measured on.
Times of change and inode numbers are the operating system's, nobody who hands over files can choose them.
Nothing here is an error: what can't be read is measured again, what can't be written is kept by this process.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import operator
import os
import stat
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from tql._engine import Zones
from tql.errors import FormatError
from tql.loader.sources.v3.chunks import ChunkStore
from tql.loader.sources.v3.files import FileState
from tql.loader.sources.v3.meta import TensorMeta
from tql.loader.storage.local import TEMPORARY

FOLDER = ".tql"
"""In the dataset's folder; deeplake takes no notice of it."""

MIN_ROWS = 4096
"""Of fewer rows nothing is kept: to read them takes no longer than to read what is known of them."""

_FORM = 1
_MAX_BYTES = 64 << 20
_DIGEST = 32
_BOUNDS = {"b": np.uint64, "u": np.uint64, "i": np.int64, "f": np.float64}

_MALFORMED = (ValueError, TypeError, KeyError, OverflowError, RecursionError)

Fields = dict[str, NDArray[Any]]
Identity = tuple[Any, ...]


class StoredZones:
    """The zones of one tensor of numbers on disk.

    Args:
        root: the dataset's folder.
        meta: of the tensor.
        store: its chunks.
    """

    def __init__(self, root: str, meta: TensorMeta, store: ChunkStore) -> None:
        self._root = os.path.realpath(root)
        self._store = store
        self._name = quote(meta.key, safe="") + ".json"
        self._bound = _BOUNDS[meta.dtype.kind]
        self._saved = 0  # zones of which the file knows
        self._loaded: dict[int, Identity] = {}  # chunks of which it knew when it was read
        self._lock = threading.Lock()

    def load(self, zones: Zones) -> None:
        """Add what is known of the chunks as they are now."""
        for folder in self._folders():
            with contextlib.suppress(FormatError, *_MALFORMED):
                zones.restore(**self._unpacked(_read(folder / self._name)))
                break
        self._saved = zones.num_measured

    def save(self, zones: Zones) -> None:
        """Write what was measured, if it is more than the file says."""
        with self._lock, contextlib.suppress(FormatError):
            found = zones.num_measured
            if found == self._saved or self._store.index.num_items < MIN_ROWS:
                return
            self._saved = found
            if found < 2 and len(self._store.index.last) < 2:
                return  # nothing that could be left out
            data = self._packed(zones.measured())
            if data is None or len(data) > _MAX_BYTES:
                return
            any(_write(folder, self._name, data) for folder in self._folders())

    def _folders(self) -> Iterator[Path]:
        """Where the file may be: with the dataset, else with what is the user's."""
        if not any(os.path.islink(Path(self._root, *parts)) for parts in ((FOLDER,), (FOLDER, "statistics"))):
            yield Path(self._root, FOLDER, "statistics")
        user = _user_cache()
        if user is not None:
            place = hashlib.blake2b(os.fsencode(self._root), digest_size=16).hexdigest()
            yield user / "tql" / "statistics" / place

    def _packed(self, fields: Fields) -> bytes | None:
        """The content of a file: a digest and, as JSON, zones whose chunks are known; None without any."""
        first, last = self._chunks_of(fields)
        chunks: dict[int, Identity] = {}
        for chunk in self._chunks_in(first, last):
            state, identity = self._store.state_as_read(chunk), self._loaded.get(chunk)
            if state is not None and identity in (None, self._identity(chunk, state)):
                chunks[chunk] = self._identity(chunk, state)
            elif state is None and identity is not None:  # skipped, which is what all this is for
                chunks[chunk] = identity
        known = self._all_in(first, last, chunks)
        if not bool(known.any()):
            return None
        content = {
            "form": _FORM,
            "chunks": list(chunks.values()),
            "zones": {name: values[known].tolist() for name, values in fields.items()},
        }
        body = json.dumps(content).encode()
        return _digest(body) + body

    def _unpacked(self, data: bytes) -> Fields:
        """The zones of a file that hold for the chunks as they are now.

        Raises:
            ValueError, ...: if the file is no such; one of `_MALFORMED`.
        """
        if data[:_DIGEST] != _digest(data[_DIGEST:]):
            raise ValueError("damaged")
        content = json.loads(data[_DIGEST:])
        if content["form"] != _FORM:
            raise ValueError("of another form")
        fields = self._arrays(content["zones"])
        known = {tuple(chunk) for chunk in content["chunks"]}
        first, last = self._chunks_of(fields)
        same = {}
        for chunk in self._chunks_in(first, last):
            with contextlib.suppress(FormatError):
                identity = self._identity(chunk, self._store.state(chunk))
                if identity in known:
                    same[chunk] = identity
        self._loaded = same
        hold = self._all_in(first, last, same)
        return {name: values[hold] for name, values in fields.items()}

    def _arrays(self, zones: dict[str, Any]) -> Fields:
        integers: dict[str, Any] = {"start": np.int64, "stop": np.int64, "nulls": np.int64}
        flags = {"has_nan": np.bool_, "has_values": np.bool_}
        bounds = {"low": self._bound, "high": self._bound, "members": np.uint64}
        fields = {name: np.array(zones[name], kind) for name, kind in (integers | flags | bounds).items()}
        if len({values.shape for values in fields.values()}) != 1 or fields["start"].ndim != 1:
            raise ValueError("fields of different lengths")
        start, stop = fields["start"], fields["stop"]
        if bool(((start < 0) | (stop <= start)).any()):
            raise ValueError("zones without rows")
        there = stop <= self._store.index.num_items
        return {name: values[there] for name, values in fields.items()}

    def _chunks_of(self, fields: Fields) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first and the last chunk of each zone."""
        index = self._store.index
        return index.chunk_of(fields["start"]), index.chunk_of(fields["stop"] - 1)

    def _identity(self, chunk: int, state: FileState) -> Identity:
        index = self._store.index
        rows = (index.first(chunk), int(index.last[chunk]))
        return (self._store.chunk_file(chunk), *rows, state.size, state.modified, state.changed, state.number)

    def _chunks_in(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> list[int]:
        """The chunks of all these zones."""
        edges = np.zeros(len(self._store.index.last) + 1, np.int64)
        np.add.at(edges, first, 1)
        np.add.at(edges, last + 1, -1)
        chunks: list[int] = np.flatnonzero(np.cumsum(edges) > 0).tolist()
        return chunks

    def _all_in(
        self, first: NDArray[np.int64], last: NDArray[np.int64], chunks: Iterable[int]
    ) -> NDArray[np.bool_]:
        """Of each zone, whether all its chunks are among these."""
        others = np.ones(len(self._store.index.last) + 1, np.int64)
        others[0] = 0
        others[[chunk + 1 for chunk in chunks]] = 0
        before = np.cumsum(others)
        return np.asarray(before[last + 1] == before[first])


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST // 2).hexdigest().encode()


def _user_cache() -> Path | None:
    """The folder of the user's caches, None where there is no such thing."""
    if sys.platform == "win32":
        named, usual = os.environ.get("LOCALAPPDATA"), Path("AppData", "Local")
    elif sys.platform == "darwin":
        named, usual = os.environ.get("XDG_CACHE_HOME"), Path("Library", "Caches")
    else:
        named, usual = os.environ.get("XDG_CACHE_HOME"), Path(".cache")
    if named and os.path.isabs(named):
        return Path(named)
    with contextlib.suppress(RuntimeError):
        return Path.home() / usual
    return None


def _read(path: Path) -> bytes:
    """The whole file; nothing where there is none, or one that is no cache: a link, a pipe, too large."""
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    try:
        handle = os.open(path, functools.reduce(operator.or_, flags, os.O_RDONLY))
    except (OSError, ValueError):
        return b""
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            return b""
        with open(handle, "rb", closefd=False) as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""
    finally:
        os.close(handle)


def _write(folder: Path, name: str, data: bytes) -> bool:
    """Put a file in place of what has its name, at once; whether that was possible."""
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, folder / name)
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True
