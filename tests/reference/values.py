"""Truth, single elements, and shapes that must go together (sections 3 to 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.table import Json, Value, is_text
from tql.errors import QueryTypeError, ShapeError

FALSE = np.array(False)


class ShapeConflictError(ShapeError):
    """Operands of one row that do not broadcast: no match in WHERE, an error everywhere else."""


def broadcast(left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both stretched to one shape by the NumPy rule."""
    try:
        shape = np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise ShapeConflictError(f"shapes do not go together: {left.shape} and {right.shape}") from None
    return np.broadcast_to(left, shape), np.broadcast_to(right, shape)


def plain(value: Value) -> NDArray[Any] | None:
    """JSON scalars and arrays of scalars as arrays; other JSON stays one opaque object element."""
    if not isinstance(value, Json):
        return value
    items = value.value
    if isinstance(items, list) and not any(isinstance(item, list | dict) or item is None for item in items):
        kinds = {type(item) for item in items}
        if kinds == {bool}:
            return np.array(items, dtype=np.bool_)
        if kinds == {int}:
            return np.array(items, dtype=np.int64)
        if kinds and kinds <= {int, float}:
            return np.array(items, dtype=np.float64)
        return opaque(items)
    if isinstance(items, bool):
        return np.array(items, dtype=np.bool_)
    if isinstance(items, int):
        return np.array(items, dtype=np.int64)
    if isinstance(items, float):
        return np.array(items, dtype=np.float64)
    single = np.empty((), dtype=object)
    single[()] = items
    return single


def opaque(items: list[Any]) -> NDArray[Any]:
    """A rank-1 array of arbitrary objects."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def truth_of_elements(value: Value) -> NDArray[Any]:
    """Each element as a condition: non-zero is true (NaN too), NULL is one false scalar."""
    array = plain(value)
    if array is None:
        return FALSE
    if is_text(array):
        raise QueryTypeError("text is not a condition")
    return np.asarray(array != 0)


def condition(value: Value) -> bool:
    """Section 4: the row as a predicate. One element counts, none is false, more are ambiguous."""
    elements = truth_of_elements(value)
    if elements.size == 0:
        return False
    if elements.size > 1:
        raise QueryTypeError("an array is ambiguous as a condition, use ANY or ALL")
    return bool(elements.reshape(()))


def single(value: Value) -> NDArray[Any] | None:
    """Where a scalar is required an array of exactly one element is that element; an empty one is NULL."""
    array = plain(value)
    if array is None or array.size == 0:
        return None
    if array.size > 1:
        raise QueryTypeError(f"one value needed, found an array of shape {array.shape}")
    return array.reshape(())
