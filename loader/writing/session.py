"""A dataset that one process writes to: the lock, the branch that is written, commits and branches."""

from __future__ import annotations

import contextlib
import os
import secrets
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tql.errors import (
    ArgumentError,
    DatasetLockedError,
    StorageError,
)
from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.source import V3Source
from tql.loader.sources.v3.versions import FIRST_COMMIT, Commit, commit_folder, read_versions
from tql.loader.storage.journal import recover
from tql.loader.storage.local import LocalStore
from tql.loader.storage.store import Store
from tql.loader.writing.copying import copy_commit, has_changes
from tql.loader.writing.garbage import Garbage
from tql.loader.writing.head import HeadWriter
from tql.loader.writing.lock import Lock
from tql.loader.writing.tree import (
    add_branch,
    add_commit,
    changing,
    new_commit_id,
)

_Result = TypeVar("_Result")

_sessions: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
"""The sessions of this process by the real path of their dataset."""


class Session:
    """Writes to a dataset. One per dataset and process: a new one ends the one before.

    Args:
        path: the dataset's folder.
        version: branch or commit to look at; a commit can't be written to.
        store: how its files are kept; by default as local files.

    Raises:
        DatasetLockedError: another process writes to the branch.
        StorageError: the folder can't be written to.
    """

    def __init__(
        self, path: str | os.PathLike[str], version: str | None = None, store: Store | None = None
    ) -> None:
        self.path = os.fspath(Path(path).absolute())  # wherever the process goes later
        self._store = store or LocalStore(self.path)
        self._process = os.getpid()
        self._token = secrets.token_hex(8)
        self._batches = 0
        self._ended: str | None = None
        self._lock: Lock | None = None
        self._head: HeadWriter | None = None
        self._finalizer: weakref.finalize[..., Session] | None = None
        self._dirty = False
        self._stale = False
        self.state = 0
        self._garbage = Garbage(self._store)
        end_session(self.path, "it was opened again for writing")
        _sessions[os.path.realpath(self.path)] = self
        self.go_to(version)

    # --- the state ----------------------------------------------------------------------------------------

    def source(self) -> V3Source:
        """The rows as they are now, whatever is written later."""
        if self._dirty:
            self.flush()
        source = V3Source(self.path, self.commit.id)
        source.hold(f"{self._token}-{self.state}")
        self._garbage.read_by(source)
        return source

    @property
    def head(self) -> HeadWriter:
        """The branch that is written.

        Raises:
            ArgumentError: a commit is checked out, or the dataset was closed.
            DatasetLockedError: this is another process than the one that opened it.
            StorageError: after a write that failed, what is on disk can't be taken up again yet.
        """
        self._check_open()
        if self._stale:
            self.go_to(self.commit.branch)
        if self._head is None:
            raise ArgumentError(
                f"commit {self.commit.id} can't be changed",
                hint=f"ds.checkout('{self.commit.branch}') goes to the branch, "
                "ds.checkout(name, create=True) starts one here",
            )
        return self._head

    def num_rows(self) -> int:
        """Rows of the dataset, those that are not on disk yet included."""
        return len(self._head) if self._head is not None else V3Source(self.path, self.commit.id).num_rows

    @property
    def dirty(self) -> bool:
        """Whether something was written that is not on disk yet."""
        return self._dirty

    def info(self, tensor: str | None) -> dict[str, Any]:
        """Facts about the dataset or a tensor."""
        if self._head is not None:
            return self._head.info if tensor is None else self._head.visible_tensor(tensor).info
        source = V3Source(self.path, self.commit.id)
        return source.info if tensor is None else source.tensor(tensor).meta.info

    def change(self, act: Callable[[HeadWriter], _Result]) -> _Result:
        """Run something that changes the head; outside of a batch it is on disk afterwards."""
        head = self.head
        self._dirty = True
        self.state += 1
        try:
            result = act(head)
        except StorageError:
            self._start_over()
            raise
        if self._batches == 0:
            self.flush()
        return result

    def flush(self) -> None:
        """Bring what was written to disk."""
        if not self._dirty:
            return
        head = self.head
        assert self._lock is not None
        try:
            self._lock.check()
            head.flush()
        except (StorageError, DatasetLockedError):
            self._start_over()
            raise
        self._dirty = False

    def begin_batch(self) -> None:
        self._check_open()
        self._batches += 1

    def end_batch(self) -> None:
        self._batches -= 1
        if self._batches == 0 and self._ended is None:
            self.flush()

    # --- versions -----------------------------------------------------------------------------------------

    def go_to(self, version: str | None) -> None:
        """Look at, and if it is the head of a branch write to, another version."""
        folder = Folder(self.path)
        versions = read_versions(folder)
        commit = versions.resolve(version)
        is_head = commit.time is None and commit.id in versions.branches.values()
        lock = head = None
        if is_head:
            lock = Lock(self._store, commit.folder + "dataset_lock.lock")
            if self._lock is None or self._lock.key != lock.key:
                lock.acquire()
                lock.renew_in_background()
            else:
                lock = self._lock
            try:
                recover(self._store, commit.folder)
                head = HeadWriter(self._store, folder, versions, commit, self._garbage)
            except BaseException:
                if lock is not self._lock:
                    lock.release()
                raise
        if self._lock is not None and self._lock is not lock:
            self._lock.release()
        self._lock = lock
        if self._finalizer is not None:
            self._finalizer.detach()
        self._finalizer = weakref.finalize(self, _release, lock, self._process)
        self.commit: Commit = commit
        self._head = head
        self._dirty = self._stale = False
        self.state += 1

    def commit_changes(self, message: str | None, allow_empty: bool) -> str:
        """Make a commit of the head; what is written from now on belongs to the next one."""
        _ = self.head
        self.flush()
        folder = Folder(self.path)
        if not allow_empty and not has_changes(folder, self.commit):
            raise ArgumentError(
                "there is nothing to commit: nothing was changed since the last commit",
                hint="ds.commit(message, allow_empty=True) commits all the same",
            )
        old, new = self.commit.id, new_commit_id()
        try:
            copy_commit(self._store, folder, self.commit.folder, commit_folder(new))
            with changing(self._store, folder) as tree:
                add_commit(tree, old, new, message or "")
            self.go_to(new)
        except StorageError:  # the commit may be there all the same, and must not be written to any more
            self._start_over()
            raise
        return old

    def create_branch(self, name: str) -> None:
        """Start a branch at the commit that is checked out, or that the head was made from."""
        self._check_open()
        if not name or "/" in name or "@" in name:
            raise ArgumentError(f"not a name for a branch: '{name}'")
        self.flush()
        folder = Folder(self.path)
        versions = read_versions(folder)
        if name in versions.branches or name in versions.commits:
            raise ArgumentError(
                f"there is a branch or commit '{name}' already", hint="ds.checkout(name) goes to it"
            )
        parent = self.commit
        if self._head is not None:
            if parent.id == FIRST_COMMIT or has_changes(folder, parent):
                raise ArgumentError(
                    f"a branch starts at a commit, and '{parent.branch}' has changes that are not committed",
                    hint="ds.commit(message) first",
                )
            parent = versions.commits[str(parent.parent)]
        new = new_commit_id()
        copy_commit(self._store, folder, parent.folder, commit_folder(new))
        with changing(self._store, folder) as tree:
            add_branch(tree, parent.id, new, name)
        self.go_to(name)

    # --- the end ------------------------------------------------------------------------------------------

    def end(self, why: str) -> None:
        """Bring everything to disk and give the lock back; `why` is what later writes are told."""
        if self._ended is not None or self._process != os.getpid():
            return
        try:
            self.flush()
        finally:
            self.drop(why)

    def drop(self, why: str) -> None:
        """Give the lock back and forget what is not on disk."""
        self._ended, self._dirty = why, False
        if self._finalizer is not None:
            self._finalizer()
        real = os.path.realpath(self.path)
        if _sessions.get(real) is self:
            del _sessions[real]

    def _start_over(self) -> None:
        """What could not be brought to disk is forgotten: the branch is taken up as it is there.

        Where even that needs more room than there is, the next write tries again.
        """
        self._dirty = False
        self.state += 1
        if self._lock is not None and self._lock.is_held():
            self._head, self._stale = None, True
            with contextlib.suppress(StorageError):
                self.go_to(self.commit.branch)
        else:
            self._ended = "its lock was lost"
            if self._finalizer is not None:
                self._finalizer.detach()

    def _check_open(self) -> None:
        if self._ended is not None:
            raise ArgumentError(f"the dataset '{self.path}' is closed: {self._ended}")
        if self._process != os.getpid():
            raise DatasetLockedError(
                f"the dataset '{self.path}' was opened for writing by another process: {self._process}",
                hint="one process writes; open it for reading here",
            )


def _release(lock: Lock | None, process: int) -> None:
    if lock is not None and process == os.getpid():
        lock.release()


def end_session(path: str | os.PathLike[str], why: str) -> None:
    """End the session that this process has of a dataset, if it has one."""
    session = _sessions.get(os.path.realpath(path))
    if session is not None:
        session.end(why)
