"""Seeds of random draws: the caller's, checked, or a fresh one."""

from __future__ import annotations

import secrets

import numpy as np

from tql.errors import ArgumentError


def resolve_seed(seed: int | None) -> int:
    """The seed to draw with.

    Raises:
        ArgumentError: if it is no integer from 0 to 2^64 - 1.
    """
    if seed is None:
        return secrets.randbits(63)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= int(seed) < 1 << 64:
        raise ArgumentError(f"a seed must be an integer from 0 to 2^64 - 1, got {seed!r}")
    return int(seed)
