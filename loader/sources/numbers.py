"""Python numbers to NumPy arrays of a given dtype, without ever changing a value silently.

A float column takes the nearest value; everything else has to be held exactly. Bools are no numbers.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.sources.misfit import MisfitError, shown
from tql.types import Type

_INTEGERS = (int, np.integer)
_NUMBERS = (int, float, np.integer, np.floating)
_BOOLS = (bool, np.bool_)


def to_numbers(values: Sequence[Any] | NDArray[Any], type_: Type) -> NDArray[Any]:
    """Values as a 1-d array of the element kind of a type; None gives 0.

    Args:
        values: numbers, bools, or names of classes.
        type_: a numeric type, of whatever shape.

    Raises:
        MisfitError: a value that the element kind can't hold.
    """
    if type_.class_names is not None:
        values = _classes(values, type_.class_names)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return _converted(values, type_)
    kinds = set(map(type, values))  # what is plain Python is checked as a whole
    if type_.element == "bool":
        return np.array(values, bool) if kinds <= {bool} else _bools(values)
    if type_.is_float and kinds <= {float}:
        return _converted(np.array(values, np.float64), type_)
    if type_.is_integer and kinds == {int}:
        limits = np.iinfo(type_.numpy_dtype())
        if limits.min <= min(values) and max(values) <= limits.max:
            return np.array(values, type_.numpy_dtype())
    return _integers(values, type_) if type_.is_integer else _floats(values, type_)


def _bools(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    for index, value in enumerate(values):
        if not isinstance(value, _BOOLS):
            raise MisfitError(index, f"{shown(value)}, which is no bool")
    return np.array(values, bool)


def _integers(values: Sequence[Any] | NDArray[Any], type_: Type) -> NDArray[Any]:
    limits = np.iinfo(type_.numpy_dtype())
    low, high = int(limits.min), int(limits.max)
    integers: list[int] = []
    for index, value in enumerate(values):
        if isinstance(value, _BOOLS) or not isinstance(value, _NUMBERS) or value != value // 1:
            raise MisfitError(index, f"{shown(value)}, which is no integer")
        if not low <= value <= high:
            raise MisfitError(
                index, f"{shown(value)}, which does not fit into {type_.element} ({low} to {high})"
            )
        integers.append(int(value))
    return np.array(integers, type_.numpy_dtype())


def _floats(values: Sequence[Any] | NDArray[Any], type_: Type) -> NDArray[Any]:
    for index, value in enumerate(values):
        if isinstance(value, _BOOLS) or not isinstance(value, _NUMBERS):
            raise MisfitError(index, f"{shown(value)}, which is no number")
    try:
        exact = np.array(values, np.float64)
    except OverflowError:
        index = next(i for i, value in enumerate(values) if isinstance(value, int) and abs(value) >= 2**1024)
        raise MisfitError(index, f"{shown(values[index])}, which does not fit into {type_.element}") from None
    return _converted(exact, type_)


def _converted(array: NDArray[Any], type_: Type) -> NDArray[Any]:
    """An array of another dtype as one of this, if every value survives."""
    wanted = type_.numpy_dtype()
    if array.dtype == wanted:
        return array
    if len(array) and (array.dtype.kind == "b") != (wanted.kind == "b"):
        raise MisfitError(
            0, f"{shown(array[0].item())}, which is no {'bool' if wanted.kind == 'b' else 'number'}"
        )
    with np.errstate(all="ignore"):
        converted = array.astype(wanted)
    wrong = _changed(array, converted)
    if wrong.any():
        index = int(wrong.argmax())
        raise MisfitError(index, f"{shown(array[index].item())}, which does not fit into {type_.element}")
    return converted


def _changed(array: NDArray[Any], converted: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a conversion gave something else: bool, of the same shape."""
    wrong: NDArray[np.bool_]
    if converted.dtype.kind == "f":
        wrong = np.isinf(converted) & np.isfinite(array)
        return wrong
    limits = np.iinfo(converted.dtype)
    if array.dtype.kind == "f":
        wide = array.astype(np.float64)
        wrong = ~((wide == np.floor(wide)) & (wide >= float(limits.min)) & (wide < float(limits.max) + 1))
        return wrong
    own = np.iinfo(array.dtype)
    low, high = max(limits.min, own.min), min(limits.max, own.max)
    wrong = (array < array.dtype.type(low)) | (array > array.dtype.type(high))
    return wrong


def _classes(values: Sequence[Any] | NDArray[Any], names: Sequence[str]) -> list[Any]:
    """Names of classes as their indices; indices are checked."""
    index_of = {name: index for index, name in enumerate(names)}
    indices: list[Any] = []
    for place, value in enumerate(values):
        if isinstance(value, str):
            index = index_of.get(value)
            if index is None:
                near = difflib.get_close_matches(value, names, n=3)
                raise MisfitError(place, f"{shown(value)}, which is no class", near)
            indices.append(index)
            continue
        if isinstance(value, _NUMBERS) and not isinstance(value, _BOOLS) and not 0 <= value < len(names):
            raise MisfitError(place, f"{shown(value)}, but there are {len(names)} classes")
        indices.append(value)
    return indices
