"""Fetch: where the stored bytes of a batch's rows lie. Decodes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column, EncodedRows
from tql.loader.source import Facet
from tql.loader.stages.native import ColumnSteps
from tql.schema import Schema

DecodeMethod = Literal["numpy", "tobytes", "pil", "data"]


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
        encoded: per column the stored bytes; None where the source decodes the rows itself, or where no
            array is wanted.
    """

    slots: Slots
    encoded: dict[ColumnRead, EncodedRows | None]


def fetch(view: Rows, columns: Sequence[ColumnRead], slots: Slots) -> Fetched:
    """Look up the stored bytes of these rows."""
    return Fetched(slots, {column: fetch_column(view, column, slots.positions) for column in columns})


def fetch_column(view: Rows, column: ColumnRead, positions: NDArray[np.int64]) -> EncodedRows | None:
    """The same for one column."""
    return view.encoded(column.name, positions) if column.method == "numpy" else None
