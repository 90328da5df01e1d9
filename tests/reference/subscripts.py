"""Section 9: subscripts and slices, by the Python rules; section 10: steps into JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.json_values import wrapped
from reference.table import Json, Nested, Value
from reference.values import plain, single
from tql.errors import QueryValueError, ShapeError

Item = Value | slice
"""An evaluated index (None: the index itself was NULL) or slice."""


def subscript(operand: Value, items: Sequence[Item]) -> Value:
    """`operand[items]`. An index out of range, or NULL, gives NULL."""
    if operand is None:
        return None
    if isinstance(operand, Json):
        for item in items:
            operand = _step(operand, item)
        return operand
    if isinstance(operand, Nested):
        return _of_list(operand, items)
    if len(items) > operand.ndim:
        raise ShapeError(f"too many subscripts for an array of rank {operand.ndim}: {len(items)}")
    axis = 0
    result = operand
    for item in items:
        if isinstance(item, slice):
            result = _along(result, axis, list(range(result.shape[axis]))[item])
            axis += 1
            continue
        if item is None:
            return None
        index = plain(item)
        assert index is not None
        if index.ndim == 1:  # gathers
            positions = [_position(i, result.shape[axis]) for i in index.tolist()]
            if None in positions:
                return None
            result = _along(result, axis, [p for p in positions if p is not None])
            axis += 1
            continue
        scalar = single(index)
        position = None if scalar is None else _position(int(scalar), result.shape[axis])
        if position is None:
            return None
        result = np.asarray(result.take(position, axis=axis), dtype=result.dtype)
    return result


def make_slice(start: Value, stop: Value, step: Value, given: tuple[bool, bool, bool]) -> slice | None:
    """A slice of evaluated bounds; None if a given bound is NULL."""
    bounds: list[int | None] = []
    for value, is_given in zip((start, stop, step), given, strict=True):
        scalar = single(value)
        if is_given and scalar is None:
            return None
        bounds.append(None if scalar is None else int(scalar))
    if bounds[2] == 0:
        raise QueryValueError("the step of a slice is 0")
    return slice(*bounds)


def _of_list(operand: Nested, items: Sequence[Item]) -> Value:
    first, rest = items[0], items[1:]
    if isinstance(first, slice):
        if rest:
            raise ShapeError("only one subscript after a list that no array holds")
        return Nested(operand.entries[first], operand.rank)
    scalar = single(first)
    position = None if scalar is None else _position(int(scalar), len(operand.entries))
    entry = None if position is None else operand.entries[position]
    return subscript(entry, rest) if rest else entry


def _position(index: int, extent: int) -> int | None:
    """The position an index means, None if it is out of range."""
    position = index + extent if index < 0 else index
    return position if 0 <= position < extent else None


def _along(array: NDArray[Any], axis: int, positions: list[int]) -> NDArray[Any]:
    return np.take(array, np.array(positions, dtype=np.int64), axis=axis)


def _step(value: Value, item: Item) -> Value:
    """One step into JSON: a key of an object, an index or slice of an array; NULL where there is none."""
    if not isinstance(value, Json) or item is None:
        return None
    if isinstance(item, slice):
        return Json(value.value[item]) if isinstance(value.value, list) else None
    scalar = single(item)
    key = None if scalar is None else scalar.item()
    if isinstance(key, str):
        found = value.value.get(key) if isinstance(value.value, dict) else None
    elif isinstance(value.value, list) and key is not None:
        position = _position(int(key), len(value.value))
        found = None if position is None else value.value[position]
    else:
        found = None
    return wrapped(found)
