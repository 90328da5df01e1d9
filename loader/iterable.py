"""What every loader does once it is set up: epochs, state, statistics and an end."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Mapping
from dataclasses import replace as with_changes
from types import TracebackType
from typing import Any, Self

from tql.loader import state as saved
from tql.loader.config import Batching, Config, LoaderView
from tql.loader.iteration import Batches, Errors
from tql.loader.output import Output, check_integer
from tql.loader.pipeline import Made, run
from tql.loader.schedule import Schedule
from tql.loader.stages.repair import BadRow
from tql.loader.state import Cursor, Place
from tql.loader.stats import Clock, LoaderStats
from tql.loader.workers import WorkerSet


class IterableLoader:
    """The batches of a configuration, epoch by epoch."""

    def __init__(self, config: Config) -> None:
        config.check()
        self._config = config
        self._cursor = Cursor(Place(0, config.offset or 0))
        self._iterators: weakref.WeakSet[Batches] = weakref.WeakSet()
        self._clock = Clock()
        self._errors = Errors()
        self._workers: WorkerSet | None = None
        self._workers_busy = False

    @property
    def view(self) -> LoaderView:
        """The rows that the loader reads; `sample_by` draws from them in each epoch."""
        return self._config.view

    @property
    def dataset(self) -> LoaderView:
        """The same as `view`, under the name that torch's loaders use."""
        return self._config.view

    def __len__(self) -> int:
        """Batches of an epoch, exactly (in this process, where the loader is distributed)."""
        return self._config.schedule().steps

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of epoch `epoch`, at least 0; the ones after it count on from
        there. In the epoch of a state that was loaded, it goes on where the state says.
        """
        if check_integer("epoch", epoch, 0) != self._cursor.next.epoch:
            self._cursor = Cursor(Place(epoch))

    def __iter__(self) -> Batches:
        """The batches of the next epoch. Several iterations may be under way at once."""
        config, output = self._config, self._config.output or Output()
        cursor = self._cursor = Cursor(self._cursor.next)
        cursor.begun = True
        schedule, place = config.schedule(), cursor.place
        made = self._made(schedule, place)
        iterator = Batches(
            made,
            schedule,
            cursor,
            self._clock,
            self._errors,
            output.on_error,
            output.processes.number,
            output.verbose,
        )
        self._iterators.add(iterator)
        return iterator

    def _made(self, schedule: Schedule, place: Place) -> Generator[Made, None, None]:
        output = self._config.output or Output()
        recipe, processes = self._config.recipe(), output.processes
        steps = schedule.steps_from(place.rows)
        if steps == 0:
            return
        if processes.number == 0:
            yield from run(recipe, schedule.epoch(place.epoch, place.rows), output.prefetch)
        elif processes.persistent and not self._workers_busy:
            if self._workers is None:
                self._workers = WorkerSet(recipe, schedule, processes, output.prefetch, place)
            self._workers_busy = True
            try:
                yield from self._workers.batches(place.epoch, place.rows)
            finally:
                self._workers_busy = False
        else:
            processes = with_changes(processes, number=min(processes.number, steps))
            workers = WorkerSet(recipe, schedule, processes, output.prefetch, place)
            try:
                yield from workers.batches(place.epoch, place.rows)
            finally:
                workers.close()

    # --- state ---------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as JSON data of about half a kilobyte, whatever the size of the dataset.

        It is the place behind the batch that the iteration begun last has handed over. It holds no order of
        rows and no random state, so it may be loaded by a loader with another batch size, another number of
        workers, or another number of ranks; all ranks of a step have the same.
        """
        return saved.dump(self._cursor.place, self._config.schedule().rows_per_epoch, self._config.identity)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Make the next iteration go on where the state was saved: with the rest of that epoch, which has no
        batch if its last one had been handed over already.

        Raises:
            StateError: it is no state, or one of another dataset, query, draw or order; the message says
                which.
        """
        place = saved.load(state, self._config.schedule().rows_per_epoch, self._config.identity)
        self._cursor = Cursor(place)

    # --- what happened -------------------------------------------------------------------------------------

    @property
    def errors(self) -> list[BadRow]:
        """The rows that could not be read so far, with column, chunk and reason; see `on_error`."""
        return self._errors.rows()

    def stats(self) -> LoaderStats:
        """Where the time went so far: storage, decoding, transforms, collating, or the consumer."""
        return self._clock.read()

    # --- the end -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the iterations that are under way, their threads and the worker processes.

        May be called again, and the loader may be iterated afterwards.
        """
        for iterator in list(self._iterators):
            iterator.close()
        if self._workers is not None:
            self._workers.close()
            self._workers = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self._config, "place": self._cursor.next}

    def __setstate__(self, state: dict[str, Any]) -> None:
        IterableLoader.__init__(self, state["config"])
        self._cursor = Cursor(state["place"])

    def __repr__(self) -> str:
        batching, output = self._config.batching or Batching(), self._config.output or Output()
        order = "shuffled, " if self._config.shuffling is not None and self._config.shuffling.enabled else ""
        drawn = "" if self._config.draw is None else f"{self._config.draw.size} drawn of "
        return f"DataLoader({drawn}{len(self.view)} rows, {order}batches of {batching.size}, {output.face})"
