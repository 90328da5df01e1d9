"""Rest for Python's cyclic garbage collector while a long query is compiled.

A compiler makes hundreds of thousands of objects and no cycles; the collector would look at all of them again
and again, which takes as long as the rest. Its switch holds for the whole process, so it is turned off only
for texts that are long enough for that to matter, and back on by the last who needed it off.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

LONG = 20_000
"""Characters of a query from which on it pays."""


class _Collector:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resting_for = 0
        self._was_on = False

    @contextmanager
    def resting(self) -> Iterator[None]:
        with self._lock:
            if self._resting_for == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._resting_for += 1
        try:
            yield
        finally:
            with self._lock:
                self._resting_for -= 1
                if self._resting_for == 0 and self._was_on:
                    gc.enable()


_collector = _Collector()


def resting() -> AbstractContextManager[None]:
    """While this is open the collector rests."""
    return _collector.resting()


def at_rest(text: str) -> AbstractContextManager[None]:
    """While this is open the collector rests, if the text is long."""
    return resting() if isinstance(text, str) and len(text) >= LONG else nullcontext()
