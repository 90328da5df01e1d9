"""Freezes the disk at the n-th change of the file system, whatever makes it: seen by Python's audit events.

From then on every change fails, so that the disk is as if the process had been killed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class _Disk:
    def __init__(self) -> None:
        self.below: str | None = None
        self.n: int | None = None
        self.changes = 0
        self.installed = False

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.below is None:
            return
        if event == "open":
            if not isinstance(arguments[2], int) or not arguments[2] & _WRITING:
                return
        elif event not in _CHANGES:
            return
        path = arguments[0]
        if not isinstance(path, str | bytes | os.PathLike) or not os.fsdecode(path).startswith(self.below):
            return
        self.changes += 1
        if self.n is not None and self.changes > self.n:
            raise OSError(errno.EIO, "the disk is frozen")


_disk = _Disk()


def changes_of(act: Callable[[], object], root: Path, n: int | None = None) -> int:
    """Run something, freeze the files below a folder before their n-th change; how many changes it makes."""
    if not _disk.installed:
        sys.addaudithook(_disk.hook)
        _disk.installed = True
    _disk.below, _disk.n, _disk.changes = os.path.realpath(root), n, 0
    try:
        if n is None:
            act()
        else:
            with contextlib.suppress(OSError):
                act()
    finally:
        _disk.below = None
    return _disk.changes
