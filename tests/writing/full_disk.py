"""A disk without space: one change of the file system fails, or every one from it on."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tql.loader.storage import local

_TAKING_SPACE = {"os.rename", "os.link", "os.mkdir", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class FullDisk:
    """Opening a file to write, writing to it, fsync, renames, links and new folders are counted, and fail.

    Attributes:
        changes: how many there were.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._below: str | None = None
        self._failing = range(0)
        self._lock = threading.Lock()  # files are brought to disk by several threads
        sys.addaudithook(self._hook)

    @contextmanager
    def failing(self, root: Path, numbers: range) -> Iterator[None]:
        """Count changes below a folder from 0; those of these numbers fail."""
        opened, fsync = getattr(local, "open", None), os.fsync
        assert opened is None
        self.changes, self._failing, self._below = 0, numbers, os.path.realpath(root)
        local.open = self._open  # type: ignore[attr-defined]
        os.fsync = lambda handle: self._step()
        try:
            yield
        finally:
            self._below = None
            del local.open  # type: ignore[attr-defined]
            os.fsync = fsync

    def _step(self) -> None:
        with self._lock:
            number = self.changes
            self.changes += 1
        if number in self._failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._below is None:
            return
        if event == "open":
            if not isinstance(arguments[2], int) or not arguments[2] & _WRITING:
                return
        elif event not in _TAKING_SPACE:
            return
        path = arguments[0]
        if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self._below):
            self._step()

    def _open(self, path: Path, mode: str) -> io.BufferedWriter:
        return io.BufferedWriter(_File(path, mode.replace("b", ""), self._step))


class _File(io.FileIO):
    """A file that has room for half of what is written when there is no space."""

    def __init__(self, path: Path, mode: str, step: Any) -> None:
        super().__init__(path, mode)
        self._step = step

    def write(self, data: Any, /) -> int:
        try:
            self._step()
        except OSError:
            view = memoryview(data)
            super().write(view[: len(view) // 2])
            raise
        return super().write(data)
