"""Tables of every type of column, with the values that break things: limits, NaN, empty arrays, NULL."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from reference import Table
from tql.types import ELEMENTS, NUMBERS, Element, Type

CLASS_NAMES = ("cat", "dog", "owl")
STRINGS = ("", "a", "b", "ab", "B", "a*b", "ä", "it's", "a\nb")
_FLOATS = (0.0, -0.0, 0.5, 1.0, -1.5, 2.0, 3.0, float("nan"), float("inf"), float("-inf"))
_IN_ARRAYS: tuple[Element, ...] = ("bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64")
_NULLABLE: tuple[Element, ...] = ("bool", "int64", "uint8", "float32", "float64", "text")

TYPES: tuple[Type, ...] = (
    Type("bool"),
    *(Type(element) for element in ELEMENTS if element in NUMBERS),
    *(Type(element, nullable=True) for element in _NULLABLE),
    *[Type("text")] * 3,
    *[Type("int32", class_names=CLASS_NAMES)] * 2,
    Type("uint8", (1,), class_names=CLASS_NAMES),
    Type("int32", (None,), class_names=CLASS_NAMES),
    *[Type("text", (None,))] * 2,
    *(Type(element, (1,)) for element in _IN_ARRAYS[3:]),
    *(Type(element, (None,)) for element in _IN_ARRAYS),
    *(Type(element, (2,)) for element in _IN_ARRAYS),
    *(Type(element, (None, 2)) for element in _IN_ARRAYS[-2:]),
    Type("uint8", (None, None)),
    Type("int16", (2, 2)),
    Type("float64", (2, 2)),
    *[Type("json", nullable=True)] * 3,
)
"""What a column may be; what stands here several times is chosen more often."""


_SCALARS = st.sampled_from([0, 1, 2, -1, 1.5, 1.0, "", "a", "b", "ab", True, False, None])
_LISTS = st.lists(st.sampled_from([0, 1, 2, 1.5]), max_size=3)
_TEXTS = st.lists(st.sampled_from(STRINGS), max_size=2)
_OBJECTS = st.fixed_dictionaries({}, optional={"b": _SCALARS})
DOCUMENTS: st.SearchStrategy[Any] = st.one_of(
    *[st.fixed_dictionaries({}, optional={"a": _SCALARS, "l": _LISTS | _TEXTS, "o": _OBJECTS})] * 4,
    _SCALARS,
    _LISTS,
)
"""JSON; most documents are objects that may have the keys `a` (a scalar), `l` (a list), `o` (an object)."""


def elements(type_: Type) -> st.SearchStrategy[Any]:
    """One element of a column of this type."""
    if type_.class_names is not None:
        return st.integers(0, len(type_.class_names) - 1)
    if type_.element == "bool":
        return st.booleans()
    if type_.element == "text":
        return st.sampled_from(STRINGS)
    if type_.is_float:
        return st.sampled_from(_FLOATS)
    limits = np.iinfo(type_.element)
    small = st.integers(max(-3, limits.min), 5)
    return st.one_of(small, small, small, st.sampled_from([limits.min, limits.max, 100]))


@st.composite
def cells(draw: st.DrawFn, type_: Type) -> Any:
    """One row of a column of this type."""
    if type_.nullable and draw(st.integers(0, 3)) == 0:
        return None
    if type_.element == "json":
        return draw(DOCUMENTS)
    if type_.is_scalar:
        return draw(elements(type_))
    assert type_.shape is not None
    shape = [draw(st.integers(0, 3)) if extent is None else extent for extent in type_.shape]
    size = int(np.prod(shape))
    flat = draw(st.lists(elements(type_), min_size=size, max_size=size))
    array = np.empty(size, dtype=type_.numpy_dtype())
    array[:] = flat
    return array.reshape(shape)


@st.composite
def tables(draw: st.DrawFn, min_rows: int = 0, max_rows: int = 9, prefix: str = "") -> Table:
    """A table of three to seven columns; `id` is always there and counts the rows.

    Args:
        draw: of the strategy.
        min_rows: at least.
        max_rows: at most.
        prefix: of every name.
    """
    types = draw(st.lists(st.sampled_from(TYPES), min_size=2, max_size=6))
    rows = draw(st.integers(min_rows, max_rows))
    columns: dict[str, tuple[Type, Any]] = {f"{prefix}id": (Type("int64"), list(range(rows)))}
    for number, type_ in enumerate(types):
        columns[f"{prefix}c{number}"] = (type_, draw(st.lists(cells(type_), min_size=rows, max_size=rows)))
    return Table(columns)
