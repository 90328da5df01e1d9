"""Interleaved timing: every contender runs once per round, so a noisy machine hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds of one contender: the median over the rounds, the fastest and the slowest."""

    median: float
    fastest: float
    slowest: float


def interleave(
    contenders: Mapping[str, Callable[[], object]],
    rounds: int = 9,
    warmup: int = 1,
    budget: float = float("inf"),
) -> dict[str, Timing]:
    """Run all contenders in turn, `rounds` times, after `warmup` rounds that do not count.

    A contender that returns a float times itself (in seconds); any other is timed from outside. One that has
    taken more than `budget` seconds in all runs no more, once it has a round that counts.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    spent = dict.fromkeys(contenders, 0.0)
    for number in range(warmup + rounds):
        for name, run in contenders.items():
            if spent[name] > budget and seconds[name]:
                continue
            start = time.perf_counter()
            answer = run()
            passed = time.perf_counter() - start
            taken = answer if isinstance(answer, float) else passed
            del answer  # here, not when the next one overwrites it: freeing it is no work of the next one
            spent[name] += passed
            if number >= warmup:
                seconds[name].append(taken)
    return {name: Timing(statistics.median(s), min(s), max(s)) for name, s in seconds.items()}


def report(title: str, timings: Mapping[str, Timing], ours: str, unit: str = "ms") -> None:
    """Print a table of medians and how many times slower each contender is than ours."""
    scale = {"s": 1.0, "ms": 1e3, "us": 1e6}[unit]
    base = timings[ours].median
    print(f"\n{title}")
    width = max(len(name) for name in timings)
    for name, timing in timings.items():
        ratio = "" if name == ours else f"   {timing.median / base:6.2f} x ours"
        spread = f"[{timing.fastest * scale:.3f} .. {timing.slowest * scale:.3f}]"
        print(f"  {name:<{width}}  {timing.median * scale:10.3f} {unit}  {spread}{ratio}")
