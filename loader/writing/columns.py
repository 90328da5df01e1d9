"""The values that `append` and `extend` are given, checked against the tensors of the dataset."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tql.errors import ArgumentError, UnknownColumnError
from tql.loader.writing.sample import Sample
from tql.loader.writing.tensor import TensorWriter

_PART_BYTES = 64_000_000
_FILE_BYTES = 500_000  # a guess for a file that was not opened yet
_MOST_ROWS = 1 << 20


def check_row(row: Mapping[str, Any], tensors: Mapping[str, TensorWriter]) -> None:
    """A row has a value for every tensor.

    Raises:
        ArgumentError: no mapping, or tensors without a value.
        UnknownColumnError: values for tensors that don't exist.
    """
    if not isinstance(row, Mapping):
        raise ArgumentError(f"a row is a dict of tensor name to value, not {type(row).__name__}")
    _check_known(row, tensors)
    missing = [name for name in tensors if name not in row]
    if missing:
        raise ArgumentError(
            f"the row has no value for {_quoted(missing)}", hint="None stands for a row without a value"
        )


def as_columns(columns: Mapping[str, Any], tensors: Mapping[str, TensorWriter]) -> dict[str, Any]:
    """Columns of equal length that can be sliced: of all tensors, or of those that are behind others.

    Raises:
        ArgumentError: no mapping, columns that are no sequences or of unequal length, tensors without values.
        UnknownColumnError: values for tensors that don't exist.
    """
    if not isinstance(columns, Mapping):
        raise ArgumentError(f"columns are a dict of tensor name to values, not {type(columns).__name__}")
    _check_known(columns, tensors)
    missing = [name for name in tensors if name not in columns]
    longest = max((len(tensors[name]) for name in missing), default=0)
    if missing and not (columns and all(len(tensors[name]) < longest for name in columns)):
        raise ArgumentError(
            f"there are no values for {_quoted(missing)}", hint="None stands for a row without a value"
        )
    sliced = {name: _as_column(name, values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in sliced.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        raise ArgumentError(f"the columns have different lengths: {told}")
    return sliced


def rows_at_once(columns: Mapping[str, Any]) -> int:
    """How many rows to encode together, so that memory stays bounded."""
    size = sum(_row_bytes(values) for values in columns.values())
    return max(1, min(_MOST_ROWS, _PART_BYTES // max(size, 1)))


def _check_known(given: Mapping[str, Any], tensors: Mapping[str, TensorWriter]) -> None:
    for name in given:
        if name not in tensors:
            near = difflib.get_close_matches(str(name), tensors, n=2)
            hint = "tensors: " + (", ".join(tensors) or "none; ds.create_tensor makes one")
            raise UnknownColumnError(f"no tensor named '{name}'", candidates=near, hint=hint)


def _as_column(name: str, values: Any) -> Any:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    if isinstance(values, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(values)
        values = [None if gone.all() else value for value, gone in zip(values.data, missing, strict=True)]
    scalar = isinstance(values, np.ndarray) and values.ndim == 0
    if scalar or isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ArgumentError(f"column '{name}' is no sequence of values: {type(values).__name__}")
    return values if hasattr(values, "__len__") and hasattr(values, "__getitem__") else list(values)


def _row_bytes(values: Any) -> int:
    if isinstance(values, np.ndarray) and values.dtype != object:
        size: int = math.prod(values.shape[1:]) * values.dtype.itemsize
        return size
    return max((_value_bytes(value) for value in values[:8]), default=0)


def _value_bytes(value: Any) -> int:
    if isinstance(value, Sample):
        return _FILE_BYTES
    if isinstance(value, list | tuple):
        return 8 + sum(map(_value_bytes, value[:8])) * max(1, len(value) // 8)
    return int(getattr(value, "nbytes", 0)) or 16 + (len(value) if isinstance(value, str | bytes) else 0)


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
