"""Section 6: LIKE patterns, matched by trying every way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class _Any:
    """`*` and `%`: any run of characters, also none."""


@dataclass(frozen=True)
class _One:
    """`?`: exactly one character."""


@dataclass(frozen=True)
class _Among:
    """One character: a plain one, or one of a class `[a-c]`."""

    ranges: tuple[tuple[str, str], ...]


_Part = _Any | _One | _Among


def like(text: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """Whether the whole of `text` matches `pattern`."""
    if ignore_case:
        text, pattern = text.lower(), pattern.lower()
    return _matches(text, _parts(pattern))


def _parts(pattern: str) -> list[_Part]:
    parts: list[_Part] = []
    i = 0
    while i < len(pattern):
        char = pattern[i]
        closing = pattern.find("]", i + 1)
        if char in "*%":
            parts.append(_Any())
        elif char == "?":
            parts.append(_One())
        elif char == "\\" and i + 1 < len(pattern):
            i += 1
            parts.append(_plain(pattern[i]))
        elif char == "[" and closing > 0:
            parts.append(_Among(tuple(_ranges(pattern[i + 1 : closing]))))
            i = closing
        else:
            parts.append(_plain(char))
        i += 1
    return parts


def _plain(char: str) -> _Among:
    return _Among(((char, char),))


def _ranges(members: str) -> list[tuple[str, str]]:
    ranges = []
    i = 0
    while i < len(members):
        if i + 2 < len(members) and members[i + 1] == "-":
            ranges.append((members[i], members[i + 2]))
            i += 3
        else:
            ranges.append((members[i], members[i]))
            i += 1
    return ranges


def _matches(text: str, parts: Sequence[_Part]) -> bool:
    if not parts:
        return text == ""
    first, rest = parts[0], parts[1:]
    match first:
        case _Any():
            return any(_matches(text[i:], rest) for i in range(len(text) + 1))
        case _One():
            return text != "" and _matches(text[1:], rest)
        case _Among(ranges):
            found = text != "" and any(low <= text[0] <= high for low, high in ranges)
            return found and _matches(text[1:], rest)
