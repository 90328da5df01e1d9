"""What a cell holds at run time, and tables of such cells.

A value is None (NULL), a `Json` (a nested object of JSON), an ndarray (rank 0 for scalars, dtype object with
`str` elements for text), or `Nested`: a list of values that no array holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.types import Type


@dataclass(frozen=True)
class Json:
    """A JSON value: dict, list, str, bool, int or float, never None (that is NULL)."""

    value: Any


@dataclass(frozen=True)
class Nested:
    """A list of values of one rank that may be NULL, differ in their shapes or be JSON: what GROUP BY makes.

    Attributes:
        entries: the values.
        rank: number of axes, that of the entries counted.
    """

    entries: tuple[Value, ...]
    rank: int


Value = NDArray[Any] | Json | Nested | None


class Table:
    """Named columns of equal length.

    Attributes:
        columns: the type of each column, in schema order.
        cells: the values of each column, one per row.
        num_rows: how many rows there are.
        indexes: "inverted" or "bm25" by column of text that is searched by words.
    """

    def __init__(
        self, columns: Mapping[str, tuple[Type, Sequence[Any]]], indexes: Mapping[str, str] | None = None
    ) -> None:
        """Build from column name -> (type, one Python or NumPy value per row; None is NULL), and its indexes.

        Raises:
            ValueError: if the lengths differ, or a value is not of its column's type.
        """
        self.indexes = dict(indexes or {})
        self.columns: dict[str, Type] = {name: type_ for name, (type_, _) in columns.items()}
        self.cells: dict[str, list[Value]] = {
            name: [cell(value, type_) for value in values] for name, (type_, values) in columns.items()
        }
        lengths = {len(values) for values in self.cells.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")
        self.num_rows = lengths.pop() if lengths else 0


def cell(value: Any, type_: Type) -> Value:
    """A Python value as a cell of a column of this type."""
    if value is None:
        if not type_.nullable:
            raise ValueError(f"NULL in a column of type {type_}")
        return None
    if type_.element == "json":
        return Json(value)
    array = text(value) if type_.element == "text" else np.array(value, dtype=type_.element)
    if type_.shape is not None:
        fits = array.ndim == len(type_.shape) and all(
            expected is None or expected == extent
            for expected, extent in zip(type_.shape, array.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"shape {array.shape} in a column of type {type_}")
    return array


def text(value: Any) -> NDArray[Any]:
    """A string, or nested lists of strings, as an array of `str`."""
    return np.array(value, dtype=object)


def number(value: bool | int | float) -> NDArray[Any]:
    """A literal as a value: bool, int64 (uint64 above 2^63-1) or float64 (section 2)."""
    if isinstance(value, bool):
        return np.array(value, dtype=np.bool_)
    if isinstance(value, int):
        return np.array(value, dtype=np.int64 if value < 2**63 else np.uint64)
    return np.array(value, dtype=np.float64)


def is_text(value: NDArray[Any]) -> bool:
    return value.dtype == object
