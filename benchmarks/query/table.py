"""Runs lines, checks every answer before anything is timed, and shows the results."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any

import limits
import timing

from query.line import THREADS, Demand, Line, NearLimit, Within
from query.peers import versions
from tql.errors import TQLError

_BUDGET = 40.0  # seconds per contender and line: the slowest take minutes for one answer


@dataclass(frozen=True)
class Row:
    """What was measured on a line: median seconds; None for what is not installed, supported or defined.

    Attributes:
        fastest: our fastest round.
        limit: reading the columns once.
    """

    name: str
    workload: str
    ours: float | None
    fastest: float | None
    peers: dict[str, float | None]
    limit: float | None
    demands: tuple[Demand, ...]

    @property
    def best(self) -> tuple[str, float] | None:
        return self.best_of(())

    def best_of(self, names: tuple[str, ...]) -> tuple[str, float] | None:
        known = [(t, name) for name, t in self.peers.items() if t and name in (names or self.peers)]
        return (min(known)[1], min(known)[0]) if known else None

    @property
    def beside(self) -> str:
        """How many times as long the best of all peers takes: "4.2x polars"."""
        if self.best is None or self.ours is None:
            return ""
        name, taken = self.best
        return f"{taken / self.ours:.2f}x {name}"

    def verdict(self, demand: Demand) -> str:
        """What was reached of a demand: "2.4 of 3x the best: no"."""
        if self.ours is None:
            return f"? of {demand}"
        if isinstance(demand, Within):
            reached, holds = f"{self.ours * 1e3:.3g}", self.ours <= demand.seconds
        elif isinstance(demand, NearLimit):
            if self.limit is None:
                return f"? of {demand}"
            reached, holds = f"{self.ours / self.limit:.2f}", self.ours <= demand.factor * self.limit
        else:
            best = self.best_of(demand.peers)
            if best is None:
                return f"? of {demand}"
            reached, holds = f"{best[1] / self.ours:.2f}", best[1] / self.ours >= demand.ratio
        return f"{reached} of {demand}: {'yes' if holds else 'no'}"


def check(line: Line) -> str | None:
    """Compare all answers.

    Returns:
        Why there is no answer of ours, where that part of the language is not there yet. Else None.

    Raises:
        AssertionError: a wrong answer; the first of its notes says whose.
    """
    refusal = None
    try:
        _check_one(line, "ours", line.ours)
    except TQLError as error:
        refusal = str(error).splitlines()[0]
    for name, contender in line.peers.items():
        if contender is not None:
            _check_one(line, name, contender)
    return refusal


def _check_one(line: Line, name: str, contender: Any) -> None:
    try:
        line.check(contender.values(contender.run()))
    except AssertionError as error:
        error.add_note(f"{name} on: {line.workload}")
        raise


def measure(name: str, line: Line, rounds: int) -> Row:
    """Check and time a line."""
    refusal = check(line)
    contenders = {name: peer.run for name, peer in line.peers.items() if peer is not None}
    if refusal is None:
        contenders["ours"] = line.ours.run
    timings = timing.interleave(contenders, line.rounds or rounds, budget=_BUDGET)
    return Row(
        name,
        line.workload,
        timings["ours"].median if refusal is None else None,
        timings["ours"].fastest if refusal is None else None,
        {name: timings[name].median if name in timings else None for name in line.peers},
        limits.read_seconds(line.read_bytes, THREADS) if line.read_bytes else None,
        line.demands,
    )


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "missing"
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:,.0f}"


def text(row: Row) -> str:
    """A block of text for a terminal; milliseconds."""
    peers = "  ".join(f"{name} {_milliseconds(taken)}" for name, taken in row.peers.items())
    limit = "" if row.limit is None else f"   [reading once: {_milliseconds(row.limit)}]"
    ours = "not supported yet"
    if row.ours is not None:
        ours = f"{_milliseconds(row.ours)} ms, at best {_milliseconds(row.fastest)}"
    verdicts = "; ".join(row.verdict(demand) for demand in row.demands)
    beside = f"   beside the best peer: {row.beside}" if row.beside else ""
    return f"{row.name:<4} {row.workload}\n     ours {ours}{limit}{beside}\n     {peers}\n     {verdicts}"


def markdown(rows: list[Row], count: int) -> str:
    """The section of the page."""
    found = ", ".join(f"{name} {version}" for name, version in versions().items())
    lines = [
        f"{_processor()}, {THREADS} threads of {os.cpu_count()} cores; {count:,} rows (lists and texts:",
        f"a quarter, boxes: a tenth, vectors: a fortieth); {found}.",
        "",
        "| | workload | ours | limit | peers | best peer | demanded and reached |",
        "| --- | --- | ---: | ---: | --- | ---: | --- |",
    ]
    for row in rows:
        peers = ", ".join(f"{name} {_milliseconds(taken)}" for name, taken in row.peers.items())
        ours = "not yet" if row.ours is None else f"{_milliseconds(row.ours)} [{_milliseconds(row.fastest)}]"
        limit = "" if row.limit is None else _milliseconds(row.limit)
        verdicts = "; ".join(row.verdict(demand) for demand in row.demands)
        lines.append(
            f"| {row.name} | {row.workload} | {ours} | {limit} | {peers} | {row.beside} | {verdicts} |"
        )
    return "\n".join(lines)


def _processor() -> str:
    """What the processor calls itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
