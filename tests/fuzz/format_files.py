"""Mutated Deep Lake v3 files: one file of a small tensor is changed in memory, then the tensor is read.

Whatever a file holds, reading gives rows or a `TQLError`; no other exception, no crash, no hang.
"""

from __future__ import annotations

import contextlib
import os
import random
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import TQLError, UnsupportedError
from tql.loader.cache import ByteCache
from tql.loader.sources.v3.chunks import Caches
from tql.loader.sources.v3.files import HEADER_BYTES, FileState, Folder, StoredFile
from tql.loader.sources.v3.meta import read_dataset_meta, read_tensor_meta
from tql.loader.sources.v3.place import Place
from tql.loader.sources.v3.tensor import Tensor
from tql.loader.sources.v3.versions import Versions, read_versions
from tql.loader.sources.v3.views import read_views
from v3_fixtures import ARCHIVES

FIXTURES = (
    "damaged", "lz4", "class_label", "bbox", "sequence", "text_json_list", "chunks", "links", "merged",
    "scalars", "ragged", "images", "empty_tensors", "groups", "versions", "views", "info",
)  # fmt: skip
_MOST_BYTES = 8_000  # of a tensor: small ones are read quickly, and a change in them matters more
_MOST_ROWS = 2048
_NUMBERS = (0, 1, 2, 4, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


class MemoryFile(StoredFile):
    """A chunk in memory."""

    def __init__(self, data: bytes, place: Place) -> None:
        self._handle = -1
        self._data = data
        self._written: Any = None
        self._place = place
        self.state = _state(data)
        self.size = len(data)

    def read_parts(self, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
        parts = list(zip(starts.tolist(), sizes.tolist(), strict=True))
        reaches = all(0 <= start <= start + size <= self.size for start, size in parts)
        assert reaches, "the reader asks for more than there is"
        return np.frombuffer(b"".join(self._data[start : start + size] for start, size in parts), np.uint8)

    def on_disk(self) -> tuple[bytes, FileState]:
        if self._written is None:
            self._written = tempfile.NamedTemporaryFile()  # noqa: SIM115  as long as this one
            self._written.write(self._data)
            self._written.flush()
        return os.fsencode(self._written.name), FileState.of(os.stat(self._written.name))


def _state(data: bytes) -> FileState:
    return FileState(len(data), modified=1, changed=1, number=1)


class MemoryFolder(Folder):
    """A dataset in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def exists(self, file: str) -> bool:
        return file in self.files

    def read(self, file: str, tensor: str | None = None) -> bytes:
        if file not in self.files:
            raise Place(file, tensor).damaged("the file is missing")
        return self.files[file]

    def open(self, file: str, tensor: str | None = None) -> StoredFile:
        return MemoryFile(self.read(file, tensor), Place(file, tensor))

    def state(self, file: str, tensor: str | None = None) -> FileState:
        return _state(self.read(file, tensor))

    def read_behind(
        self, file: str, header: Callable[[memoryview], bool], out: memoryview
    ) -> FileState | None:
        data = memoryview(self.files.get(file, b""))
        start = len(data) - len(out)
        if not 0 < start <= HEADER_BYTES or not header(data[:start]):
            return None
        out[:] = data[start:]
        return _state(self.files[file])


@dataclass(frozen=True)
class Case:
    """A file to change, and what reads it: a tensor as one commit has it, or the whole dataset (None)."""

    folder: MemoryFolder
    versions: Versions
    commit: str
    tensor: tuple[str, str] | None
    file: str


@cache
def cases() -> list[Case]:
    """Every file that reading some small tensor needs, and those of the datasets."""
    found: list[Case] = []
    archives = [ARCHIVES / f"{name}.zip" for name in FIXTURES] + [ARCHIVES.parent / "v3_forms.zip"]
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.startswith("ds/") and not name.endswith("/")]
            folder = MemoryFolder({name[3:]: archive.read(name) for name in names})
        versions = read_versions(folder)
        for file in ("version_control_info.json", "queries.json"):
            if file in folder.files:
                found.append(Case(folder, versions, "", None, file))
        for commit in dict.fromkeys(versions.branches.values()):
            prefix = versions.commits[commit].folder
            found.append(Case(folder, versions, commit, None, prefix + "dataset_meta.json"))
            meta = read_dataset_meta(folder, prefix)
            for name, key in meta.tensors.items():
                files = [file for file in folder.files if f"/{file}".find(f"/{key}/") >= 0]
                if sum(len(folder.files[file]) for file in files) <= _MOST_BYTES:
                    found += [Case(folder, versions, commit, (name, key), file) for file in files]
    return found


def check(number: int, data: bytes) -> bool:
    """Read what case `number` reads with `data` as the file's content; whether it was refused."""
    case = cases()[number % len(cases())]
    folder = MemoryFolder({**case.folder.files, case.file: data})
    try:
        if case.tensor is None:
            _read_dataset(folder)
        else:
            _read_tensor(folder, case, number)
    except TQLError:
        return True
    return False


def _read_dataset(folder: MemoryFolder) -> None:
    versions = read_versions(folder)
    read_views(folder)
    prefix = versions.resolve(None).folder
    meta = read_dataset_meta(folder, prefix)
    for name, key in meta.tensors.items():
        read_tensor_meta(folder, prefix, name, key).type()


def _read_tensor(folder: MemoryFolder, case: Case, number: int) -> None:
    assert case.tensor is not None
    commit = case.versions.commits[case.commit]
    caches = Caches(ByteCache[Any](1 << 20, 64), ByteCache(1 << 20, 64))
    meta = read_tensor_meta(folder, commit.folder, *case.tensor)
    tensor = Tensor(folder, case.versions, commit, meta, caches)
    rows = min(len(tensor), _MOST_ROWS)
    if number & 1:
        shapes = tensor.shapes(range(rows))
        assert len(shapes) == rows
    if number & 2:
        order = np.arange(rows)[::-1]
        assert len(tensor.read(np.ascontiguousarray(order)).to_column()) == rows
    else:
        assert len(tensor.read(range(rows)).to_column()) == rows
    if rows and number & 4:
        tensor.encoded(np.arange(rows))
        tensor.fixed(np.arange(rows))
        with contextlib.suppress(UnsupportedError):  # a row of several pieces
            tensor.stored_bytes(rows - 1)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes of a file with one to four changes of the kinds that break parsers."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(8):
            case 0:
                del changed[at:]
            case 1 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case 2 if changed:
                changed[at % len(changed)] = rng.randrange(256)
            case 3:
                changed[at:at] = rng.randbytes(rng.choice((1, 4, 8, 12)))
            case 4:
                del changed[at : at + rng.choice((1, 2, 4, 8, 12, 16))]
            case 5 if len(changed) >= 4:
                at = rng.randrange(len(changed) - 3)
                changed[at : at + 4] = struct.pack("<I", rng.choice(_NUMBERS))
            case 6 if len(changed) >= 8:
                at = rng.randrange(len(changed) - 7)
                changed[at : at + 8] = struct.pack("<Q", rng.choice(_NUMBERS) << rng.choice((0, 31, 32)))
            case _ if len(changed) >= 4:
                at = rng.randrange(len(changed) - 3)
                number = struct.unpack_from("<I", changed, at)[0] + rng.choice((-1, 1, 255, 256))
                changed[at : at + 4] = struct.pack("<I", number & 0xFFFFFFFF)
    return bytes(changed)
