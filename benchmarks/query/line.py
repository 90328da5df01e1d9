"""A line of the table: a workload, who takes part in it, and what is demanded of us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

THREADS = 2


@dataclass(frozen=True)
class Contender:
    """Somebody's way to the answer.

    Attributes:
        run: does the work and returns the answer as the contender gives it; a float is its own timing.
        values: that answer as an array, for the comparison; not timed.
    """

    run: Callable[[], Any]
    values: Callable[[Any], Any] = np.asarray


@dataclass(frozen=True)
class Faster:
    """At least `ratio` times as fast as the best of `peers`; of all of them if it names none."""

    ratio: float
    peers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.ratio:g}x {' and '.join(self.peers) or 'the best'}"


@dataclass(frozen=True)
class Within:
    """At most this many seconds."""

    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds * 1e3:g} ms"


@dataclass(frozen=True)
class NearLimit:
    """At most `factor` times what it takes to read the columns once."""

    factor: float

    def __str__(self) -> str:
        return f"{self.factor:g}x the limit"


Demand = Faster | Within | NearLimit


@dataclass(frozen=True)
class Line:
    """Ours and the peers on one workload.

    Attributes:
        check: raises AssertionError for a wrong answer (in the form that `Contender.values` gives).
        peers: name to contender, None where the peer is not installed.
        read_bytes: size of the columns that have to be read; 0 where memory is not what limits the workload.
        rounds: how often to run; None leaves it to the command line.
    """

    workload: str
    ours: Contender
    check: Callable[[Any], None]
    demands: tuple[Demand, ...]
    peers: Mapping[str, Contender | None] = field(default_factory=dict)
    read_bytes: int = 0
    rounds: int | None = None


def equal(expected: Any) -> Callable[[Any], None]:
    """The check that an answer has these numbers, in this order."""

    def check(answer: Any) -> None:
        np.testing.assert_array_equal(np.asarray(answer), expected)

    return check


def equal_rows(expected: Any) -> Callable[[Any], None]:
    """The check that an answer has these row numbers; not everybody promises an order."""

    def check(answer: Any) -> None:
        np.testing.assert_array_equal(np.sort(np.asarray(answer)), expected)

    return check
