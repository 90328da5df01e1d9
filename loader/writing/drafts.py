"""New datasets: written beside their place and put there when they are whole.

So a dataset that is overwritten is there until the new one is, and work that fails leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import secrets
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from tql.errors import DatasetExistsError, FormatError
from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.source import MARKERS
from tql.loader.sources.v3.versions import commit_folder, read_versions
from tql.loader.storage.exchange import put_in_place
from tql.loader.storage.local import LocalStore
from tql.loader.storage.location import local_path
from tql.loader.writing.dataset import WritableDataset
from tql.loader.writing.lock import Holder, Lock
from tql.loader.writing.metas import new_dataset_meta, to_json
from tql.loader.writing.session import Session, end_session
from tql.loader.writing.tree import CONTROL, first_tree, tree_json

_LOCK = "dataset_lock.lock"
_FORGOTTEN_SECONDS = 7 * 86400.0
_MAKER = re.compile(r"\.tql-([0-9a-f]{1,12})-([0-9]{1,9})-[0-9a-f]{8}$")


class Draft:
    """A dataset without tensors in a folder beside the one that it is meant for.

    Args:
        path: the folder that it is meant for: one that is not there, is empty, or holds a dataset.
        overwrite: whether a dataset may be there.

    Raises:
        DatasetExistsError: there is something already; with `overwrite`, something that is no dataset.
        DatasetLockedError: another process writes to what is to be overwritten.
        StorageError: the folder can't be made or written to.
    """

    def __init__(self, path: str | os.PathLike[str], overwrite: bool) -> None:
        self.target = Path(os.path.realpath(local_path(path)))
        self._locks: list[Lock] = []
        occupied = self.target.exists() and (not self.target.is_dir() or any(self.target.iterdir()))
        if occupied:
            _check_overwritable(self.target, overwrite)
        mounted = os.path.ismount(self.target)  # a mount point can't be renamed
        if mounted and occupied:
            raise DatasetExistsError(
                f"'{path}' is a mount point, which can't be overwritten", hint="choose a folder in it"
            )
        _remove_forgotten(self.target)
        name = f".{self.target.name}.tql-{uuid.getnode():x}-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = self.target if mounted else self.target.with_name(name)
        try:
            if occupied:
                self._lock_out_writers()
            store = LocalStore(self.folder)
            Lock(store, _LOCK).acquire()
            store.replace(
                {"dataset_meta.json": to_json(new_dataset_meta()), CONTROL: tree_json(first_tree())}
            )
        except BaseException:
            self.abandon()
            raise

    def finish(self) -> None:
        """Put it in its place. What was there is deleted."""
        if self.folder != self.target:
            end_session(self.target, "it was overwritten")
            put_in_place(self.folder, self.target)
            _remove(self.folder)
        for lock in self._locks:  # they are gone with the old dataset
            lock.forget()

    def abandon(self) -> None:
        """Delete it; what was in its place stays."""
        if self.folder != self.target:
            _remove(self.folder)
        else:
            for entry in self.folder.iterdir():
                _remove(entry)
        for lock in self._locks:
            lock.release()

    def _lock_out_writers(self) -> None:
        store = LocalStore(self.target)
        keys = {f"versions/{path.parent.name}/{_LOCK}" for path in self.target.glob(f"versions/*/{_LOCK}")}
        with contextlib.suppress(FormatError):  # a damaged dataset may be overwritten too
            heads = read_versions(Folder(self.target)).branches.values()
            keys |= {commit_folder(head) + _LOCK for head in heads}
        for key in sorted({_LOCK, *keys}):
            lock = Lock(store, key)
            if not lock.is_held():  # else it belongs to a dataset object of this process
                lock.acquire()
                lock.renew_in_background()
                self._locks.append(lock)


def create(path: str | os.PathLike[str], overwrite: bool) -> WritableDataset:
    """A dataset without tensors, open for writing."""
    draft = Draft(path, overwrite)
    try:
        draft.finish()
    except BaseException:
        draft.abandon()
        raise
    return WritableDataset(Session(draft.target))


@contextlib.contextmanager
def made_at_once(path: str | os.PathLike[str], overwrite: bool, message: str) -> Iterator[WritableDataset]:
    """A dataset that appears at its path, with one commit, when the caller is done with it; never a part."""
    draft = Draft(path, overwrite)
    try:
        session = Session(draft.folder)
        try:
            session.begin_batch()
            yield WritableDataset(session)
            session.end_batch()
            session.commit_changes(message, allow_empty=True)
        except BaseException:
            session.drop("it could not be completed")
            raise
        session.end("it is complete")
        draft.finish()
    except BaseException:
        draft.abandon()
        raise


def _check_overwritable(folder: Path, overwrite: bool) -> None:
    if not folder.is_dir():
        raise DatasetExistsError(f"there is a file '{folder}'", hint="a dataset is a folder")
    if not any((folder / marker).is_file() for marker in MARKERS):
        raise DatasetExistsError(
            f"there is a folder '{folder}' that holds other things than a dataset", hint="choose another path"
        )
    if not overwrite:
        raise DatasetExistsError(
            f"there is a dataset already: '{folder}'",
            hint="overwrite=True deletes it; tql.load(path, read_only=False) adds to it",
        )
    try:
        allowed = Folder(folder).json_or_empty("dataset_meta.json").get("allow_delete", True)
    except FormatError:
        allowed = True
    if not allowed:
        raise DatasetExistsError(f"the dataset '{folder}' says that it must not be deleted")


def _remove_forgotten(target: Path) -> None:
    """Delete what processes that were killed left beside a path."""
    for folder in target.parent.glob(f".{glob.escape(target.name)}.tql-*"):
        maker = _MAKER.search(folder.name)
        with contextlib.suppress(OSError):
            until = folder.stat().st_mtime + _FORGOTTEN_SECONDS
            if maker and Holder(int(maker[1], 16), int(maker[2]), until).is_gone:
                _remove(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
