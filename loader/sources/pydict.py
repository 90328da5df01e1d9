"""Plain Python values as a dataset in memory."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from tql.column_type import AnyType, ColumnType, named_type
from tql.errors import ArgumentError
from tql.loader.arrays import ArrayRows, encoded
from tql.loader.sources.conversion import to_rows
from tql.loader.sources.inference import infer
from tql.loader.sources.misfit import MisfitError
from tql.loader.sources.numpy import (
    MemoryColumn,
    NumpySource,
    categorical,
    check_lengths,
    check_name,
    convert,
)
from tql.types import Type

if TYPE_CHECKING:
    from tql.loader.dataset import Dataset


def from_pydict(columns: Mapping[str, Iterable[Any]], schema: Mapping[str, AnyType] | None = None) -> Dataset:
    """What `tql.from_pydict` documents."""
    from tql.loader.dataset import Dataset

    declared = dict(schema or {})
    unknown = next((name for name in declared if name not in columns), None)
    if unknown is not None:
        near = difflib.get_close_matches(str(unknown), [str(name) for name in columns], n=2)
        raise ArgumentError(f"the schema has a column that is not there: '{unknown}'", candidates=near)
    made = {name: _column(name, values, declared.get(name)) for name, values in columns.items()}
    check_lengths({name: column.rows for name, column in made.items()})
    return Dataset(NumpySource(made))


def _column(name: Any, values: Iterable[Any], declared: AnyType | None) -> MemoryColumn:
    check_name(name)
    if (
        declared is None
        and isinstance(values, np.ndarray)
        and values.ndim > 0
        and values.dtype.kind in "biuf"
    ):
        return MemoryColumn(*convert(name, values))
    if declared is None and (numbered := categorical(values)) is not None:
        return MemoryColumn(*numbered)
    listed = _values(name, values)
    try:
        wanted = ColumnType(infer(listed)) if declared is None else _column_type(name, declared)
        rows = to_rows(listed, wanted.type)
        if isinstance(rows, ArrayRows) and wanted.type.is_scalar:
            _freeze(rows)
        if wanted.type.element == "text":
            rows = encoded(rows)
    except MisfitError as misfit:
        message = f"column '{name}': row {misfit.index} is {misfit.reason}"
        raise ArgumentError(message, candidates=misfit.candidates) from None
    type_ = replace(wanted.type, nullable=True) if rows.validity is not None else wanted.type
    return MemoryColumn(rows, type_, wanted.index)


def _freeze(rows: ArrayRows) -> None:
    """Numbers made of a list belong to nobody else: that they never change lets zone maps be kept of them."""
    rows.values.flags.writeable = False
    if rows.validity is not None:
        rows.validity.flags.writeable = False


def _values(name: str, values: Any) -> list[Any]:
    """The rows of a column; None for NULL, NumPy's own scalars and arrays for what others make."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ArgumentError(f"column '{name}' must be a list with one value per row, got {values!r}")
    listed = list(values)
    return listed if set(map(type, listed)) <= _PLAIN else [_value(value) for value in listed]


_PLAIN = {NoneType, bool, int, float, str, bytes, list, tuple, dict}


def _value(value: Any) -> Any:
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, np.ndarray):
        return value if value.ndim else value[()]
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        return _value(np.asarray(value))
    return value


def _column_type(name: str, declared: AnyType) -> ColumnType:
    found = named_type(name, declared)
    _check_layout(name, found.type)
    return found


def _check_layout(name: str, type_: Type) -> None:
    """Refuse arrays that no column holds: texts and documents have one axis at most."""
    inner = type_.entry if type_.nested else type_
    if not inner.is_numeric and inner.shape != () and inner.rank != 1:
        raise ArgumentError(f"column '{name}': an array of {inner.element} has one axis, got {type_}")
