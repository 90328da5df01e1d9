"""Collate: a list of values to one batch value. Never fails because samples differ: what can't be stacked is
a list.

The rules are those of torch's default_collate, made total: numbers, bools, arrays and tensors of one shape
are stacked, mappings and tuples are collated item by item, and everything else (text, bytes, images, None,
arrays of different shapes) stays a list with one entry per sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_NUMBERS = (bool, int, float, complex, np.number, np.bool_)


class Face(Protocol):
    """How the leaves of a batch are handed over: as NumPy arrays or as torch tensors."""

    def is_tensor(self, value: object) -> bool: ...
    def array(self, array: NDArray[Any], column: str = "") -> Any: ...
    def parts(self, array: Any, rows: int) -> Sequence[Any]: ...
    def ragged(self, rows: Sequence[NDArray[Any]], column: str) -> Any: ...
    def stack(self, tensors: Sequence[Any]) -> Any: ...


def collate(samples: Sequence[Any], face: Face, column: str = "") -> Any:
    """One value for the batch from the values of its samples.

    Args:
        samples: at least one value.
        face: makes arrays or tensors.
        column: name for messages.
    """
    first = samples[0]
    if face.is_tensor(first):
        return face.stack(samples) if all(map(face.is_tensor, samples)) else list(samples)
    if isinstance(first, np.ndarray):
        return _collate_arrays(samples, face, column)
    if isinstance(first, _NUMBERS):
        return _collate_numbers(samples, face, column)
    if isinstance(first, Mapping):
        if all(isinstance(sample, Mapping) and sample.keys() == first.keys() for sample in samples):
            return {key: collate([sample[key] for sample in samples], face, str(key)) for key in first}
    elif isinstance(first, (tuple, list)) and _same_form(samples):
        items = [collate(item, face, column) for item in zip(*samples, strict=True)]
        if isinstance(first, list):
            return items
        return type(first)(*items) if hasattr(first, "_fields") else tuple(items)
    return list(samples)


def hand_over(value: Any, face: Face, column: str = "") -> Any:
    """A column that is a batch already: its array or arrays as the face wants them, nothing copied."""
    if isinstance(value, np.ndarray):
        return face.array(value, column) if _is_numeric(value) else value.tolist()
    if isinstance(value, list):
        if value and all(isinstance(row, np.ndarray) and _is_numeric(row) for row in value):
            return face.ragged(value, column)
        return [_handed(row, face, column) for row in value]
    return value


def _handed(row: Any, face: Face, column: str) -> Any:
    """A row: an array, or a list that may have some, as a nested column has."""
    if isinstance(row, np.ndarray):
        return hand_over(row, face, column)
    if isinstance(row, list) and any(isinstance(entry, np.ndarray) for entry in row):
        return [_handed(entry, face, column) for entry in row]
    return row


def _collate_arrays(samples: Sequence[Any], face: Face, column: str) -> Any:
    if not all(isinstance(sample, np.ndarray) and _is_numeric(sample) for sample in samples):
        return list(samples)
    if len({sample.shape for sample in samples}) == 1:
        return face.array(np.stack(samples), column)
    return face.ragged(samples, column)


def _collate_numbers(samples: Sequence[Any], face: Face, column: str) -> Any:
    if not all(isinstance(sample, _NUMBERS) for sample in samples):
        return list(samples)
    array = np.asarray(samples)
    return face.array(array, column) if _is_numeric(array) else list(samples)


def _same_form(samples: Sequence[Any]) -> bool:
    first = samples[0]
    return len(first) > 0 and all(type(s) is type(first) and len(s) == len(first) for s in samples)


def _is_numeric(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "biufc"
