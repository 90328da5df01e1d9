"""The dataloader's face: an immutable chain of calls, and iteration over its batches."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace as with_changes
from types import TracebackType
from typing import Any, Self

import numpy as np

from tql.errors import ArgumentError
from tql.loader.config import Batching, Config, LoaderView, Output, Shuffling
from tql.loader.pipeline import run
from tql.loader.schedule import Draw
from tql.loader.seeds import resolve_seed
from tql.loader.source import Source
from tql.loader.stages.fetch import DecodeMethod
from tql.loader.stages.transform import ColumnTransform, SampleTransform
from tql.loader.to_torch import require_torch
from tql.loader.weights import Weights, check_size, drawn_rows, resolve_weights
from tql.loader.workers import WorkerSet

Batches = Generator[Any, None, None]


class DataLoader:
    """Batches of a view's rows.

    Every call of the chain returns a new loader and leaves this one as it is; the calls may come in any
    order. Iterating gives one epoch; iterating again gives the next one, in a new order from the same seed
    where the loader shuffles or samples. Without `batch` a batch has one row; without `numpy` or `pytorch`
    batches are NumPy.

    A batch is a dict of column name to array (or tensor) [B, ...] where the rows have one shape, else to a
    list of B arrays; text, JSON and stored bytes are lists of B values.

    Example:
        >>> loader = view.dataloader(seed=1).shuffle().batch(64, drop_last=True).pytorch()
        >>> for batch in loader:
        ...     batch["images"], batch["labels"], batch["index"]
    """

    def __init__(self, view: LoaderView, *, seed: int = 0) -> None:
        """A loader over the rows of a view.

        Args:
            view: a dataset or a view of it.
            seed: of every shuffle and sample of the chain that is given none of its own.
        """
        self._set(Config(view, resolve_seed(seed)))

    def _set(self, config: Config) -> None:
        config.check()
        self._config = config
        self._epoch = 0
        self._iterators: weakref.WeakSet[Batches] = weakref.WeakSet()
        self._workers: WorkerSet | None = None
        self._workers_busy = False

    def _with(self, **changes: Any) -> DataLoader:
        loader = object.__new__(type(self))
        loader._set(with_changes(self._config, **changes))
        return loader

    # --- the chain -----------------------------------------------------------------------------------------

    def batch(self, batch_size: int, drop_last: bool = False) -> DataLoader:
        """Put `batch_size` rows into a batch (per process, where the loader is distributed).

        Args:
            batch_size: rows per batch, at least 1.
            drop_last: leave out the last batch if it is not full.

        Raises:
            ArgumentError: a second call, or `batch_size` < 1.
        """
        self._once("batch", self._config.batching)
        return self._with(batching=Batching(check_integer("batch_size", batch_size, 1), bool(drop_last)))

    def shuffle(
        self, shuffle: bool = True, buffer_size: float = 2048, *, seed: int | None = None
    ) -> DataLoader:
        """Hand over the rows in random order, another one in each epoch.

        The order is a uniformly random permutation. Only rows that storage can't read one by one (compressed
        chunks), and that do not fit into the buffer, are shuffled in blocks instead: chunks in random order,
        and rows in random order within windows of `buffer_size`.

        Args:
            shuffle: False makes this call do nothing.
            buffer_size: megabytes (10**6 bytes) of decoded rows.
            seed: None takes the loader's.

        Raises:
            ArgumentError: a second call, a view whose order was chosen (ORDER BY, an index list out of
                order), or `buffer_size` <= 0.
        """
        self._once("shuffle", self._config.shuffling)
        if isinstance(buffer_size, bool) or not isinstance(buffer_size, (int, float, np.number)):
            raise ArgumentError(f"buffer_size must be a number of megabytes, got {buffer_size!r}")
        if not buffer_size > 0:
            raise ArgumentError(f"buffer_size must be positive, got {buffer_size}")
        seed = None if seed is None else resolve_seed(seed)
        return self._with(shuffling=Shuffling(bool(shuffle), float(buffer_size), seed))

    def transform(
        self, transform: Callable[..., Any] | Mapping[str, Callable[[Any], Any] | None], **kwargs: Any
    ) -> DataLoader:
        """Apply Python functions to single samples.

        Args:
            transform: a callable that gets a dict of column name to NumPy value (and of "index" to the row
                number where the loader returns it) and gives the sample; or a dict of column name to a
                callable on the column's value, None for unchanged. The dict's keys choose the columns.
            **kwargs: arguments of every call of the callable.

        Raises:
            ArgumentError: a second call, keyword arguments beside a dict, or something that can't be called.
            UnknownColumnError: a key that is no column.
        """
        self._once("transform", self._config.transform)
        if not isinstance(transform, Mapping):
            _check_callable("transform", transform)
            return self._with(transform=SampleTransform(transform, kwargs))
        if kwargs:
            raise ArgumentError(
                f"keyword arguments need a single callable, got a dict and {', '.join(kwargs)}",
                hint="bind them with functools.partial",
            )
        for column, function in transform.items():
            if function is not None:
                _check_callable(f"transform of column {column!r}", function)
        return self._with(transform=ColumnTransform(dict(transform)))

    def query(
        self, text: str, *, params: Sequence[Any] = (), sources: Mapping[str, Source] | None = None
    ) -> DataLoader:
        """Run a TQL query on the rows that the loader holds so far.

        After `sample_by` these are the rows of its first epoch, in every epoch.

        Args:
            text: the query.
            params: values for `?`.
            sources: datasets and views by the names that FROM uses.

        Raises:
            TQLError: a mistake in the query.
            ArgumentError: an order chosen by the query in a loader that shuffles.
        """
        view = self._fixed_view().query(text, params=params, sources=sources, seed=self._config.seed)
        return self._with(view=view, draw=None)

    def sample_by(
        self, weights: Weights, replace: bool = True, size: int | None = None, *, seed: int | None = None
    ) -> DataLoader:
        """Draw rows by weight, anew in each epoch. The first epoch has the rows of `view.sample_by`.

        Args:
            weights: a TQL weight expression (`"max_weight(labels == 5: 10, true: 1)"`), a column
                (`"labels"`), or a list, tuple or 1-D array with one number per row.
            replace: whether a row may be drawn more than once.
            size: rows per epoch; None draws as many as there are. With `replace=False` at most the rows of
                positive weight come, with a warning where these are fewer.
            seed: None takes the loader's.

        Raises:
            ArgumentError: `size` < 0, or an array of the wrong length or rank or with a negative, NaN or
                infinite entry.
            TQLError: a mistake in the expression.
        """
        view = self._fixed_view()
        wanted = check_size(size, len(view))
        values = resolve_weights(view, weights, wanted)
        rows = drawn_rows(values, wanted, bool(replace))
        seed = self._config.seed if seed is None else resolve_seed(seed)
        return self._with(view=view, draw=Draw(values, rows, bool(replace), seed))

    def numpy(
        self,
        num_workers: int = 0,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        decode_method: Mapping[str, DecodeMethod] | None = None,
        persistent_workers: bool = False,
    ) -> DataLoader:
        """Hand over NumPy arrays.

        Args:
            num_workers: processes that make whole batches; 0 makes them in this one. The batches are the
                same.
            tensors: the columns to read; None reads all.
            num_threads: decoding threads per process; None shares all cores among the processes.
            prefetch_factor: batches under way ahead of the consumer, per process.
            decode_method: column to "numpy" (default), "tobytes" (the stored bytes) or "pil" (a Pillow
                image, for samples stored as jpeg or png).
            persistent_workers: keep the processes between epochs, until `close`.

        Raises:
            ArgumentError: after `numpy` or `pytorch`, or for an unusable value.
            UnknownColumnError: a name that is no column.
        """
        self._first_output("numpy")
        output = _output(
            num_workers, tensors, num_threads, prefetch_factor, decode_method, persistent_workers
        )
        return self._with(output=output)

    def pytorch(
        self,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        distributed: bool = False,
        return_index: bool = True,
        decode_method: Mapping[str, DecodeMethod] | None = None,
        persistent_workers: bool = False,
    ) -> DataLoader:
        """Hand over torch tensors.

        Types that torch lacks are widened: uint16 to int32, uint32 to int64, uint64 to int64 where it fits.

        Args:
            num_workers: see `numpy`.
            collate_fn: makes a batch from the list of its samples (dicts of NumPy values, or what the
                transform returned). None stacks what has one shape and makes lists of the rest.
            tensors: see `numpy`.
            num_threads: see `numpy`.
            prefetch_factor: see `numpy`.
            distributed: give each process its part of every global batch, by `torch.distributed`, else by the
                environment variables RANK and WORLD_SIZE. All processes run the same number of steps.
            return_index: put each row's number in the dataset under the key "index", int64 [B].
            decode_method: see `numpy`.
            persistent_workers: see `numpy`.

        Raises:
            ArgumentError: after `numpy` or `pytorch`, or for an unusable value.
            UnknownColumnError: a name that is no column.
            MissingDependencyError: torch is not installed.
        """
        self._first_output("pytorch")
        require_torch()
        if collate_fn is not None:
            _check_callable("collate_fn", collate_fn)
        output = _output(
            num_workers, tensors, num_threads, prefetch_factor, decode_method, persistent_workers
        )
        output = with_changes(
            output,
            face="torch",
            collate_fn=collate_fn,
            distributed=bool(distributed),
            return_index=bool(return_index),
        )
        return self._with(output=output)

    def _once(self, call: str, already: object) -> None:
        if already is not None:
            raise ArgumentError(
                f"{call}() was already called on this loader",
                hint="every call returns a new loader: call it on the loader before that one",
            )

    def _first_output(self, call: str) -> None:
        if self._config.output is not None:
            before = "pytorch" if self._config.output.face == "torch" else "numpy"
            raise ArgumentError(
                f"{call}() after {before}(): a loader hands over one kind of batch",
                hint="every call returns a new loader: call it on the loader before that one",
            )

    def _fixed_view(self) -> LoaderView:
        """The rows so far; rows that are drawn anew in each epoch are those of the first one."""
        config = self._config
        if config.draw is None:
            return config.view
        draw = config.draw
        return config.view.sample_by(draw.weights, draw.replace, draw.size, seed=draw.seed)

    # --- iteration -----------------------------------------------------------------------------------------

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
        there.
        """
        self._epoch = check_integer("epoch", epoch, 0)

    def __iter__(self) -> Iterator[Any]:
        """The batches of the next epoch. Several iterations may be under way at once."""
        epoch = self._epoch
        self._epoch += 1
        iterator = self._batches(epoch)
        self._iterators.add(iterator)
        return iterator

    def _batches(self, epoch: int) -> Batches:
        output = self._config.output or Output()
        recipe, schedule = self._config.recipe(), self._config.schedule()
        if schedule.steps == 0:
            return
        if output.workers == 0:
            yield from run(recipe, schedule, epoch, output.prefetch)
        elif output.persistent_workers and not self._workers_busy:
            if self._workers is None:
                self._workers = WorkerSet(recipe, schedule, output.workers, output.prefetch, epoch)
            self._workers_busy = True
            try:
                yield from self._workers.batches(epoch)
            finally:
                self._workers_busy = False
        else:
            workers = WorkerSet(recipe, schedule, min(output.workers, schedule.steps), output.prefetch, epoch)
            try:
                yield from workers.batches(epoch)
            finally:
                workers.close()

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
        return {"config": self._config, "epoch": self._epoch}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(state["config"])
        self._epoch = state["epoch"]

    def __repr__(self) -> str:
        batching, output = self._config.batching or Batching(), self._config.output or Output()
        order = "shuffled, " if self._config.shuffling is not None and self._config.shuffling.enabled else ""
        drawn = "" if self._config.draw is None else f"{self._config.draw.size} drawn of "
        return f"DataLoader({drawn}{len(self.view)} rows, {order}batches of {batching.size}, {output.face})"


def check_integer(name: str, value: Any, least: int | None = None) -> int:
    """An integer argument.

    Raises:
        ArgumentError: it is no integer, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentError(f"{name} must be an integer, got {value!r}")
    if least is not None and value < least:
        raise ArgumentError(f"{name} must be at least {least}, got {value}")
    return int(value)


def _check_callable(name: str, value: object) -> None:
    if not callable(value):
        raise ArgumentError(f"{name} must be callable, got {value!r}")


def _output(
    num_workers: int,
    tensors: Sequence[str] | None,
    num_threads: int | None,
    prefetch_factor: int,
    decode_method: Mapping[str, DecodeMethod] | None,
    persistent_workers: bool,
) -> Output:
    if tensors is not None and isinstance(tensors, str):
        raise ArgumentError(f"tensors must be a list of column names, got {tensors!r}")
    if decode_method is not None and not isinstance(decode_method, Mapping):
        raise ArgumentError(f"decode_method must be a dict of column name to method, got {decode_method!r}")
    return Output(
        workers=check_integer("num_workers", num_workers, 0),
        tensors=None if tensors is None else tuple(dict.fromkeys(tensors)),
        threads=None if num_threads is None else check_integer("num_threads", num_threads, 1),
        prefetch=check_integer("prefetch_factor", prefetch_factor, 1),
        decode_method=dict(decode_method or {}),
        persistent_workers=bool(persistent_workers),
    )
