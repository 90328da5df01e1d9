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
    """What was measured on a line: seconds; None for what is not installed, not supported or not defined."""

    name: str
    workload: str
    ours: float | None
    peers: dict[str, float | None]
    limit: float | None
    demands: tuple[Demand, ...]

    @property
    def best(self) -> tuple[str, float] | None:
        return self.best_of(())

    def best_of(self, names: tuple[str, ...]) -> tuple[str, float] | None:
        known = [(t, name) for name, t in self.peers.items() if t and name in (names or self.peers)]
        return (min(known)[1], min(known)[0]) if known else None

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
    ours = "not supported yet" if row.ours is None else f"{_milliseconds(row.ours)} ms"
    verdicts = "; ".join(row.verdict(demand) for demand in row.demands)
    return f"{row.name:<4} {row.workload}\n     ours {ours}{limit}\n     {peers}\n     {verdicts}"


def markdown(rows: list[Row], count: int) -> str:
    """The page of the documentation."""
    found = ", ".join(f"{name} {version}" for name, version in versions().items())
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench-query ARGS=--markdown`: median milliseconds of one run in which all take",
        f"turns, on data in memory, {THREADS} threads, {count:,} rows (lists and texts: a quarter, boxes: a",
        "tenth, vectors: a fortieth). Every answer is compared before it is timed. The limit is reading the",
        "columns once.",
        "",
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {found}.",
        "",
        "| | workload | ours | limit | peers | demanded and reached |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    for row in rows:
        peers = ", ".join(f"{name} {_milliseconds(taken)}" for name, taken in row.peers.items())
        ours = "not yet" if row.ours is None else _milliseconds(row.ours)
        limit = "" if row.limit is None else _milliseconds(row.limit)
        verdicts = "; ".join(row.verdict(demand) for demand in row.demands)
        lines.append(f"| {row.name} | {row.workload} | {ours} | {limit} | {peers} | {verdicts} |")
    return "\n".join(lines) + "\n"
