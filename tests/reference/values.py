"""Truth, single elements, and shapes that must go together (sections 3 to 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.table import Json, Nested, Value, is_text
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
    """JSON numbers and bools as numbers; other JSON is one opaque object element."""
    assert not isinstance(value, Nested), "a list is worked on entry by entry"
    if not isinstance(value, Json):
        return value
    dtypes = {bool: np.bool_, int: np.int64, float: np.float64}
    array = np.empty((), dtype=dtypes.get(type(value.value), object))
    array[()] = value.value
    return array


def truth_of_elements(value: Value) -> NDArray[Any]:
    """Each element as a condition: non-zero is true (NaN too), NULL is one false scalar."""
    if isinstance(value, Nested):
        truths = [truth_of_elements(entry).reshape(-1) for entry in value.entries]
        return np.concatenate([np.zeros(0, np.bool_), *truths])
    if isinstance(value, Json) and isinstance(value.value, list) and len(value.value) < 2:
        return truth_of_elements(Json(value.value[0]) if value.value else None)
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
    if isinstance(value, Nested):
        if len(value.entries) > 1:
            raise QueryTypeError(f"one value needed, found a list of {len(value.entries)}")
        return single(value.entries[0]) if value.entries else None
    array = plain(value)
    if array is None or array.size == 0:
        return None
    if array.size > 1:
        raise QueryTypeError(f"one value needed, found an array of shape {array.shape}")
    return array.reshape(())
