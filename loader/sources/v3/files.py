"""The files of one dataset folder: names checked before they become paths, JSON parsed, chunks read piece by
piece.

Nothing is memory-mapped: a file that another program cuts while it is mapped ends the process.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells a file from the same one with other content: nobody can set `changed` or choose `number`.

    Attributes:
        size: bytes.
        modified, changed: of the content, and of anything, in ns since 1970.
        number: of the inode.
    """

    size: int
    modified: int
    changed: int
    number: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def is_settled(self, now: int) -> bool:
        """Whether no write after `now` (ns since 1970) can leave the times as they are: clocks of file
        systems tick every few ms, some every two seconds.
        """
        tick = 2_000_000_000 if self.modified % 1_000_000_000 == 0 else 20_000_000
        return now - max(self.modified, self.changed) > tick

    def has_content_of(self, other: FileState) -> bool:
        """Whether nothing was written in between; a new link or owner is no new content."""
        return self.size == other.size and self.modified == other.modified


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

    def state(self, file: str, tensor: str | None = None) -> FileState:
        """What the file is now, without opening it.

        Raises:
            FormatError: as for `open`.
        """
        place = Place(file, tensor)
        try:
            return FileState.of(self._found(place)[1])
        except OSError as error:
            raise self._unreadable(place, error) from None

    def read_behind(
        self, file: str, header: Callable[[memoryview], bool], out: memoryview
    ) -> FileState | None:
        """Read the last bytes of a file into `out`, which takes all but a short header.

        Args:
            header: whether these first bytes are as they should be.

        Returns:
            The state of the file. None where it is no such file, for `open` to find out why: `out` may hold
            anything then.
        """
        folder, _, name = file.rpartition("/")
        real = self._folders.get(folder)  # known to lie in the dataset
        if real is None:
            return None
        try:
            handle = os.open(f"{real}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            status = os.fstat(handle)
            start = status.st_size - len(out)
            if not stat.S_ISREG(status.st_mode) or not 0 < start <= HEADER_BYTES:
                return None
            head = memoryview(bytearray(start))
            if os.preadv(handle, [head, out], 0) != status.st_size or not header(head):
                return None
            state = FileState.of(status)
            return state if FileState.of(os.fstat(handle)).has_content_of(state) else None
        except OSError:
            return None
        finally:
            os.close(handle)

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
        return self._found(place)[0]

    def _found(self, place: Place) -> tuple[str, os.stat_result]:
        folder, _, name = place.file.rpartition("/")
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = self._inside(Place(folder, place.tensor))
        path = f"{real}/{name}"
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            path = self._inside(place)
            status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for who writes to it
            raise place.damaged("the file is none: a folder, a pipe or a device")
        return path, status

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

    Attributes:
        state: of the file when it was opened.
        size: bytes that it had.

    Raises:
        OSError: if it can't be opened.
    """

    def __init__(self, path: str, place: Place) -> None:
        self._handle = -1
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._path = path
        self._place = place
        self.state = self._present()
        self.size = self.state.size

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """The bytes [start, stop).

        Raises:
            FormatError: if there are fewer, or if the file has been changed since it was opened.
        """
        return self.read_parts(np.array([start], np.int64), np.array([stop - start], np.int64))

    def read_parts(self, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The bytes [start, start + size) of all parts, one behind the other.

        Raises:
            FormatError: see `read`.
        """
        self._check_parts(starts, sizes)
        data = np.empty(int(sizes.sum()), np.uint8)
        rest = data.data
        at, whole = 0, True
        try:
            for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
                whole = whole and self._fill(rest[at : at + size], start)
                at += size
            changed = not self._present().has_content_of(self.state)
        except OSError as error:
            raise self._place.damaged(
                f"the file can't be read: {error.strerror}", offset=int(starts[0])
            ) from None
        if changed or not whole:
            raise self._place.damaged("the file was changed after it was opened", offset=int(starts[0]))
        return data

    def on_disk(self) -> tuple[bytes, FileState]:
        """The path of the file, and what it was when it was opened."""
        return os.fsencode(self._path), self.state

    def _check_parts(self, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        ends = starts + sizes
        bad = (starts < 0) | (ends < starts) | (ends > self.size)
        if bad.any():
            first = int(np.argmax(bad))
            missing = f"the file has {self.size} bytes, {int(ends[first])} are needed"
            raise self._place.damaged(missing, offset=int(starts[first]))

    def __del__(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)

    def _fill(self, buffer: memoryview, offset: int) -> bool:
        """Read as much as there is room for; False if the file ends before."""
        done = 0
        while done < len(buffer):
            # At a position of its own: threads and forked processes share that of the file.
            count = os.preadv(self._handle, [buffer[done:]], offset + done)
            if count == 0:
                return False
            done += count
        return True

    def _present(self) -> FileState:
        return FileState.of(os.fstat(self._handle))
