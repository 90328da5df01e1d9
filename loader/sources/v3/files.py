"""The files of one dataset folder: names checked before they become paths, JSON parsed, chunks mapped."""

from __future__ import annotations

import json
import mmap
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tql.errors import FormatError
from tql.loader import documents
from tql.loader.sources.v3.place import MAX_JSON_BYTES, Place

_MAP_FROM = 256 * 1024  # a smaller file is read: a map costs a page table entry and a file descriptor
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

    def read(self, file: str, tensor: str | None = None, limit: int | None = None) -> bytes:
        """The whole file.

        Raises:
            FormatError: if it is missing, unreadable, larger than `limit`, or a link out of the dataset.
        """
        if file in self._overlay:
            return self._overlay[file]
        place = Place(file, tensor)
        try:
            with open(self._inside(place), "rb") as handle:
                if limit is not None and os.fstat(handle.fileno()).st_size > limit:
                    raise place.damaged(f"the file is larger than {limit} bytes")
                return handle.read()
        except OSError as error:
            raise self._unreadable(place, error) from None

    def map(self, file: str, tensor: str | None = None) -> memoryview:
        """The file's bytes, memory-mapped unless it is small."""
        place = Place(file, tensor)
        try:
            with open(self._inside(place), "rb") as handle:
                size = os.fstat(handle.fileno()).st_size
                if size < _MAP_FROM:
                    return memoryview(handle.read())
                return memoryview(mmap.mmap(handle.fileno(), size, access=mmap.ACCESS_READ))
        except OSError as error:
            raise self._unreadable(place, error) from None

    def json(self, file: str, tensor: str | None = None) -> dict[str, Any]:
        """A JSON object.

        Raises:
            FormatError: if the file is missing or holds anything else.
        """
        place = Place(file, tensor)
        data = self.read(file, tensor, MAX_JSON_BYTES)
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
