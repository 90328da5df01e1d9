"""What is wrong with a Python value that its column can't hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LONGEST = 60


class MisfitError(Exception):
    """A value that its type can't hold.

    Attributes:
        index: place among the values, from 0.
        reason: what the value is, as in "300, which does not fit into int8".
        candidates: near names, best first.
    """

    def __init__(self, index: int, reason: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason
        self.candidates = tuple(candidates)


def shown(value: Any) -> str:
    """A value in a message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
