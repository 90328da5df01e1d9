"""Room to recurse: what walks a deep tree by recursion runs on a thread of its own, with a stack that fits.

The interpreter's recursion limit holds for all threads at once, so it is raised only while such a thread
runs, and only as far as the depth of its tree asks for.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

SHALLOW = 48
"""Levels of a tree for which every caller's stack has room."""

_DEEPEST = 3000
_FRAMES_PER_LEVEL = 10  # Python's and those of C that it counts; measured: 7
_FRAMES = 1000
_STACK = 64 * 2**20  # bytes; the system hands out only what is used

T = TypeVar("T")


def with_room(levels: int, function: Callable[[], T]) -> T:
    """What `function` returns or raises, wherever it had to run.

    Args:
        levels: depth of the trees that it walks.
        function: is called once, without arguments.

    Raises:
        RecursionError: if even so there is not room enough. No stack overflows.
    """
    if levels <= SHALLOW:
        return function()
    if levels > _DEEPEST:
        raise RecursionError(f"there is no room for a tree of {levels} levels")
    results: list[T] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def work() -> None:
        try:
            with _limit.raised_to(_FRAMES + _FRAMES_PER_LEVEL * levels):
                results.append(context.run(function))
        except BaseException as error:
            errors.append(error)

    _start(work).join()
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # the error's traceback holds this frame
    return results[0]


_starting = threading.Lock()


def _start(work: Callable[[], None]) -> threading.Thread:
    """A running thread with a large stack. The size is a setting of the process, set back at once."""
    thread = threading.Thread(target=work, name="tql-deep-query", daemon=True)
    with _starting:
        usual = threading.stack_size(_STACK)
        try:
            thread.start()
        finally:
            found = threading.stack_size(usual)
            if found != _STACK:  # somebody else has set it since
                threading.stack_size(found)
    return thread


class _RecursionLimit:
    """The interpreter's limit: raised as far as the threads inside ask for, set back by the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._usual = 0
        self._raised = 0

    @contextmanager
    def raised_to(self, limit: int) -> Iterator[None]:
        with self._lock:
            if self._inside == 0:
                self._usual = self._raised = sys.getrecursionlimit()
            self._inside += 1
            if limit > self._raised:
                self._raised = limit
                sys.setrecursionlimit(limit)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                changed_by_others = sys.getrecursionlimit() != self._raised
                if self._inside == 0 and not changed_by_others:
                    sys.setrecursionlimit(self._usual)


_limit = _RecursionLimit()
