"""One iteration over a loader: batches one by one, and the place that it has come to."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Self

from tql.errors import RowWarning
from tql.loader.output import Output
from tql.loader.pipeline import Made
from tql.loader.schedule import Schedule
from tql.loader.stages.repair import BadRow
from tql.loader.state import Cursor
from tql.loader.stats import Clock


class Errors:
    """The rows that could not be read, each once, in the order in which they were met."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], BadRow] = {}

    def add(self, bad: tuple[BadRow, ...], policy: str) -> None:
        """Take down rows; the first one is a warning too."""
        if bad and not self._found:
            done = "another row takes its place" if policy == "skip" else "an empty value takes its place"
            warnings.warn(
                f"{bad[0]}: {done}; loader.errors lists all rows that can't be read", RowWarning, stacklevel=4
            )
        for row in bad:
            self._found.setdefault((row.row, row.column), row)

    def rows(self) -> list[BadRow]:
        return list(self._found.values())


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """An epoch that is being read: its batches, and where it has come to."""

    made: Generator[Made, None, None]
    schedule: Schedule
    cursor: Cursor
    start: int


class Batches:
    """An iterator over the batches of an epoch. Close it, or use it up, to end what works for it.

    The epoch is that of the first `next`, not of `iter`: some frameworks call `iter` only to see whether they
    can.

    Args:
        begin: starts the next epoch of the loader.
        ahead: how many batches that one would have.
        clock: of the loader.
        errors: of the loader.
        output: how the loader was asked to work.
    """

    def __init__(
        self,
        begin: Callable[[], Begun],
        ahead: Callable[[], int],
        clock: Clock,
        errors: Errors,
        output: Output,
    ) -> None:
        self._begin = begin
        self._ahead = ahead
        self._begun: Begun | None = None
        self._closed = False
        self._taken = 0
        self._clock = clock
        self._errors = errors
        self._output = output
        self._report = Clock() if output.verbose else None
        self._handed_over: float | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        asked = time.perf_counter()
        if self._closed:
            raise StopIteration
        begun = self._begun
        if begun is None:
            begun = self._begun = self._begin()
        try:
            made = next(begun.made)
        except StopIteration:
            self._finish(begun)
            raise
        self._taken += 1
        begun.cursor.rows = begun.schedule.rows_behind(begun.start, self._taken)
        if made.bad:
            self._errors.add(made.bad, self._output.on_error)
        now = time.perf_counter()
        consumer = 0.0 if self._handed_over is None else asked - self._handed_over
        for clock in (self._clock, self._report):
            if clock is not None:
                clock.batch(made.rows, made.times, now - asked, consumer, self._output.processes.number)
        self._handed_over = now
        return made.batch

    def _finish(self, begun: Begun) -> None:
        if begun.cursor.begun and self._taken == begun.schedule.steps_from(begun.start):
            if self._report is not None:
                print(f"epoch {begun.cursor.epoch}: {self._report.read()}", file=sys.stderr)
            begun.cursor.finish()

    def __len__(self) -> int:
        """Batches that are left."""
        if self._begun is None:
            return self._ahead()
        return self._begun.schedule.steps_from(self._begun.start) - self._taken

    def close(self) -> None:
        """End the iteration. May be called again."""
        self._closed = True
        if self._begun is not None:
            self._begun.made.close()
