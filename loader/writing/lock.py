"""The format's lock: a file that names a machine, a process and the time until which it holds.

Layout: 6 bytes node id (little-endian), f64 time of expiry in seconds since 1970, 4 bytes process id. A
holder renews it well before it expires. An expired lock may be taken over, and so may one of this machine
whose process is gone.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import time
import uuid
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

from tql.errors import DatasetLockedError, StorageError
from tql.loader.storage.store import Store

LOCK_SECONDS = 300.0
RENEW_SECONDS = 120.0
_CLAIM_SECONDS = 10.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, and until when."""

    node: int
    process: int
    expires: float

    def to_bytes(self) -> bytes:
        return self.node.to_bytes(6, "little") + struct.pack("<dI", self.expires, self.process)

    @property
    def is_me(self) -> bool:
        return (self.node, self.process) == (uuid.getnode(), os.getpid())

    @property
    def is_gone(self) -> bool:
        if self.expires <= time.time():
            return True
        return self.node == uuid.getnode() and not _is_running(self.process)

    def __str__(self) -> str:
        where = "this machine" if self.node == uuid.getnode() else f"machine {self.node:012x}"
        until = time.strftime("%H:%M:%S", time.localtime(self.expires))
        return f"process {self.process} on {where}, until {until} unless it is renewed"


def parse_holder(data: bytes | None) -> Holder | None:
    """The holder that a lock file names, None for none or one that is not whole."""
    if data is None or len(data) != 18:
        return None
    expires, process = struct.unpack("<dI", data[6:])
    return Holder(int.from_bytes(data[:6], "little"), process, expires)


class Lock:
    """One lock file. A process holds it once, whatever its threads do.

    Args:
        store: where the dataset is.
        key: the lock file.
        seconds: for how long it holds unless renewed.
    """

    def __init__(self, store: Store, key: str, seconds: float = LOCK_SECONDS) -> None:
        self._store = store
        self.key = key
        self._seconds = seconds
        self._renewal: threading.Event | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            DatasetLockedError: another process has it.
        """
        wanted = self._mine()
        while not self._store.put_new(self.key, wanted.to_bytes()):
            data = self._store.get(self.key)
            holder = parse_holder(data)
            if data is None:
                continue
            if holder is not None and not holder.is_gone and not holder.is_me:
                raise DatasetLockedError(
                    f"another process writes to the dataset '{self._store.name}': {holder}",
                    hint="wait until it is done; a lock that is not renewed is taken over when it expires",
                )
            if self._take_over(data):
                return

    def _take_over(self, stale: bytes) -> bool:
        """Replace a lock that nobody holds any more. Of several that try at once one succeeds."""
        claim = self.key + ".claim"
        mine = Holder(uuid.getnode(), os.getpid(), time.time() + _CLAIM_SECONDS)
        if not self._store.put_new(claim, mine.to_bytes()):
            other = parse_holder(self._store.get(claim))
            if other is not None and other.is_gone:
                self._store.delete(claim)
            time.sleep(_POLL_SECONDS)
            return False
        try:
            if self._store.get(self.key) != stale:
                return False
            self._store.put(self.key, self._mine().to_bytes())
            return True
        finally:
            self._store.delete(claim)

    def release(self) -> None:
        """Give it back, if it is still ours."""
        self.forget()
        with contextlib.suppress(StorageError):
            if self.is_held():
                self._store.delete(self.key)

    def forget(self) -> None:
        """Renew it no more."""
        if self._renewal is not None:
            self._renewal.set()
            self._renewal = None

    def is_held(self) -> bool:
        """Whether this process still has it."""
        holder = parse_holder(self._store.get(self.key))
        return holder is not None and holder.is_me

    def check(self) -> None:
        """Raises DatasetLockedError if another process has taken over since."""
        holder = parse_holder(self._store.get(self.key))
        if holder is None or not holder.is_me:
            by = f" by {holder}" if holder else ""
            raise DatasetLockedError(
                f"the lock of the dataset '{self._store.name}' was taken over{by}",
                hint="this process was not heard of for too long; open the dataset again",
            )

    def renew(self) -> None:
        """Hold it for another while."""
        self.check()
        self._store.put(self.key, self._mine().to_bytes())

    def renew_in_background(self, every: float = RENEW_SECONDS) -> None:
        """Renew it until it is released or this object is gone."""
        self._renewal = threading.Event()
        arguments = (weakref.ref(self), self._renewal, every)
        threading.Thread(target=_renew_until, args=arguments, name="tql-lock", daemon=True).start()

    @contextlib.contextmanager
    def held(self, patience: float) -> Iterator[None]:
        """Hold it for a moment; wait so many seconds for one who does."""
        deadline = time.monotonic() + patience
        while True:
            try:
                self.acquire()
                break
            except DatasetLockedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            self.release()

    def _mine(self) -> Holder:
        return Holder(uuid.getnode(), os.getpid(), time.time() + self._seconds)


def _renew_until(lock: weakref.ref[Lock], stop: threading.Event, every: float) -> None:
    while not stop.wait(every):
        held = lock()
        if held is None:
            return
        with contextlib.suppress(DatasetLockedError, StorageError):  # the next write says so
            held.renew()


def _is_running(process: int) -> bool:
    if os.name == "nt":  # there os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
