"""Seeds of random draws: the caller's, checked, or a fresh one."""

from __future__ import annotations

import os
import random

import numpy as np

from tql.errors import ArgumentError

_fresh = random.Random()  # of the system's randomness, which is slow to ask for with every query
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fresh.seed)


def resolve_seed(seed: int | None) -> int:
    """The seed to draw with.

    Raises:
        ArgumentError: if it is no integer from 0 to 2^64 - 1.
    """
    if seed is None:
        return _fresh.getrandbits(63)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= int(seed) < 1 << 64:
        raise ArgumentError(f"a seed must be an integer from 0 to 2^64 - 1, got {seed!r}")
    return int(seed)
