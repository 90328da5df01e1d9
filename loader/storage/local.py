"""Files of the local file system as a store: written under another name, then renamed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tql.errors import StorageError
from tql.loader.storage.store import Buffer

TEMPORARY = ".tql-"
"""Start of the names of files that are not finished; one that a crash left behind means nothing."""

_SYNCED_AT_ONCE = 16

_numbers = itertools.count()
_pools: dict[int, ThreadPoolExecutor] = {}  # by process: threads don't survive a fork


class LocalStore:
    """The files below a folder, which is made with the first one.

    Args:
        root: the folder.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._unsynced: set[Path] = set()

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

    def put(self, key: str, *parts: Buffer) -> None:
        target = self.root / key
        temporary = self._write_beside(target, *parts)
        try:
            os.replace(temporary, target)
        except OSError as error:
            _remove(temporary)
            raise storage_error("can't write", target, error) from None
        self._unsynced.add(target)

    def replace(self, files: Mapping[str, bytes]) -> None:
        """A file that is renamed before its bytes are on disk may be empty after a loss of power."""
        made: dict[Path, Path] = {}
        try:
            for key, data in files.items():
                target = self.root / key
                made[target] = self._write_beside(target, data)
            self._sync_all(made.values())
            for target, temporary in made.items():
                try:
                    os.replace(temporary, target)
                except OSError as error:
                    raise storage_error("can't write", target, error) from None
        finally:
            for temporary in made.values():
                _remove(temporary)
        self._sync_all({folder for target in made for folder in self._folders(target)})

    def sync(self) -> None:
        """Files first, then the folders that name them; each kind at once, as disks take it best."""
        files, self._unsynced = self._unsynced, set()
        try:
            self._sync_all(files)
            self._sync_all({folder for file in files for folder in self._folders(file)})
        except StorageError:
            self._unsynced |= files
            raise

    def _sync_all(self, paths: Iterable[Path]) -> None:
        wanted = list(paths)
        try:
            try:
                at_once = _pool().map(bring_to_disk, wanted) if len(wanted) > 1 else None
            except RuntimeError:  # the interpreter is about to end and starts no threads any more
                at_once = None
            list(at_once if at_once is not None else map(bring_to_disk, wanted))
        except OSError as error:
            raise storage_error("can't write", self.root, error) from None

    def _folders(self, file: Path) -> Iterator[Path]:
        """The folders of a file up to the root, and the one that names the root."""
        for folder in file.parents:
            yield folder
            if folder == self.root.parent:
                return

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
            self._unsynced.discard(self.root / key)
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

    def _write_beside(self, target: Path, *parts: Buffer) -> Path:
        """A file in the target's folder that holds the data."""
        temporary = target.parent / f"{TEMPORARY}{os.getpid()}-{next(_numbers)}"
        try:
            try:
                handle = open(temporary, "xb")  # noqa: SIM115  # closed below
            except FileNotFoundError:
                target.parent.mkdir(parents=True, exist_ok=True)
                handle = open(temporary, "xb")  # noqa: SIM115
            with handle:
                for part in parts:
                    handle.write(part)
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


def _pool() -> ThreadPoolExecutor:
    process = os.getpid()
    if process not in _pools:
        _pools.clear()
        _pools[process] = ThreadPoolExecutor(_SYNCED_AT_ONCE, thread_name_prefix="tql-sync")
    return _pools[process]


def bring_to_disk(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # there folders can't be opened, and need no syncing
        return
    with contextlib.suppress(FileNotFoundError):  # deleted since
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
