"""What a chain of loader calls asks for, as data, and the checks on how the calls go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError, UnknownColumnError
from tql.loader import fingerprint
from tql.loader.output import Output, local_cores
from tql.loader.pipeline import INDEX, Recipe
from tql.loader.schedule import BlockShuffle, Draw, ExactShuffle, Schedule, Share
from tql.loader.source import Source
from tql.loader.stages.fetch import ColumnRead, DecodeMethod, Rows
from tql.loader.stages.native import check_image_column
from tql.loader.stages.read import is_costly
from tql.loader.stages.transform import ColumnTransform, SampleTransform, Transform, steps_of
from tql.loader.to_torch import distributed_share
from tql.loader.weights import Weights
from tql.planner.suggest import listing, near_names
from tql.schema import Schema

_MEGABYTE = 10**6
_METHODS: tuple[DecodeMethod, ...] = ("numpy", "tobytes", "pil", "data")
_TOGETHER_BYTES = 4 << 20  # of small batches that are read together
_TOGETHER_BATCHES = 64
_BUFFER = 2048  # megabytes, where the loader does not shuffle
_IMAGE_FILES = ("jpeg", "png")
_READ_ONE_BY_ONE = (None, *_IMAGE_FILES)  # encodings whose rows can be read without their neighbours


class LoaderView(Rows, Protocol):
    """What a loader needs of a view, beside its rows."""

    def __len__(self) -> int: ...
    @property
    def order_chosen(self) -> bool:
        """Whether the caller chose the order of the rows."""
        ...

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]: ...
    def weights_for(self, text: str, /) -> NDArray[np.float64]: ...
    def query(
        self,
        text: str,
        *,
        params: Sequence[Any] = (),
        sources: Mapping[str, Source] | None = None,
        seed: int | None = None,
    ) -> Self: ...
    def sample_by(
        self, weights: Weights, replace: bool = True, size: int | None = None, *, seed: int | None = None
    ) -> Self: ...


@dataclass(frozen=True)
class Batching:
    """Arguments of `batch`."""

    size: int = 1
    drop_last: bool = False


@dataclass(frozen=True)
class Shuffling:
    """Arguments of `shuffle`; `seed` None takes the loader's."""

    enabled: bool
    buffer_size: float
    seed: int | None


@dataclass(frozen=True, eq=False)
class Config:
    """Everything that a loader was asked for. None stands for a call that was not made."""

    view: LoaderView
    seed: int = 0
    batching: Batching | None = None
    shuffling: Shuffling | None = None
    transform: Transform | None = None
    draw: Draw | None = None
    output: Output | None = None
    offset: int | None = None

    def check(self) -> None:
        """Check what depends on more than one call.

        Raises:
            ArgumentError: calls that do not go together.
            UnknownColumnError: a column that the view does not have.
        """
        self._check_order()
        schema, output = self.view.schema, self.output or Output()
        if output.tensors is not None:
            check_columns(output.tensors, schema)
        if isinstance(self.transform, ColumnTransform):
            check_columns(self.transform.functions, schema)
            if output.tensors is not None and set(output.tensors) != set(self.transform.functions):
                raise ArgumentError(
                    "tensors= and the keys of the transform name different columns: "
                    f"{_quoted(output.tensors)} and {_quoted(self.transform.functions)}",
                    hint="leave out tensors=: the keys of the transform choose the columns",
                )
        self._check_decoding(output)
        self._check_pad(output)
        self._check_images(output)
        if output.return_index and INDEX in self.columns:
            raise ArgumentError(
                "return_index=True would replace the column named 'index'",
                hint="pass return_index=False, or leave the column out with tensors=",
            )

    def _check_order(self) -> None:
        if (
            self.shuffling is not None
            and self.shuffling.enabled
            and self.draw is None
            and self.view.order_chosen
        ):
            raise ArgumentError(
                "shuffle() would throw away the order that was chosen for these rows",
                hint="leave out shuffle() to keep it, or leave out ORDER BY (sort the index list) to shuffle",
            )

    def _check_decoding(self, output: Output) -> None:
        schema = self.view.schema
        check_columns(output.decode_method, schema)
        for column, method in output.decode_method.items():
            if method not in _METHODS:
                raise ArgumentError(
                    f"decode_method of column '{column}' must be one of {_quoted(_METHODS)}, got {method!r}"
                )
            if method == "pil" and (encoding := schema[column].encoding) not in _IMAGE_FILES:
                stored = "without compression" if encoding is None else f"as {encoding}"
                raise ArgumentError(
                    "decode_method 'pil' needs samples stored as jpeg or png, "
                    f"column '{column}' is stored {stored}",
                    hint=f"use decode_method={{'{column}': 'numpy'}}",
                )
            type_ = schema[column].type
            if method == "data" and type_.is_numeric and not type_.sequence:
                raise ArgumentError(
                    "decode_method 'data' gives JSON, lists and texts as Python values, "
                    f"column '{column}' is {type_}",
                    hint=f"use decode_method={{'{column}': 'numpy'}}",
                )

    def _check_pad(self, output: Output) -> None:
        if not isinstance(output.pad, Mapping) or isinstance(self.transform, SampleTransform):
            return  # such a transform may return what is no column
        check_columns(output.pad, self.view.schema)
        for column in output.pad:
            type_ = self.view.schema[column].type
            if self.transform is None and not type_.is_numeric:
                raise ArgumentError(f"pad= is for columns of numbers, column '{column}' is {type_}")

    def _check_images(self, output: Output) -> None:
        """Native transforms: on images, and on arrays of them."""
        for column in steps_of(self.transform):
            check_columns([column], self.view.schema)
            check_image_column(self.view.schema[column])
            if (method := output.decode_method.get(column, "numpy")) != "numpy":
                raise ArgumentError(
                    f"image transforms of column '{column}' need decode_method 'numpy', got {method!r}"
                )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, in the order of the batch."""
        if isinstance(self.transform, ColumnTransform):
            return tuple(self.transform.functions)
        if self.output is not None and self.output.tensors is not None:
            return self.output.tensors
        return tuple(self.view.schema)

    def recipe(self) -> Recipe:
        """How batches are made."""
        output = self.output or Output()
        processes = max(1, output.processes.number)
        reads = self._reads
        for_rows = self._buffer_for_rows
        return Recipe(
            self.view,
            reads,
            output.face,
            self.transform,
            output.collate_fn,
            output.return_index,
            output.threads or max(1, local_cores() // processes),
            self.seed,
            output.on_error,
            output.pad,
            for_rows // processes // max(1, self._kept_bytes),
            (self._buffer_bytes - for_rows) // processes,
            1 if output.processes.number else self._together(reads),
        )

    @property
    def _reads(self) -> tuple[ColumnRead, ...]:
        methods = self.output.decode_method if self.output is not None else {}
        steps = steps_of(self.transform)
        return tuple(ColumnRead(name, methods.get(name, "numpy"), steps.get(name)) for name in self.columns)

    @property
    def _buffer_bytes(self) -> int:
        return int((self.shuffling.buffer_size if self.shuffling is not None else _BUFFER) * _MEGABYTE)

    def _together(self, reads: Sequence[ColumnRead]) -> int:
        """How many batches are read together: as many as are small, where nothing is done to single rows."""
        output, batching = self.output or Output(), self.batching or Batching()
        fields = [self.view.schema[read.name] for read in reads]
        plain = all(
            read.method == "numpy"
            and field.encoding is None
            and field.type.is_fixed
            and field.type.is_numeric
            for read, field in zip(reads, fields, strict=True)
        )
        if not plain or any(field.type.nullable for field in fields):
            return 1
        if self.transform is not None or output.collate_fn is not None:
            return 1
        batch_bytes = batching.size * max(1, sum(field.row_bytes for field in fields))
        return max(1, min(_TOGETHER_BATCHES, _TOGETHER_BYTES // batch_bytes))

    @property
    def _buffer_for_rows(self) -> int:
        """The part of the buffer that is for rows that come again; the rest is for chunks."""
        return self._buffer_bytes // 2 if self._kept_bytes else 0

    @property
    def _kept_bytes(self) -> int:
        """What a row takes that comes again: decoded, and as it is stored. 0 if none is kept."""
        drawn = self.draw is not None and self.draw.replace
        if not drawn and not getattr(self.view, "has_repeats", False):
            return 0
        fields = [self.view.schema[read.name] for read in self._reads if is_costly(self.view, read)]
        return sum(
            field.row_bytes + field.row_bytes // (4 if field.encoding in _IMAGE_FILES else 1)
            for field in fields
        )

    def schedule(self) -> Schedule:
        """Which rows come when.

        Raises:
            ArgumentError: distributed=True where rank and world size are unknown.
        """
        batching, output = self.batching or Batching(), self.output or Output()
        share = output.share or (distributed_share() if output.distributed else Share())
        return Schedule(len(self.view), batching.size, batching.drop_last, self.draw, self._shuffle, share)

    @cached_property
    def identity(self) -> dict[str, str]:
        """What the order of rows depends on, as short texts: a state is for a loader of the same identity."""
        sources = getattr(self.view, "sources_below", None) or [self.view]
        draw, shuffle = self.draw, self._shuffle
        identity = {
            "dataset": " ".join(fingerprint.of_source(source) for source in sources),
            "rows": f"{len(self.view)} rows {fingerprint.digest([self.view.indices])}",
            "draw": "none",
            "shuffle": "none",
            "seed": str(self.seed),
        }
        if draw is not None:
            how = "with" if draw.replace else "without"
            weights = fingerprint.digest([draw.weights])
            identity["draw"] = f"{draw.size} {how} replacement by {weights} seed {draw.seed}"
        if shuffle is not None:
            identity["shuffle"] = shuffle.describe()
        return identity

    @cached_property
    def _shuffle(self) -> ExactShuffle | BlockShuffle | None:
        """Exact, unless the rows are many and can be read in groups only."""
        if self.shuffling is None or not self.shuffling.enabled:
            return None
        seed = self.seed if self.shuffling.seed is None else self.shuffling.seed
        fields = [self.view.schema[name] for name in self.columns]
        row_bytes = sum(field.row_bytes for field in fields)
        budget = self._buffer_bytes - self._buffer_for_rows
        grouped = [field.name for field in fields if field.by_chunk or field.encoding not in _READ_ONE_BY_ONE]
        if not grouped or row_bytes * len(self.view) <= budget:
            return ExactShuffle(seed)
        starts = tuple(start for start, _ in self.view.partitions(grouped))
        return BlockShuffle(seed, starts, max(1, budget // row_bytes))


def check_columns(names: Iterable[str], schema: Schema) -> None:
    """Raises UnknownColumnError for the first name that the schema does not have."""
    for name in names:
        if name not in schema:
            raise UnknownColumnError(
                f"no column named {name!r}",
                candidates=near_names(str(name), schema),
                hint=f"columns: {listing(schema)}",
            )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
