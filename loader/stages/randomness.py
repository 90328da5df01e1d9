"""The random numbers that a caller's functions take from numpy, random and torch.

They are seeded batch by batch, by the place of the batch in the epoch, so that no two batches are augmented
alike and the number of workers, or a stop and a resumption in between, makes no difference.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tql.loader.to_torch import restored_torch, seed_torch


def seed_libraries(seed: int, epoch: int, place: int) -> None:
    """Seed this process for the batch whose first row stands at `place` of the epoch."""
    state = np.random.SeedSequence([seed, epoch, place]).generate_state(4)
    np.random.seed(state)
    random.seed(state.tobytes())
    seed_torch(int(state[0]))


@contextmanager
def seeded_libraries(seed: int, epoch: int, place: int) -> Iterator[None]:
    """Inside, the libraries are seeded for the batch; afterwards they go on as if nothing had happened."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    with restored_torch():
        seed_libraries(seed, epoch, place)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
