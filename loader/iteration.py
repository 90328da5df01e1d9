"""One iteration over a loader: batches one by one, and the place that it has come to."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Generator
from typing import Any, Self

from tql.errors import RowWarning
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


class Batches:
    """An iterator over the batches of an epoch. Close it, or use it up, to end what works for it."""

    def __init__(
        self,
        made: Generator[Made, None, None],
        schedule: Schedule,
        cursor: Cursor,
        clock: Clock,
        errors: Errors,
        policy: str,
        workers: int,
        verbose: bool,
    ) -> None:
        """See the attributes of DataLoader; `made` gives the batches behind the cursor's place."""
        self._made = made
        self._schedule = schedule
        self._cursor = cursor
        self._start = cursor.rows
        self._taken = 0
        self._clock = clock
        self._errors = errors
        self._policy = policy
        self._workers = workers
        self._report = Clock() if verbose else None
        self._handed_over: float | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        asked = time.perf_counter()
        try:
            made = next(self._made)
        except StopIteration:
            self._finish()
            raise
        self._taken += 1
        self._cursor.rows = self._schedule.rows_behind(self._start, self._taken)
        if made.bad:
            self._errors.add(made.bad, self._policy)
        now = time.perf_counter()
        consumer = 0.0 if self._handed_over is None else asked - self._handed_over
        for clock in (self._clock, self._report):
            if clock is not None:
                clock.batch(made.rows, made.times, now - asked, consumer, self._workers)
        self._handed_over = now
        return made.batch

    def _finish(self) -> None:
        if self._cursor.begun and self._taken == self._schedule.steps_from(self._start):
            if self._report is not None:
                print(f"epoch {self._cursor.epoch}: {self._report.read()}", file=sys.stderr)
            self._cursor.finish()

    def __len__(self) -> int:
        """Batches that are left."""
        return self._schedule.steps_from(self._start) - self._taken

    def close(self) -> None:
        """End the iteration. May be called again."""
        self._made.close()
