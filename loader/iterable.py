"""What every loader does once it is set up: epochs, state, statistics and an end."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace as with_changes
from types import TracebackType
from typing import Any, Self

import numpy as np

from tql._engine import DecodePool
from tql.errors import ArgumentError
from tql.loader import state as saved
from tql.loader.config import Batching, Config, LoaderView, check_columns
from tql.loader.iteration import Batches, Begun, Errors
from tql.loader.output import Output, check_integer
from tql.loader.pipeline import Made, Recipe, run
from tql.loader.progress import progress as progress_bar
from tql.loader.schedule import Schedule
from tql.loader.shuffle_report import ShuffleReport, report
from tql.loader.stages.repair import BadRow
from tql.loader.stages.reuse import Turns
from tql.loader.state import Cursor, Place
from tql.loader.stats import Clock, LoaderStats
from tql.loader.to_numpy import column_values
from tql.loader.to_torch import require_torch
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
        self._pool: DecodePool | None = None
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
        """The batches of the next epoch, which begins with the first of them. Several iterations may be under
        way at once.
        """
        output = self._config.output or Output()
        iterator = Batches(self._begin, self._ahead, self._clock, self._errors, output)
        self._iterators.add(iterator)
        return iterator

    def _begin(self) -> Begun:
        cursor = self._cursor = Cursor(self._cursor.next)
        cursor.begun = True
        schedule = self._config.schedule()
        return Begun(self._made(schedule, cursor.place), schedule, cursor, cursor.rows)

    def _ahead(self) -> int:
        return self._config.schedule().steps_from(self._cursor.next.rows)

    def turn(self, number: int, of: int) -> Iterator[Any]:
        """Batches `number`, `number` + `of`, ... of the next epoch, made in this process: the part of one of
        several processes that know of each other.
        """
        place = self._cursor.next
        self._cursor = Cursor(place)
        self._cursor.begun = True
        order = self._config.schedule().epoch(place.epoch, place.rows)
        prefetch = (self._config.output or Output()).prefetch
        recipe = self._config.recipe()
        for made in run(recipe, order, prefetch, self._threads(recipe), Turns(number, of)):
            if made.bad:
                self._errors.add(made.bad, (self._config.output or Output()).on_error)
            yield made.batch

    def progress(self, description: str | None = None) -> Iterator[Any]:
        """The batches of the next epoch, with a bar on stderr if that is a terminal."""
        iterator = iter(self)
        with progress_bar(description or f"epoch {self._cursor.next.epoch}", len(iterator)) as advance:
            for batch in iterator:
                yield batch
                advance(1)

    def to_iterable_dataset(self) -> Any:
        """The loader as a `torch.utils.data.IterableDataset` of whole batches, for code that asks for one.

        Give it to torch's DataLoader with `batch_size=None`. With `num_workers` there, call `set_epoch`
        before each epoch: worker processes start from copies. The loader itself needs no such wrapping.

        Raises:
            MissingDependencyError: torch is not installed.
        """
        require_torch()
        from tql.loader.torch_dataset import BatchDataset

        return BatchDataset(self)

    def _made(self, schedule: Schedule, place: Place) -> Generator[Made, None, None]:
        """The batches, on the device where one was asked for."""
        output = self._config.output or Output()
        made = self._made_here(schedule, place)
        if output.pin_memory or output.device is not None:
            from tql.loader.device import copy_ahead, pin_all

            if output.pin_memory:
                made = pin_all(made)
            if output.device is not None:
                made = copy_ahead(made, output.device)
        return made

    def _made_here(self, schedule: Schedule, place: Place) -> Generator[Made, None, None]:
        output = self._config.output or Output()
        recipe, processes = self._config.recipe(), output.processes
        steps = schedule.steps_from(place.rows)
        if steps == 0:
            return
        if processes.number == 0:
            order = schedule.epoch(place.epoch, place.rows)
            yield from run(recipe, order, output.prefetch, self._threads(recipe))
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

    def _threads(self, recipe: Recipe) -> DecodePool:
        """The decoding threads, which stay from epoch to epoch until `close`."""
        if self._pool is None:
            self._pool = DecodePool(recipe.threads)
        return self._pool

    # --- state ---------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as JSON data of about half a kilobyte, whatever the size of the dataset.

        It is the place behind the batch that the iteration begun last has handed over. It holds no order of
        rows and no random state, so it may be loaded by a loader with another batch size, another number of
        workers, or another number of ranks; all ranks of a step have the same.
        """
        rows, place = self._config.schedule().rows_per_epoch, self._cursor.place
        if place.rows > rows:  # by an offset behind the end
            place = Place(place.epoch, rows)
        return saved.dump(place, rows, self._config.identity)

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

    def shuffle_report(self, column: str | None = None, epoch: int = 0) -> ShuffleReport:
        """How well mixed the classes are in the batches of an epoch, over all processes; `str()` says it in a
        sentence. Reads one column, and no images.

        Args:
            column: of the classes, one value per row; None takes the first column with class names.
            epoch: which epoch.

        Raises:
            UnknownColumnError: a name that is no column.
            ArgumentError: no column was given and none has class names; or a column with more than one value
                per row.
        """
        view, schedule = self._config.view, self._config.schedule()
        if column is None:
            labelled = [name for name, field in view.schema.items() if field.type.class_names]
            if not labelled:
                raise ArgumentError(
                    "shuffle_report() needs the column of the classes: none has class names",
                    hint="name one: loader.shuffle_report('label')",
                )
            column = labelled[0]
        check_columns([column], view.schema)
        order = schedule.global_order(epoch)
        values = column_values(view.take(column, "values", order), view.schema.type_of(column))
        rows = np.asarray(values) if isinstance(values, np.ndarray) else np.array(values, dtype=str)
        single = rows.reshape(len(rows)) if rows.size == len(rows) else rows
        return report(column, single, schedule.batch_size * schedule.share.world_size)

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
        if self._pool is not None:
            self._pool.close()
            self._pool = None

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
