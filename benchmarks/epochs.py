"""Whole epochs of loaders, taken in turns: how long they take, and how fast they are once they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import timing

_FIRST, _LAST = 8, 5  # batches at both ends that do not count as steady: starting, and what was made ahead


@dataclass(frozen=True)
class Epoch:
    """Seconds of an epoch, and the seconds that it would take at its steady pace."""

    whole: float
    steady: float


def run(batches: Iterable[Any]) -> Epoch:
    """One epoch. Between the first and the last batches, as many are handed over as are made."""
    start = time.perf_counter()
    at = []
    for _ in batches:
        at.append(time.perf_counter())
    whole = time.perf_counter() - start
    if len(at) <= 2 * (_FIRST + _LAST):
        return Epoch(whole, float("nan"))
    steady = (at[-1 - _LAST] - at[_FIRST]) / (len(at) - 1 - _LAST - _FIRST) * len(at)
    return Epoch(whole, steady)


def first_batch(loader: Iterable[Any]) -> float:
    """Seconds until the first batch is there."""
    start = time.perf_counter()
    iterator = iter(loader)
    next(iterator)
    taken = time.perf_counter() - start
    del iterator
    return taken


def compare(
    title: str, rows: int, contenders: Mapping[str, Callable[[], Epoch | float]], bare: str, rounds: int
) -> None:
    """Print rows a second of all contenders, the fastest of `rounds`, and their share of `bare`.

    Args:
        title: of the table.
        rows: of an epoch.
        contenders: give an epoch, or seconds where there is no start to speak of.
        bare: what the others are compared with.
        rounds: each runs once per round.
    """
    paces: dict[str, list[float]] = {name: [] for name in contenders}

    def timed(name: str) -> float:
        taken = contenders[name]()
        if isinstance(taken, float):
            taken = Epoch(taken, taken)
        paces[name].append(taken.steady)
        return taken.whole

    timings = timing.interleave({name: (lambda name=name: timed(name)) for name in contenders}, rounds=rounds)
    print(f"\n{title}; shares are those of {bare}")
    width = max(map(len, timings))
    base = timings[bare].fastest
    for name, taken in timings.items():
        spread = f"[{taken.fastest * 1e3:,.1f} .. {taken.slowest * 1e3:,.1f} ms]"
        pace = base / min(paces[name][1:])  # without the round that warms up
        steady = "   too few" if np.isnan(pace) else f"{pace:6.0%} steady"
        share = f"{base / taken.fastest:6.0%} whole"
        print(
            f"  {name:<{width}}  {rows / taken.fastest:12,.0f} rows/s  {share}  {steady}  {spread}",
            flush=True,
        )
