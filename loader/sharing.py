"""A worker's job for processes that are not forked: a pickle whose arrays lie in memory that all share.

"spawn" and "forkserver" hand a process what it is to do as a pickle. The arrays in it (rows in memory,
numbers of rows, weights) are written once, to a memory file without a name (Linux; elsewhere they are part of
each pickle), and every worker maps it. A worker that writes into such an array changes its own copy alone.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import sys
from multiprocessing import reduction
from types import TracebackType
from typing import Any, Self

import numpy as np

from tql.loader.schedule import Draw
from tql.loader.view import View
from tql.loader.worker import Job

_SMALLEST = 64 * 1024  # bytes of an array that is worth a place of its own
_ALIGN = 64
HAS_MEMORY_FILES = sys.platform == "linux"


class SharedArrays:
    """Memory for the arrays of the jobs of some workers: an array that several of them have is kept once.

    To be open while the workers are started; they keep what they have mapped.
    """

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("tql-job", os.MFD_CLOEXEC)
        self._size = 0
        self._starts: dict[tuple[int, int], int] = {}  # of (address, bytes)
        self._kept: list[pickle.PickleBuffer] = []  # so that no other array comes to lie at their addresses

    def place(self, buffer: pickle.PickleBuffer) -> tuple[int, int]:
        """Where the memory of an array lies, and how many bytes it has; written there if it is new."""
        data = buffer.raw()
        key = np.frombuffer(data, np.uint8).ctypes.data, data.nbytes
        if key not in self._starts:
            self._starts[key] = start = -(-self._size // _ALIGN) * _ALIGN
            written = 0
            while written < data.nbytes:
                written += os.pwrite(self.descriptor, data[written:], start + written)
            self._size = start + data.nbytes
            self._kept.append(buffer)
        return self._starts[key], data.nbytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)


class _JobPickler(reduction.ForkingPickler):
    """Multiprocessing's own pickler, which knows what can be handed to a process at its start: locks for
    example. Rows and weights go as they are: no worker runs a query again.
    """

    def reducer_override(self, obj: Any) -> Any:
        return obj.by_content() if type(obj) in (View, Draw) else NotImplemented


class SharedJob:
    """A job that becomes a `Job` again in the worker that it is sent to."""

    def __init__(self, job: Job, arrays: SharedArrays) -> None:
        self._job = job
        self._arrays = arrays

    def __reduce__(self) -> tuple[Any, ...]:
        stream, large = io.BytesIO(), []

        def take_out(buffer: pickle.PickleBuffer) -> bool:
            if buffer.raw().nbytes < _SMALLEST:
                return True  # stays part of the pickle
            large.append(buffer)
            return False

        _JobPickler(stream, 5, True, take_out).dump(self._job)
        places = [self._arrays.place(buffer) for buffer in large]
        descriptor = reduction.DupFd(self._arrays.descriptor) if places else None
        return _opened, (stream.getvalue(), places, descriptor)


def _opened(job: bytes, places: list[tuple[int, int]], descriptor: Any) -> Job:
    buffers: list[memoryview] = []
    if places:
        number = descriptor.detach()
        try:
            memory = memoryview(mmap.mmap(number, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE))
        finally:
            os.close(number)
        buffers = [memory[start : start + size] for start, size in places]
    opened: Job = pickle.loads(job, buffers=buffers)
    return opened
