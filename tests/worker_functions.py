"""Functions that worker processes import by name, whatever way they are started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np


def doubled(sample: dict[str, Any]) -> dict[str, Any]:
    return {"x": sample["x"] * 2, "noise": np.random.random()}


def failing(sample: dict[str, Any]) -> Any:
    raise LookupError(f"no {sample['x']}")


def failing_collate(samples: list[Any]) -> Any:
    raise ZeroDivisionError("collate")


def note_worker(number: int) -> None:
    Path(os.environ["TQL_TEST_NOTES"], str(number)).write_text(str(os.getpid()))


def failing_init(number: int) -> None:
    raise OSError(f"worker {number} can't be prepared")


def brighter(image: Any) -> Any:
    """An image function that draws a random number for every image."""
    return np.clip(image + np.random.randint(1, 9), 0, 255).astype(np.uint8)


class Counted:
    """Counts the samples of all processes."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter

    def __call__(self, sample: dict[str, Any]) -> Any:
        with self.counter.get_lock():
            self.counter.value += 1
        return sample["x"]


class Scratch:
    """Counts the samples of this process, in an array."""

    def __init__(self, counts: Any) -> None:
        self.counts = counts

    def __call__(self, sample: dict[str, Any]) -> Any:
        self.counts[0] += 1
        return self.counts[0]


def shared_bytes(sample: dict[str, Any]) -> Any:
    """Bytes that this process maps of the memory of its job, and that memory's number (inode)."""
    total, number = 0, 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "tql-job" in line:
            fields = line.split()
            start, stop = (int(end, 16) for end in fields[0].split("-"))
            total, number = total + stop - start, int(fields[4])
    return np.array([total, number])
