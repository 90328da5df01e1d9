"""Decoding of stored rows on the engine's threads, for callers that want the values at once."""

from __future__ import annotations

import threading
from typing import Any

from numpy.typing import NDArray

from tql import _engine

_lock = threading.Lock()
_pool: _engine.DecodePool | None = None


class RowError(ValueError):
    """A row can't be decoded; `row` counts within the batch."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


def decode_rows(rows: _engine.EncodedRows) -> NDArray[Any] | list[NDArray[Any]]:
    """One array [n, *shape] where all shapes are equal, else a list of n arrays.

    Raises:
        RowError: naming the first row that can't be decoded.
    """
    try:
        return _shared_pool().submit(rows).wait()
    except _engine.EngineError as error:
        _, message, row, *_ = error.args
        raise RowError(str(message), int(row)) from None


def _shared_pool() -> _engine.DecodePool:
    global _pool
    with _lock:
        if _pool is None:
            _pool = _engine.DecodePool()
        return _pool
