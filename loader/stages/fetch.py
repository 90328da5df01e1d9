"""Fetch: where the stored bytes of a batch's rows lie. Decodes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column, EncodedRows, FixedRows
from tql.loader.source import Facet, fixed
from tql.loader.stages.native import ColumnSteps
from tql.schema import Schema

DecodeMethod = Literal["numpy", "tobytes", "pil", "data"]
StoredRows: TypeAlias = EncodedRows | FixedRows


class Rows(Protocol):
    """What the stages read: a view. Positions count within it."""

    @property
    def schema(self) -> Schema: ...
    @property
    def indices(self) -> NDArray[np.int64]: ...
    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> Column: ...
    def encoded(self, column: str, rows: NDArray[np.int64]) -> EncodedRows | None: ...
    def stored_bytes(self, column: str, row: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class ColumnRead:
    """One column of a batch and the form in which its rows are wanted; `steps` are done to its images."""

    name: str
    method: DecodeMethod = "numpy"
    steps: ColumnSteps | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """What the slots of a batch hold.

    Attributes:
        positions: of their rows in the view, int64 [slots].
        places: where they stand in the order of the epoch over all processes, int64 [slots]; with the epoch
            the key of all random numbers.
        epoch: its number.
    """

    positions: NDArray[np.int64]
    places: NDArray[np.int64]
    epoch: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """The rows of a batch before decoding.

    Attributes:
        slots: of the batch.
        stored: per column the stored bytes; None where the source decodes the rows itself, or where no
            array is wanted.
    """

    slots: Slots
    stored: dict[ColumnRead, StoredRows | None]


def fetch(view: Rows, columns: Sequence[ColumnRead], slots: Slots) -> Fetched:
    """Look up the stored bytes of these rows."""
    return Fetched(slots, {column: fetch_column(view, column, slots.positions) for column in columns})


def fetch_column(view: Rows, column: ColumnRead, positions: NDArray[np.int64]) -> EncodedRows | None:
    """The same for one column."""
    return view.encoded(column.name, positions) if column.method == "numpy" else None


def fixed_rows(view: Rows, column: ColumnRead, positions: NDArray[np.int64]) -> FixedRows | None:
    """The same where rows are in memory as they are wanted, and need only be copied; None where they are not,
    or where something is done to them.
    """
    if column.method != "numpy" or column.steps is not None:
        return None
    return fixed(view, column.name, positions)


def row_numbers(view: Rows, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of the underlying dataset at each position, int64 [n], in an array that nobody else holds."""
    numbers: Callable[[Rows, NDArray[np.int64]], NDArray[np.int64]] | None
    numbers = getattr(type(view), "numbers", None)
    return view.indices[positions] if numbers is None else numbers(view, positions)
