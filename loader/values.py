"""What indexing a view gives: the rows of a column as one NumPy array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column
from tql.loader.to_numpy import column_values
from tql.types import Type


def column_array(column: Column, type_: Type) -> NDArray[Any]:
    """The rows of an engine column.

    Returns:
        An array [n, ...] for rows of one shape, masked where a numeric row is NULL; otherwise an object array
        [n] of arrays, str, lists or JSON values, None for NULL.
    """
    if len(column) == 0 and type_.is_numeric:
        extents = tuple(extent or 0 for extent in type_.shape or ())
        return np.zeros((0, *extents), type_.numpy_dtype())
    if column.layout == "dense" and column.validity is not None:
        values = column.values
        missing = ~column.validity.reshape(-1, *[1] * (values.ndim - 1))
        return np.ma.MaskedArray(values.copy(), mask=np.broadcast_to(missing, values.shape))
    rows = column_values(column, type_)
    if isinstance(rows, np.ndarray):
        return rows
    boxed = np.empty(len(rows), dtype=object)
    for position, row in enumerate(rows):  # assigning the list at once would unpack rows of one shape
        boxed[position] = row
    return boxed
