"""Files of the local file system as a store: written under another name, brought to disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tql.errors import StorageError

TEMPORARY = ".tql-"
"""Start of the names of files that are not finished; one that a crash left behind means nothing."""

_numbers = itertools.count()


class LocalStore:
    """The files below a folder, which is made with the first one.

    Args:
        root: the folder.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    @property
    def name(self) -> str:
        return str(self.root)

    def get(self, key: str) -> bytes | None:
        try:
            return (self.root / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise storage_error("can't read", self.root / key, error) from None

    def put(self, key: str, data: bytes) -> None:
        target = self.root / key
        temporary = self._write_beside(target, data)
        try:
            os.replace(temporary, target)
            _bring_to_disk(target.parent)
        except OSError as error:
            _remove(temporary)
            raise storage_error("can't write", target, error) from None

    def put_new(self, key: str, data: bytes) -> bool:
        target = self.root / key
        temporary = self._write_beside(target, data)
        try:
            os.link(temporary, target)  # unlike a rename it fails where there is a file
        except FileExistsError:
            return False
        except OSError as error:
            raise storage_error("can't write", target, error) from None
        finally:
            _remove(temporary)
        return True

    def delete(self, key: str) -> None:
        try:
            os.unlink(self.root / key)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise storage_error("can't delete", self.root / key, error) from None

    def list(self, prefix: str) -> Iterator[str]:
        for folder, _, files in os.walk(self.root / prefix):
            below = Path(folder).relative_to(self.root)
            for file in files:
                if not file.startswith(TEMPORARY):
                    yield (below / file).as_posix()

    def delete_all(self) -> None:
        """Remove the folder with everything in it."""
        try:
            shutil.rmtree(self.root)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error("can't delete", self.root, error) from None

    def _write_beside(self, target: Path, data: bytes) -> Path:
        """A file in the target's folder that holds the data, on disk."""
        temporary = target.parent / f"{TEMPORARY}{os.getpid()}-{next(_numbers)}"
        try:
            try:
                handle = open(temporary, "xb")  # noqa: SIM115  # closed below
            except FileNotFoundError:
                _make_folder(target.parent)
                handle = open(temporary, "xb")  # noqa: SIM115
            with handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            _remove(temporary)
            raise storage_error("can't write", target, error) from None
        return temporary


def storage_error(what: str, path: Path, error: OSError) -> StorageError:
    """What the operating system said, in a sentence with the path."""
    reason = (error.strerror or str(error)).lower()
    hint = None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space and try again: the dataset is as it was after the last write that succeeded"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "this folder can't be written to by you"
    return StorageError(f"{what} '{path}': {reason}", hint=hint)


def _make_folder(folder: Path) -> None:
    """A folder with its parents, each entered in the one above on disk."""
    missing = [folder, *folder.parents]
    made = list(itertools.takewhile(lambda path: not path.exists(), missing))
    folder.mkdir(parents=True, exist_ok=True)
    for path in made:
        _bring_to_disk(path.parent)


def _bring_to_disk(folder: Path) -> None:
    if os.name == "nt":  # folders can't be opened there; the file system orders its own changes
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
