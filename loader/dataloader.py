"""The dataloader's face: an immutable chain of calls, and iteration over its batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as with_changes
from typing import Any, Literal

import numpy as np

from tql.errors import ArgumentError
from tql.loader.config import Batching, Config, LoaderView, Shuffling
from tql.loader.iterable import IterableLoader
from tql.loader.output import check_callable, check_integer, make_output
from tql.loader.schedule import Draw
from tql.loader.seeds import resolve_seed
from tql.loader.source import Source
from tql.loader.stages.fetch import DecodeMethod
from tql.loader.stages.native import ImageSteps, column_steps, image_column, is_native
from tql.loader.stages.pad import Pad
from tql.loader.stages.repair import OnError
from tql.loader.stages.transform import ImageTransform, SampleTransform, column_transform
from tql.loader.weights import Weights, check_size, drawn_rows, resolve_weights, weighed_by

_CALLS = {"numpy": "numpy", "torch": "pytorch"}


class DataLoader(IterableLoader):
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
        super().__init__(Config(view, resolve_seed(seed)))

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
        self, transform: Callable[..., Any] | ImageSteps | Mapping[str, Any], **kwargs: Any
    ) -> DataLoader:
        """Apply Python functions to single samples, or transforms of `tql.transforms` to images.

        Args:
            transform: a callable that gets a dict of column name to NumPy value (and of "index" to the row
                number where the loader returns it) and gives the sample; or a dict of column name to a
                callable on the column's value, to image transforms (one, a `Compose` or a list, in which
                callables on the image may stand too), or to None for unchanged. The dict's keys choose the
                columns. Image transforms without a dict are for the only image column.
            **kwargs: arguments of every call of the callable.

        Raises:
            ArgumentError: a second call, keyword arguments beside a dict, or something that can't be called.
            UnknownColumnError: a key that is no column.
        """
        self._once("transform", self._config.transform)
        if is_native(transform) and not kwargs:
            column = image_column(self._config.view.schema)
            return self._with(transform=ImageTransform(column, column_steps(transform)))
        if not isinstance(transform, Mapping):
            if not callable(transform):
                raise ArgumentError(f"transform must be callable, got {transform!r}")
            return self._with(transform=SampleTransform(transform, kwargs))
        if kwargs:
            raise ArgumentError(
                f"keyword arguments need a single callable, got a dict and {', '.join(kwargs)}",
                hint="bind them with functools.partial",
            )
        for column, function in transform.items():
            if function is not None and not is_native(function):
                check_callable(f"transform of column {column!r}", function)
        return self._with(transform=column_transform(transform))

    def offset(self, rows: int) -> DataLoader:
        """Leave out the first `rows` rows of the first epoch, over all processes.

        Raises:
            ArgumentError: a second call, or `rows` < 0.
        """
        self._once("offset", self._config.offset)
        return self._with(offset=check_integer("offset", rows, 0))

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
        draw = Draw(values, rows, bool(replace), seed, weighed_by(view, weights, rows))
        return self._with(view=view, draw=draw)

    def numpy(
        self,
        num_workers: int = 0,
        tensors: Sequence[str] | None = None,
        num_threads: int | None = None,
        prefetch_factor: int = 2,
        decode_method: Mapping[str, DecodeMethod] | None = None,
        persistent_workers: bool = False,
        *,
        return_index: bool = False,
        distributed: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        on_error: OnError | None = None,
        ignore_errors: bool = False,
        pad: Pad = None,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: Any = None,
        timeout: float | None = None,
        verbose: bool = False,
    ) -> DataLoader:
        """Hand over NumPy arrays.

        Args:
            num_workers: processes that make whole batches; 0 makes them in this one. The batches are the
                same.
            tensors: the columns to read; None reads all.
            num_threads: decoding threads per process; None shares all cores among the processes of this
                machine (LOCAL_WORLD_SIZE says how many ranks there are).
            prefetch_factor: batches under way ahead of the consumer, per process.
            decode_method: column to "numpy" (default), "tobytes" (the stored bytes), "pil" (a Pillow image,
                for samples stored as jpeg or png) or "data" (Python values of JSON, lists and texts).
            persistent_workers: keep the processes between epochs, until `close`.
            return_index: put each row's number in the dataset under the key "index", int64 [B].
            distributed: give each process its part of every global batch, by `torch.distributed`, else by the
                environment variables RANK and WORLD_SIZE. All processes run the same number of steps.
            rank: of this process among those that share the rows, where that is not what `distributed` says;
                goes with `world_size`.
            world_size: number of these processes.
            on_error: what becomes of a row that can't be read: "raise" an error that names it (default),
                "skip" it (another row of the epoch takes its place, so that all ranks stay in step) or
                "replace" its value by zeros or an empty text. `errors` lists such rows.
            ignore_errors: the same as `on_error="skip"`.
            pad: a number that fills up rows of different shapes to one, or a dict of column name to number.
                Otherwise such rows are a list.
            worker_init_fn: called in each worker with its number before its first batch.
            multiprocessing_context: "fork", "spawn", "forkserver", or a context of multiprocessing.
            timeout: seconds that a worker may take for a batch; None or 0 for no limit.
            verbose: print to stderr after each epoch where the time went (see `stats`).

        Raises:
            ArgumentError: after `numpy` or `pytorch`, or for an unusable value.
            UnknownColumnError: a name that is no column.
        """
        return self._handing_over("numpy", locals())

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
        *,
        rank: int | None = None,
        world_size: int | None = None,
        on_error: OnError | None = None,
        ignore_errors: bool = False,
        pad: Pad = None,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: Any = None,
        timeout: float | None = None,
        pin_memory: bool = False,
        device: Any = None,
        verbose: bool = False,
    ) -> DataLoader:
        """Hand over torch tensors.

        Types that torch lacks are widened: uint16 to int32, uint32 to int64, uint64 to int64 where it fits.

        Args:
            collate_fn: makes a batch from the list of its samples (dicts of NumPy values, or what the
                transform returned). None stacks what has one shape and makes lists of the rest.
            pin_memory: put the tensors into page-locked memory, from which copies to a GPU are fast.
            device: copy the tensors to this device, on a stream of its own, one batch ahead of the consumer.

        The others are those of `numpy`; `return_index` is True unless it is said otherwise.

        Raises:
            ArgumentError: after `numpy` or `pytorch`, or for an unusable value.
            UnknownColumnError: a name that is no column.
            MissingDependencyError: torch is not installed.
        """
        return self._handing_over("torch", locals())

    def _with(self, **changes: Any) -> DataLoader:
        loader = object.__new__(type(self))
        IterableLoader.__init__(loader, with_changes(self._config, **changes))
        return loader

    def _once(self, call: str, already: object) -> None:
        if already is not None:
            raise ArgumentError(
                f"{call}() was already called on this loader",
                hint="every call returns a new loader: call it on the loader before that one",
            )

    def _handing_over(self, face: Literal["numpy", "torch"], arguments: dict[str, Any]) -> DataLoader:
        """With the arguments of `numpy` or `pytorch`, by name: the names are the same all the way down."""
        if self._config.output is not None:
            before, call = (_CALLS[each] for each in (self._config.output.face, face))
            raise ArgumentError(
                f"{call}() after {before}(): a loader hands over one kind of batch",
                hint="every call returns a new loader: call it on the loader before that one",
            )
        given = {name: value for name, value in arguments.items() if name != "self"}
        return self._with(output=make_output(face, **given))

    def _fixed_view(self) -> LoaderView:
        """The rows so far; rows that are drawn anew in each epoch are those of the first one."""
        config = self._config
        if config.draw is None:
            return config.view
        draw = config.draw
        weights = draw.weights if draw.weighed_by is None else draw.weighed_by.expression
        return config.view.sample_by(weights, draw.replace, draw.size, seed=draw.seed)
