"""Where the time of a loader goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Literal

Stage = Literal["storage", "decode", "transform", "collate"]


@dataclass(slots=True)
class Times:
    """Seconds that making batches took, by stage.

    Attributes:
        storage: finding the rows and reading what is read ahead of decoding.
        decode: waiting for the decoding threads, and what Python has to decode itself.
        transform: the caller's functions.
        collate: putting batches together, and the caller's collate_fn.
    """

    storage: float = 0.0
    decode: float = 0.0
    transform: float = 0.0
    collate: float = 0.0

    @contextmanager
    def of(self, stage: Stage) -> Iterator[None]:
        """Add the time that is spent inside to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, stage, getattr(self, stage) + time.perf_counter() - start)

    def add(self, other: Times) -> None:
        """Add the times of another piece of work."""
        self.storage += other.storage
        self.decode += other.decode
        self.transform += other.transform
        self.collate += other.collate


NO_TIME = Times()
"""Of a batch that was made along with another one."""


@dataclass(slots=True)
class LoaderStats:
    """What a loader did since it was made, over all its iterations.

    Attributes:
        batches: handed over.
        rows: in these batches.
        times: seconds of making them, by stage; summed over the worker processes where there are some.
        waiting: seconds that the consumer waited for the loader.
        consumer: seconds that the loader waited for the consumer: the time between two batches.
        workers: processes that made the batches, 0 for none.
    """

    batches: int
    rows: int
    times: Times
    waiting: float
    consumer: float
    workers: int

    @property
    def bottleneck(self) -> str:
        """What to make faster: "consumer", or the stage that took longest while the consumer waited."""
        if self.consumer >= self.waiting:
            return "consumer"
        shares = {name: getattr(self.times, name) for name in Times.__slots__}
        return max(shares, key=lambda name: shares[name])

    def __str__(self) -> str:
        total = self.waiting + self.consumer
        rate = self.rows / total if total else 0.0
        made = sum(astuple(self.times))
        stages = ", ".join(f"{name} {_share(getattr(self.times, name), made)}" for name in Times.__slots__)
        who = f"{self.workers} workers" if self.workers else "the loader"
        return (
            f"{self.batches:,} batches, {self.rows:,} rows in {total:.1f} s: {rate:,.0f} rows/s; "
            f"waiting for the loader {_share(self.waiting, total)}, for the consumer "
            f"{_share(self.consumer, total)}; {who}: {stages}; limited by: {self.bottleneck}"
        )


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "0%"


class Clock:
    """Adds up the statistics of the iterations of a loader."""

    def __init__(self) -> None:
        self._stats = LoaderStats(0, 0, Times(), 0.0, 0.0, 0)

    def batch(self, rows: int, times: Times, waiting: float, consumer: float, workers: int) -> None:
        """Count a batch that is handed over.

        Args:
            rows: of the batch.
            times: of making it.
            waiting: seconds that the consumer waited for it.
            consumer: seconds that the consumer took for the batch before.
            workers: processes.
        """
        stats = self._stats
        stats.batches += 1
        stats.rows += rows
        if times is not NO_TIME:
            stats.times.add(times)
        stats.waiting += waiting
        stats.consumer += consumer
        stats.workers = workers

    def read(self) -> LoaderStats:
        """The statistics so far."""
        stats = self._stats
        times = Times(*astuple(stats.times))
        return LoaderStats(stats.batches, stats.rows, times, stats.waiting, stats.consumer, stats.workers)
