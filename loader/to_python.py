"""Engine columns to plain Python values: int, float, bool, str, bytes, lists, JSON values, None for NULL."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from tql._engine import Column
from tql.loader.arrays import list_parts
from tql.loader.to_numpy import column_values
from tql.types import Type


def python_values(column: Column, type_: Type, names: bool = False) -> list[Any]:
    """One value per row.

    Args:
        column: n rows.
        type_: the type of the column.
        names: give the names of classes for their indices; an index without a name stays.
    """
    if column.layout == "list":
        offsets, items = list_parts(column)
        entries = python_values(items, type_.entry, names)
        rows: list[Any] = [entries[start:stop] for start, stop in pairwise(offsets.tolist())]
    elif column.layout == "dense":
        rows = column.values.tolist()
    else:
        rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in column_values(column, type_)]
    if column.validity is not None:
        rows = [row if valid else None for row, valid in zip(rows, column.validity.tolist(), strict=True)]
    if names and type_.class_names is not None and column.layout != "list":
        return [_named(row, type_.class_names) for row in rows]
    return rows


def _named(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value
