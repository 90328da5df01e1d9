"""Putting one folder in the place of another at one stroke."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from tql.loader.storage.local import bring_to_disk, storage_error

_HERE = -100  # AT_FDCWD: paths are relative to the working directory
_SWAP = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def put_in_place(made: Path, target: Path) -> None:
    """Move a folder to a path. What was there, a folder, has the moved one's old path afterwards.

    Where the system can exchange two paths, there is one of the two folders at the target at any moment;
    elsewhere there is none for an instant.

    Raises:
        StorageError: if the file system refuses; nothing has changed then.
    """
    try:
        if not target.exists():
            os.rename(made, target)
        elif not _exchanged(made, target):
            aside = made.with_name(made.name + "-old")
            os.rename(target, aside)
            try:
                os.rename(made, target)
            except OSError:
                os.rename(aside, target)
                raise
            os.rename(aside, made)
        bring_to_disk(target.parent)
    except OSError as error:
        raise storage_error("can't write", target, error) from None


def _exchanged(first: Path, second: Path) -> bool:
    """Exchange two paths; False where the system or the file system can't."""
    call = _system_call()
    if call is None:
        return False
    sys.audit("os.rename", os.fspath(first), os.fspath(second), -1, -1)
    if call(os.fsencode(first), os.fsencode(second)) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code))


@cache
def _system_call() -> Any:
    """A function of two paths that exchanges them, None where there is none."""
    with contextlib.suppress(AttributeError, OSError):
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "linux":
            rename = library.renameat2
            return lambda first, second: rename(_HERE, first, _HERE, second, _SWAP)
        if sys.platform == "darwin":
            rename = library.renamex_np
            return lambda first, second: rename(first, second, _SWAP)
    return None
