"""Amounts of memory as people write and read them."""

from __future__ import annotations

import re

from tql.errors import ArgumentError

_UNITS = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_TEXT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([a-z]*)\s*", re.IGNORECASE)
_MOST = 2**63 - 1


def read_bytes(value: int | str, name: str) -> int:
    """An amount of memory as a number of bytes.

    Args:
        value: bytes, or a text of a number and a unit: "512MB" (10^6), "2GiB" (2^30), "1.5 GB".
        name: of the argument, for the message.

    Raises:
        ArgumentError: for anything else, and for what is not positive.
    """
    amount: float | int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        amount = value
    elif isinstance(value, str) and (found := _TEXT.fullmatch(value)) is not None:
        number, unit = found[1], found[2].lower()
        if unit in _UNITS:
            amount = int(number) * _UNITS[unit] if number.isdigit() else int(float(number) * _UNITS[unit])
    if amount is None or amount <= 0:
        raise ArgumentError(
            f"{name} must be a positive amount of memory: {value!r}",
            hint='give bytes as an int, or a text such as "512MB" or "2GiB"',
        )
    return min(int(amount), _MOST)


def byte_text(number: int) -> str:
    """Bytes with a unit that keeps the number short."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} B"
