"""The NumPy face: engine columns to NumPy values, and batches as they are handed over without torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column
from tql.loader import documents
from tql.loader.arrays import list_parts, text_parts
from tql.loader.foreign import from_bytes
from tql.loader.stages.pad import Pad, pad_value, padded, ragged
from tql.loader.to_torch import is_tensor
from tql.types import Type

Values = NDArray[Any] | list[Any]
"""The rows of one column: an array [n, ...] where all shapes are equal, else a list of n values."""


def column_values(column: Column, type_: Type) -> Values:
    """The rows of an engine column.

    Args:
        column: n rows.
        type_: the type of the column; it tells JSON and bytes from text.

    Returns:
        A writable array [n, ...] of rows of one shape without NULL; otherwise a list with one array, str,
        bytes, JSON value or list of such values per row, None for NULL.
    """
    if column.layout == "dense" and column.validity is None:
        return column.values.copy()
    rows: list[Any]
    if column.layout == "dense":
        rows = list(column.values.copy())
    elif column.layout == "ragged":
        rows = _ragged_rows(column)
    elif column.layout == "list":
        rows = _lists(column, type_)
    else:
        rows = _text_rows(column, type_)
    if type_.dtype is not None and column.layout == "text" and column.validity is None:
        return np.stack(rows) if len({row.shape for row in rows}) == 1 else rows
    if column.validity is not None:
        rows = [row if valid else None for row, valid in zip(rows, column.validity, strict=True)]
    elif column.layout == "ragged" and len({row.shape for row in rows}) == 1:
        return np.stack(rows)
    return rows


def _ragged_rows(column: Column) -> list[NDArray[Any]]:
    assert column.offsets is not None
    values, offsets = column.values, column.offsets
    return [
        values[offsets[row] : offsets[row + 1]].reshape(shape).copy()
        for row, shape in enumerate(column.shapes)
    ]


def _lists(column: Column, type_: Type) -> list[Any]:
    offsets, items = list_parts(column)
    entries = list(column_values(items, type_.entry))
    if items.layout == "dense" and items.rank == 0:  # plain numbers beside None
        entries = [None if entry is None else entry.item() for entry in entries]
    return [entries[start:stop] for start, stop in pairwise(offsets.tolist())]


def _text_rows(column: Column, type_: Type) -> list[Any]:
    # A JSON value is every row's own, or a change to one would be a change to many.
    shared = column.layout == "dictionary" and type_.element != "json" and type_.dtype is None
    if shared and column.items is not None and len(column.items) <= len(column):
        texts = _text_rows(column.items, type_)
        codes = column.values
        if column.validity is not None:
            codes = np.where(column.validity, codes, 0)
        return [texts[code] for code in codes.tolist()] if texts else [""] * len(column)
    own = text_parts(column)
    data = own.data.tobytes()
    texts = [data[start:end] for start, end in pairwise(own.offsets.tolist())]
    if type_.dtype is not None:
        texts = [from_bytes(piece, type_.dtype) for piece in texts]
    elif type_.element != "bytes":
        texts = [piece.decode("utf-8", errors="replace") for piece in texts]
    if type_.element == "json":
        texts = [documents.load(text) for text in texts]
    if column.row_offsets is None:
        return texts
    bounds = (column.row_offsets - column.row_offsets[0]).tolist()
    return [texts[start:end] for start, end in pairwise(bounds)]


class NumpyFace:
    """Leaves of a batch as NumPy: arrays stay what they are, torch tensors become arrays.

    Args:
        pad: what fills rows of different shapes up to one.
    """

    def __init__(self, pad: Pad = None) -> None:
        self._pad = pad

    def is_tensor(self, value: object) -> bool:
        return is_tensor(value)

    def array(self, array: NDArray[Any], column: str = "") -> Any:
        """An array of numbers as it is handed over."""
        return array

    def parts(self, array: Any, rows: int) -> Sequence[Any]:
        """An array cut into parts of `rows` rows that share its memory; the last one may be shorter."""
        return [array[start : start + rows] for start in range(0, len(array), rows)]

    def ragged(self, rows: Sequence[NDArray[Any]], column: str) -> Any:
        """Rows of different shapes: one array that is filled up where `pad` says so, else a list."""
        value = pad_value(self._pad, column)
        return ragged(rows, column) if value is None else padded(rows, value, column)

    def stack(self, tensors: Sequence[Any]) -> Any:
        """Tensors that a transform made: one array [n, ...] where the shapes are equal, else a list."""
        arrays = [tensor.detach().cpu().numpy() for tensor in tensors]
        return np.stack(arrays) if len({array.shape for array in arrays}) == 1 else arrays
