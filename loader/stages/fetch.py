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
class Fetched:
    """The rows of a batch before decoding.

    Attributes:
        positions: int64 [rows].
        encoded: per column the stored bytes; None where the source decodes the rows itself, or where no
            array is wanted.
        epoch: for the random numbers of transforms.
    """

    positions: NDArray[np.int64]
    encoded: dict[ColumnRead, EncodedRows | None]
    epoch: int = 0


def fetch(view: Rows, columns: Sequence[ColumnRead], positions: NDArray[np.int64], epoch: int = 0) -> Fetched:
    """Look up the stored bytes of these rows."""
    encoded: dict[ColumnRead, EncodedRows | None] = {
        column: view.encoded(column.name, positions) if column.method == "numpy" else None
        for column in columns
    }
    return Fetched(positions, encoded, epoch)
