"""Columns whose rows differ in shape: lists that say how to get one array, or arrays that are filled up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError

Pad = Mapping[str, Any] | float | None
"""The value that ragged columns are filled up with, by column, or one for all."""


class Ragged(list[Any]):
    """The rows of a column, which differ in shape: a list, whose missing attributes say what to do."""

    column = ""

    def __getattr__(self, name: str) -> NoReturn:
        column = self.column or "..."
        raise AttributeError(
            f"the rows of column '{column}' differ in shape, so a batch of them is a list, which has no "
            f"'{name}'; pad={{'{column}': 0}} fills them up to one shape, or give a collate_fn",
            name=name,
            obj=self,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return ragged, (list(self), self.column)


def ragged(rows: Sequence[Any], column: str) -> Ragged:
    """The rows as a list that knows its column."""
    result = Ragged(rows)
    result.column = column
    return result


def pad_value(pad: Pad, column: str) -> Any:
    """What fills the rows of this column; None where they are not to be filled up."""
    return pad.get(column) if isinstance(pad, Mapping) else pad


def padded(rows: Sequence[NDArray[Any]], value: Any, column: str) -> NDArray[Any]:
    """One array [n, ...] of rows that are filled up at their ends to the largest extent along every axis.

    Raises:
        ArgumentError: rows of different ranks, or a value that their dtype does not hold.
    """
    ranks = sorted({row.ndim for row in rows})
    if len(ranks) > 1:
        raise ArgumentError(
            f"pad= needs rows of one rank, those of column '{column}' have ranks "
            f"{' and '.join(map(str, ranks))}"
        )
    dtype = np.result_type(*{row.dtype for row in rows})
    shape = np.max([row.shape for row in rows], axis=0).tolist()
    filled = np.full((len(rows), *shape), _of_dtype(value, dtype, column), dtype)
    for place, row in zip(filled, rows, strict=True):
        place[tuple(slice(extent) for extent in row.shape)] = row
    return filled


def _of_dtype(value: Any, dtype: np.dtype[Any], column: str) -> Any:
    try:
        with np.errstate(all="ignore"):
            converted = np.asarray(value).astype(dtype)
    except (TypeError, ValueError, OverflowError):
        converted = None
    if converted is None or (dtype.kind in "biu" and converted != value):
        raise ArgumentError(f"the pad value of column '{column}' is no {dtype}: {value!r}")
    return converted
