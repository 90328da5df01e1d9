"""The type of a column from its Python values, where none is given."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from types import NoneType
from typing import Any

import numpy as np

from tql.loader.sources.conversion import is_list
from tql.loader.sources.misfit import MisfitError, shown
from tql.types import Element, Type, element_of_dtype

Place = tuple[int, Any]
"""A row and a value in it."""

_INT64 = np.iinfo(np.int64)
_UINT64 = np.iinfo(np.uint64)


def infer(values: Sequence[Any]) -> Type:
    """The type that holds all values; whether some are None does not matter.

    int, float, bool, str and bytes are int64 (uint64 where needed), float64, bool, text and bytes; NumPy
    values keep their dtype. Lists are arrays or `text[]`, and nested where a row has None in it or parts of
    different lengths. A dict anywhere makes the column json. Nothing at all is float64, as NumPy has it.

    Raises:
        MisfitError: the values have no type in common.
    """
    plain = _plain(values)
    if plain is not None:
        return plain
    given = [(row, value) for row, value in enumerate(values) if value is not None]
    if any(_holds_dict(value) for _, value in given):
        return Type("json")
    lists = [is_list(value) for _, value in given]
    if not any(lists):
        return Type(_element(given))
    if not all(lists):
        raise _beside(given[0], given[lists.index(not lists[0])])
    if all(_shape(value) is not None for _, value in given):
        return _array(given)
    entries = [(row, entry) for row, value in given for entry in value if entry is not None]
    irregular = next((place for place in entries if _shape(place[1]) is None), None)
    if irregular is not None:
        raise MisfitError(
            irregular[0], f"{shown(irregular[1])}, a part that is no array: such rows are 'json'"
        )
    inner = _array(entries)
    assert inner.shape is not None
    return Type(inner.element, (None, *inner.shape), sequence=inner.sequence + 1, nested=1)


_PLAIN: dict[frozenset[type], Element] = {
    frozenset({int}): "int64",
    frozenset({float}): "float64",
    frozenset({int, float}): "float64",
    frozenset({bool}): "bool",
    frozenset({str}): "text",
    frozenset({bytes}): "bytes",
}


def _plain(values: Sequence[Any]) -> Type | None:
    """The type of what is most common, found fast: Python scalars, or lists of them. None for all else."""
    kinds = set(map(type, values)) - {NoneType}
    if kinds == {dict}:
        return Type("json")
    if kinds == {list}:
        lists = [value for value in values if value is not None]
        entry = _plain(list(itertools.chain.from_iterable(lists)))
        if entry is None or entry.shape != () or entry.element == "json":
            return None
        if any(None in value for value in lists):
            return Type(entry.element, (None,), sequence=1, nested=1)
        sizes = set(map(len, lists))
        size = sizes.pop() if len(sizes) == 1 and entry.is_numeric else None
        return Type(entry.element, (size,), sequence=int(not entry.is_numeric))
    element = _PLAIN.get(frozenset(kinds))
    if element is None:
        return None
    if int in kinds:
        integers = [value for value in values if type(value) is int]
        if not _INT64.min <= min(integers) <= max(integers) <= _INT64.max:
            return None
    return Type(element)


def _holds_dict(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_dict(item) for item in value)
    return isinstance(value, dict)


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of an array or scalar, None where parts differ or one is None."""
    if not is_list(value):
        return None if value is None else ()
    if isinstance(value, np.ndarray) and value.dtype != object:
        return tuple(value.shape)
    shapes = {_shape(item) for item in value}
    if not shapes:
        return (0,)
    first = shapes.pop()
    return None if shapes or first is None else (len(value), *first)


def _array(places: Sequence[Place]) -> Type:
    """The type of scalars or arrays of one rank; an empty list fits every rank."""
    shapes = [_shape(value) or () for _, value in places]
    rank = max(map(len, shapes), default=0)
    for place, shape in zip(places, shapes, strict=True):
        if len(shape) < rank and 0 not in shape:
            raise _beside(next(p for p, s in zip(places, shapes, strict=True) if len(s) == rank), place)
    element = _element([(row, leaf) for row, value in places for leaf in _leaves(value)])
    if element in ("text", "bytes") and rank > 0:
        if rank > 1:
            row = next(row for (row, _), shape in zip(places, shapes, strict=True) if len(shape) == rank)
            raise MisfitError(row, f"an array of texts of rank {rank}: a list of texts has one axis")
        return Type(element, (None,), sequence=True)
    extents = [{shape[axis] for shape in shapes if len(shape) > axis} for axis in range(rank)]
    return Type(element, tuple(one.pop() if len(one) == 1 and 0 not in one else None for one in extents))


def _leaves(value: Any) -> Iterator[Any]:
    """The scalars of a value; an array that has a dtype counts as one."""
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _element(places: Sequence[Place]) -> Element:
    """The element kind of scalars (or arrays that stand for theirs)."""
    first: dict[str, Place] = {}
    dtypes: set[np.dtype[Any]] = set()
    low = high = 0
    for row, value in places:
        kind, dtype = _kind(row, value)
        first.setdefault(kind, (row, value))
        if len(first) > 1:
            earlier, _ = first.values()
            raise _beside(earlier, (row, value))
        if dtype is not None:
            dtypes.add(dtype)
        if isinstance(value, int) and not isinstance(value, bool):
            low, high = min(low, value), max(high, value)
            if (
                not _INT64.min <= value <= (_UINT64.max if low >= 0 else _INT64.max)
                or low < 0 < high > _INT64.max
            ):
                raise MisfitError(row, f"{shown(value)}, which does not fit into 64 bits")
    if not first:
        return "float64"
    kind = next(iter(first))
    if kind != "a number":
        return _WORDS[kind]
    if high > _INT64.max:
        dtypes = {np.dtype(np.uint64) if dtype == np.int64 else dtype for dtype in dtypes}
    element = element_of_dtype(np.result_type(*dtypes))
    assert element is not None
    return element


_WORDS: dict[str, Element] = {"a bool": "bool", "a text": "text", "bytes": "bytes"}


def _kind(row: int, value: Any) -> tuple[str, np.dtype[Any] | None]:
    if isinstance(value, str):
        return "a text", None
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes", None
    if isinstance(value, bool | np.bool_):
        return "a bool", None
    if isinstance(value, int):
        return "a number", np.dtype(np.int64)
    if isinstance(value, float | np.generic | np.ndarray):
        dtype = np.dtype(np.float64) if not isinstance(value, np.generic | np.ndarray) else value.dtype
        element = element_of_dtype(dtype)
        if element == "bool":
            return "a bool", None
        if element == "text":
            return "a text", None
        if element is not None:
            return "a number", dtype
    raise MisfitError(row, f"{shown(value)} of type {type(value).__name__}, which no column holds")


def _beside(first: Place, odd: Place) -> MisfitError:
    return MisfitError(
        odd[0], f"{shown(odd[1])}, and {shown(first[1])} in row {first[0]}: there is only 'json' for both"
    )
