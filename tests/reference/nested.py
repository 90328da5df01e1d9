"""Lists that no array holds: element-wise work entry by entry, and all their elements (section 14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.json_values import number_of
from reference.table import Json, Nested, Value
from reference.values import ShapeConflictError, plain
from tql.types import Element, Type


def gathered(values: Sequence[Value], type_: Type) -> Value:
    """The values of a group's rows as one value: an array if all are there and of one shape."""
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    if type_.is_fixed and type_.element != "json" and len(arrays) == len(values):
        return np.stack(arrays)
    return Nested(tuple(values), 1 + (type_.rank or 0))


def each(function: Callable[..., Value], *operands: Value) -> Value:
    """`function` of the operands; where one is nested, of each of its entries and what stands beside it."""
    nested = [operand for operand in operands if isinstance(operand, Nested)]
    if not nested:
        return function(*operands)
    rank = max(operand.rank for operand in nested)
    length = _common_length([_length(operand) for operand in operands if _rank(operand) == rank])
    columns = [_beside(operand, rank, length) for operand in operands]
    results = tuple(function(*entries) for entries in zip(*columns, strict=True))
    if rank == 1 and results and all(isinstance(x, np.ndarray) and x.ndim == 0 for x in results):
        return np.array(results)  # nothing about these needs a list
    return Nested(results, rank)


def _common_length(lengths: Sequence[int]) -> int:
    others = {length for length in lengths if length != 1}
    if len(others) > 1:
        raise ShapeConflictError(f"lists of different lengths: {sorted(others)}")
    return others.pop() if others else 1


def _rank(operand: Value) -> int:
    if isinstance(operand, Nested):
        return operand.rank
    return operand.ndim if isinstance(operand, np.ndarray) else 0


def _length(operand: Value) -> int:
    assert isinstance(operand, Nested | np.ndarray)
    return len(operand.entries if isinstance(operand, Nested) else operand)


def _beside(operand: Value, rank: int, length: int) -> list[Value]:
    """What of an operand stands beside each of `length` entries."""
    if _rank(operand) > rank or (isinstance(operand, Nested) and operand.rank < rank):
        raise ShapeConflictError("lists of different depths")
    if _rank(operand) < rank:
        return [operand] * length
    if isinstance(operand, Nested):
        entries = list(operand.entries)
    else:
        assert isinstance(operand, np.ndarray)
        entries = [np.asarray(item) for item in operand]
    return entries * length if len(entries) == 1 else entries


def flattened(value: Value, element: Element) -> NDArray[Any] | None:
    """All elements in a row, without NULL ones; of JSON the numbers, NULL if something else is among them."""
    if not isinstance(value, Nested):
        return plain(value)
    pieces: list[NDArray[Any]] = []
    for entry in value.entries:
        number = number_of(entry) if isinstance(entry, Json) else plain(entry)
        if number is not None:
            pieces.append(number.reshape(-1))
        elif isinstance(entry, Json):
            return None
    dtype = np.dtype("float64" if element == "json" else object if element == "text" else element)
    return np.concatenate([np.zeros(0, dtype), *pieces])
