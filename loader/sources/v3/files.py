"""The files of one dataset folder: names checked before they become paths, JSON parsed, chunks read piece by
piece.

Nothing is memory-mapped: a file that another program cuts while it is mapped ends the process.
"""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import FormatError
from tql.loader import documents
from tql.loader.sources.v3.place import MAX_FILE_BYTES, Place

HEADER_BYTES = 64 * 1024
"""What is read of a chunk at first: more than the headers of most; small chunks are read whole by it."""

_BAD_PART = re.compile(r"[\\\0]|^[A-Za-z]:")


def check_key(key: object, place: Place) -> str:
    """A tensor key from a file, known to stay inside the dataset.

    Raises:
        FormatError: if it is absolute, climbs, or holds a backslash, NUL or drive.
    """
    if not isinstance(key, str) or not key:
        raise place.damaged(f"a tensor key is not a name: {key!r}")
    parts = key.split("/")
    if any(part in ("", ".", "..") or _BAD_PART.search(part) for part in parts):
        raise place.damaged(f"a tensor key leaves the dataset: {key!r}")
    return key


class Folder:
    """Read access to the files below one root; nothing outside is ever opened.

    Args:
        root: the folder.
        overlay: contents that count in place of what these files hold: of a change that is not complete.
    """

    def __init__(self, root: str | os.PathLike[str], overlay: Mapping[str, bytes] | None = None) -> None:
        self.root = Path(root)
        self._real_root = os.path.realpath(root)
        self._overlay = overlay or {}
        self._folders: dict[str, str] = {}  # where those lead that files were read from: resolving costs much

    def under(self, overlay: Mapping[str, bytes]) -> Folder:
        """The same folder with some files replaced."""
        return Folder(self.root, {**self._overlay, **overlay})

    def below(self, folder: str) -> str:
        """The path of a folder in it.

        Raises:
            FormatError: if it is a link out of the dataset.
        """
        return self._inside(Place(folder))

    def exists(self, file: str) -> bool:
        return file in self._overlay or (self.root / file).is_file()

    def read_or_none(self, file: str) -> bytes | None:
        """The whole file, None where there is none."""
        return self.read(file) if self.exists(file) else None

    def read(self, file: str, tensor: str | None = None) -> bytes:
        """The whole file.

        Raises:
            FormatError: if it is missing, unreadable, larger than any such, or a link out of the dataset.
        """
        if file in self._overlay:
            return self._overlay[file]
        place = Place(file, tensor)
        try:
            with open(self._regular(place), "rb") as handle:
                size = os.fstat(handle.fileno()).st_size
                if size > MAX_FILE_BYTES:
                    raise place.damaged(f"the file is larger than {MAX_FILE_BYTES} bytes")
                return handle.read(size)
        except OSError as error:
            raise self._unreadable(place, error) from None

    def open(self, file: str, tensor: str | None = None) -> StoredFile:
        """The file, to be read piece by piece.

        Raises:
            FormatError: as for `read`, whatever its size.
        """
        place = Place(file, tensor)
        try:
            return StoredFile(self._regular(place), place)
        except OSError as error:
            raise self._unreadable(place, error) from None

    def json(self, file: str, tensor: str | None = None) -> dict[str, Any]:
        """A JSON object.

        Raises:
            FormatError: if the file is missing or holds anything else.
        """
        place = Place(file, tensor)
        data = self.read(file, tensor)
        try:
            value = documents.load(data, strict=True)
        except (ValueError, RecursionError) as error:
            offset = error.pos if isinstance(error, json.JSONDecodeError) else None
            raise place.damaged("the file is not valid JSON", offset=offset) from None
        if not isinstance(value, dict):
            raise place.damaged("the file does not hold a JSON object")
        return value

    def json_or_empty(self, file: str, tensor: str | None = None) -> dict[str, Any]:
        """Like `json`; a missing file counts as an empty object."""
        return self.json(file, tensor) if self.exists(file) else {}

    def _regular(self, place: Place) -> str:
        """The path of a file, which is one and lies in the dataset."""
        folder, _, name = place.file.rpartition("/")
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = self._inside(Place(folder, place.tensor))
        path = f"{real}/{name}"
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            path = self._inside(place)
            mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):  # to open a pipe would wait for who writes to it
            raise place.damaged("the file is none: a folder, a pipe or a device")
        return path

    def _inside(self, place: Place) -> str:
        path = os.path.realpath(self.root / place.file)
        if path != self._real_root and not path.startswith(self._real_root.rstrip(os.sep) + os.sep):
            raise place.damaged("the file is a link that leaves the dataset")
        return path

    @staticmethod
    def _unreadable(place: Place, error: OSError) -> FormatError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return place.damaged("the file is missing")
        return place.damaged(f"the file can't be read: {error.strerror}")


class StoredFile:
    """A file that is read piece by piece. Safe to call from several threads; closed with the last reference.

    Args:
        path: where it is.
        place: which file of the dataset that is, for errors.

    Raises:
        OSError: if it can't be opened.
    """

    def __init__(self, path: str, place: Place) -> None:
        self._handle = -1
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._place = place
        self._lock = threading.Lock()
        self._state = self._present()
        self.size = self._state[0]

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """The bytes [start, stop).

        Raises:
            FormatError: if there are fewer, or if the file has been changed since it was opened.
        """
        return self.read_parts([start], [stop - start])

    def read_parts(self, starts: Sequence[int], sizes: Sequence[int]) -> NDArray[np.uint8]:
        """The bytes [start, start + size) of all parts, one behind the other.

        Raises:
            FormatError: see `read`.
        """
        for start, size in zip(starts, sizes, strict=True):
            if not 0 <= start <= start + size <= self.size:
                missing = f"the file has {self.size} bytes, {start + size} are needed"
                raise self._place.damaged(missing, offset=start)
        data = np.empty(sum(sizes), np.uint8)
        rest = memoryview(data)  # type: ignore[arg-type]  # an array is a buffer
        at, whole = 0, True
        try:
            for start, size in zip(starts, sizes, strict=True):
                whole = whole and self._fill(rest[at : at + size], start)
                at += size
            changed = self._present() != self._state
        except OSError as error:
            raise self._place.damaged(f"the file can't be read: {error.strerror}", offset=starts[0]) from None
        if changed or not whole:
            raise self._place.damaged("the file was changed after it was opened", offset=starts[0])
        return data

    def __del__(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)

    def _fill(self, buffer: memoryview, offset: int) -> bool:
        """Read as much as there is room for; False if the file ends before."""
        done = 0
        while done < len(buffer):
            count = self._read_into(buffer[done:] if done else buffer, offset + done)
            if count == 0:
                return False
            done += count
        return True

    def _read_into(self, buffer: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):  # at a position of its own: forked processes share that of the file
            return os.preadv(self._handle, [buffer], offset)
        with self._lock:
            os.lseek(self._handle, offset, os.SEEK_SET)
            data = os.read(self._handle, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _present(self) -> tuple[int, int]:
        status = os.fstat(self._handle)
        return status.st_size, status.st_mtime_ns
