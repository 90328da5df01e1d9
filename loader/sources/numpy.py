"""Arrays in memory as a source, and the checks that turn what a caller has into columns."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.errors import ArgumentError, UnsupportedError
from tql.loader.arrays import (
    ArrayRows,
    DictionaryRows,
    ListRows,
    Rows,
    aligned,
    element_counts,
    element_offsets,
    encoded,
    text_list_rows,
    text_rows,
)
from tql.loader.fingerprint import digest, of_memory
from tql.loader.partitions import DEFAULT_ROW_BYTES
from tql.loader.source import Facet, facet_of
from tql.loader.zones import KeptZones, is_frozen
from tql.schema import Field, Schema
from tql.types import Element, Type, element_of_dtype

if TYPE_CHECKING:
    from tql.loader.dataset import Dataset


def from_numpy(
    columns: Mapping[str, Any], *, class_names: Mapping[str, Sequence[str]] | None = None
) -> Dataset:
    """Make a dataset of arrays in memory. Contiguous arrays of native byte order are not copied.

    Args:
        columns: name to an array [n, ...] (rows of one shape), a list of n arrays of one rank (rows of
            different shapes), a list or array of n strings, a categorical of pandas or a dictionary array of
            Arrow with n strings, or a list of n lists of strings. A masked array, or None in a list of
            strings or numbers, makes a nullable column. Strings that repeat a lot are kept as numbers into
            the different ones, which makes conditions on them conditions on integers.
        class_names: names of the classes, for integer columns that hold class indices.

    Raises:
        ArgumentError: for columns of unequal length or of a dtype that has no counterpart here.
    """
    from tql.loader.dataset import Dataset

    named = dict(class_names or {})
    unknown = [name for name in named if name not in columns]
    if unknown:
        near = difflib.get_close_matches(unknown[0], list(columns), n=2)
        raise ArgumentError(f"class names for a column that is not there: '{unknown[0]}'", candidates=near)
    converted = {name: convert(name, value) for name, value in columns.items()}
    check_lengths({name: rows for name, (rows, _) in converted.items()})
    return Dataset(
        NumpySource(
            {
                name: MemoryColumn(rows, _with_class_names(name, type_, named.get(name)))
                for name, (rows, type_) in converted.items()
            }
        )
    )


@dataclass(frozen=True, slots=True)
class MemoryColumn:
    """The rows of one column, their type, and the index of a text column that is searched by words."""

    rows: Rows
    type: Type
    index: str | None = None


class NumpySource:
    """Columns of arrays in memory.

    Zone maps are kept of arrays that nobody can write to: a writeable one may change between two queries.

    Args:
        columns: by name, all of one length.
    """

    in_memory = True

    def __init__(self, columns: Mapping[str, MemoryColumn]) -> None:
        self._zones = KeptZones()
        self._stored = dict(columns)
        self._columns = {name: column.rows.to_column() for name, column in columns.items()}
        self._num_rows = max((len(column.rows) for column in columns.values()), default=0)
        self._schema = Schema(
            [
                Field(name, column.type, row_bytes=self._row_bytes(name), index=column.index)
                for name, column in columns.items()
            ]
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return NumpySource, (self._stored,)

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def num_rows(self) -> int:
        return self._num_rows

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        return [(0, self._num_rows)] if self._num_rows else []  # a read is a slice and costs nothing

    def read(self, column: str, facet: Facet, start: int, stop: int) -> _engine.Column:
        return facet_of(self._columns[column].slice(start, stop), facet)

    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> _engine.Column:
        return facet_of(self._columns[column].take(rows), facet)

    def fingerprint(self) -> str:
        """Of types, lengths and a sample of the values; see `tql.loader.fingerprint`."""
        types = [f"{name} {field.type}" for name, field in self._schema.items()]
        return digest([*types, of_memory({name: column.rows for name, column in self._stored.items()})])

    def zones(self, column: str) -> _engine.Zones | None:
        rows = self._stored[column].rows
        if not isinstance(rows, ArrayRows) or not is_frozen(rows.values):
            return None
        return self._zones.of(column) if rows.validity is None or is_frozen(rows.validity) else None

    def encoded(self, column: str, rows: NDArray[np.int64]) -> _engine.EncodedRows | None:
        stored = self._stored[column].rows
        if not isinstance(stored, ArrayRows) or stored.validity is not None or len(rows) == 0:
            return None
        itemsize = stored.values.dtype.itemsize
        if self._schema.type_of(column).is_fixed:
            each = int(math.prod(stored.shapes[0])) * itemsize
            starts, sizes = rows * each, np.full(len(rows), each, np.int64)
        else:
            starts = element_offsets(stored.shapes)[rows] * itemsize
            sizes = element_counts(stored.shapes[rows]) * itemsize
        which = np.zeros(len(rows), np.int32)
        shapes = np.ascontiguousarray(stored.shapes[rows])
        return _engine.EncodedRows("raw", stored.values.dtype, [stored.values], which, starts, sizes, shapes)

    def fixed(self, column: str, rows: NDArray[np.int64]) -> _engine.FixedRows | None:
        stored = self._stored[column].rows
        if not isinstance(stored, ArrayRows) or stored.validity is not None:
            return None
        shape = [extent for extent in self._schema.type_of(column).shape or () if extent]
        if len(shape) < stored.shapes.shape[1]:  # rows of different shapes, or without a value
            return None
        return _engine.FixedRows(stored.values.dtype, shape, [stored.values], np.zeros(1, np.int64), rows)

    def stored_bytes(self, column: str, row: int) -> bytes:
        """The row's elements in C order, or its text in UTF-8."""
        if isinstance(self._stored[column].rows, ListRows):
            raise UnsupportedError(f"a list is not stored as one string of bytes: '{column}'")
        values: bytes = self._columns[column].take(np.array([row], np.int64)).plain().values.tobytes()
        return values

    def describe(self) -> dict[str, Any]:
        facts = {
            name: {"type": str(field.type), "rows": self._num_rows} for name, field in self._schema.items()
        }
        return {"format": "memory", "rows": self._num_rows, "columns": facts}

    def _row_bytes(self, name: str) -> int:
        if self._num_rows == 0:
            return DEFAULT_ROW_BYTES
        return max(1, self._columns[name].nbytes // self._num_rows)


def check_name(name: object) -> None:
    """Raises ArgumentError for what can't name a column."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"a column name must be a text that is not empty, got {name!r}")


def check_lengths(columns: Mapping[str, Rows]) -> None:
    """Raises ArgumentError unless all columns have equally many rows."""
    if len({len(rows) for rows in columns.values()}) > 1:
        listed = ", ".join(f"'{name}' has {len(rows)}" for name, rows in columns.items())
        raise ArgumentError(f"columns must have equally many rows: {listed}")


def convert(name: str, value: Any) -> tuple[Rows, Type]:
    """The rows of a column as `from_numpy` takes it, and their type."""
    check_name(name)
    if isinstance(value, np.ma.MaskedArray):
        return _masked(name, value)
    if (numbered := categorical(value)) is not None:
        return numbered
    if not isinstance(value, list | tuple | np.ndarray):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        raise ArgumentError(f"column '{name}' must be an array or list with one entry per row, got {value!r}")
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OUT":
        return _dense(name, value, None)
    return _listed(
        name, value.tolist() if isinstance(value, np.ndarray) and value.dtype.kind in "UT" else value
    )


def categorical(value: Any) -> tuple[Rows, Type] | None:
    """Texts that come as numbers into a list of them, as a categorical of pandas (code -1: missing) or a
    dictionary array of Arrow. None for anything else.
    """
    value = getattr(value, "array", value)  # of a series
    if hasattr(value, "codes") and hasattr(value, "categories"):
        codes, texts, validity = np.asarray(value.codes), value.categories, np.asarray(value.codes) >= 0
    elif hasattr(value, "indices") and hasattr(value, "dictionary") and hasattr(value, "is_valid"):
        validity = np.asarray(value.is_valid())
        codes, texts = np.asarray(value.indices.fill_null(0)), value.dictionary.to_pylist()
    else:
        return None
    texts = list(texts)
    if not all(isinstance(text, str) for text in texts):
        return None
    if codes.dtype not in (np.int8, np.int16, np.int32):
        codes = codes.astype(np.int32)
    rows = DictionaryRows(
        np.ascontiguousarray(codes), text_rows(texts), None if bool(validity.all()) else validity
    )
    return rows, Type("text", nullable=rows.validity is not None)


def _masked(name: str, array: np.ma.MaskedArray[Any, Any]) -> tuple[Rows, Type]:
    mask = np.ma.getmaskarray(array).reshape(len(array), -1)
    missing = mask.all(axis=1) & (mask.shape[1] > 0)
    partly = np.flatnonzero(mask.any(axis=1) & ~missing)
    if len(partly):
        raise ArgumentError(
            f"column '{name}': a row is masked as a whole or not at all, not so row {partly[0]}"
        )
    return _dense(name, np.ma.getdata(array), np.asarray(~missing))


def _dense(name: str, array: NDArray[Any], validity: NDArray[np.bool_] | None) -> tuple[Rows, Type]:
    element = _element(name, array.dtype)
    if validity is not None:
        validity.flags.writeable = False
    shapes = np.broadcast_to(np.array(array.shape[1:], np.int64), (len(array), array.ndim - 1))
    rows = ArrayRows(aligned(array).reshape(-1), shapes, validity)
    return rows, Type(element, array.shape[1:], nullable=validity is not None)


def _listed(name: str, values: Sequence[Any]) -> tuple[Rows, Type]:
    """A list: its entries decide what it is."""
    if len(values) == 0:
        return _dense(name, np.zeros(0), None)
    given = [value for value in values if value is not None]
    if given and all(isinstance(value, str) for value in given):
        return encoded(text_rows(values)), Type("text", nullable=len(given) < len(values))
    if given and all(_kind(value) == "a number" for value in given):
        return _numbers(name, values)
    kinds = [_kind(value) for value in values]
    if set(kinds) != {"an array"}:
        raise _mixed(name, kinds)
    if any(len(value) for value in values if isinstance(value, list | tuple)) and all(
        isinstance(value, list | tuple) and all(isinstance(text, str) for text in value) for value in values
    ):
        return text_list_rows(values), Type("text", (None,), sequence=True)
    return _ragged(name, values)


def _numbers(name: str, values: Sequence[Any]) -> tuple[Rows, Type]:
    missing = np.array([value is None for value in values])
    array = np.asarray([0 if value is None else value for value in values])
    if array.dtype == object:
        raise ArgumentError(f"column '{name}' holds integers that do not fit into 64 bits")
    array.flags.writeable = False
    return _dense(name, array, ~missing if bool(missing.any()) else None)


def _ragged(name: str, values: Sequence[Any]) -> tuple[Rows, Type]:
    arrays = [_row_array(name, row, value) for row, value in enumerate(values)]
    ranks = [array.ndim for array in arrays]
    if len(set(ranks)) > 1:
        row = next(row for row, rank in enumerate(ranks) if rank != ranks[0])
        raise ArgumentError(
            f"column '{name}' needs rows of one rank: row 0 has rank {ranks[0]}, row {row} has {ranks[row]}"
        )
    # An empty list carries no dtype of its own: NumPy calls it float64.
    typed = [
        a.dtype for a, value in zip(arrays, values, strict=True) if a.size or isinstance(value, np.ndarray)
    ]
    dtype = np.result_type(*typed) if typed else np.dtype(np.float64)
    element = _element(name, dtype)
    shapes = np.array([array.shape for array in arrays], np.int64).reshape(len(arrays), ranks[0])
    flat = np.concatenate([array.reshape(-1).astype(dtype.newbyteorder("="), copy=False) for array in arrays])
    low, high = shapes.min(axis=0).tolist(), shapes.max(axis=0).tolist()
    shape = tuple(a if a == b else None for a, b in zip(low, high, strict=True))
    return ArrayRows(flat, shapes), Type(element, shape)


def _row_array(name: str, row: int, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ArgumentError(
            f"column '{name}': row {row} is no array: its parts have different lengths"
        ) from None
    if array.size:
        _element(name, array.dtype, row)
    return array


def _element(name: str, dtype: np.dtype[Any], row: int | None = None) -> Element:
    element = element_of_dtype(dtype)
    if element is not None and element != "text":
        return element
    place = f"column '{name}'" if row is None else f"column '{name}': row {row}"
    hints = {
        "c": "split it into two columns, real and imaginary part",
        "M": "convert it to numbers first, for example with .astype('int64')",
        "m": "convert it to numbers first, for example with .astype('int64')",
        "S": "decode it to str first, for example with np.char.decode",
        "V": "make one column of each field",
        "f": "convert it to float64 first",
    }
    hint = hints.get(dtype.kind, "use numbers, bools or strings, one kind per column")
    raise ArgumentError(f"{place} has a dtype that has no counterpart: {dtype}", hint=hint)


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple | np.ndarray) or (
        hasattr(value, "__array__") and not np.isscalar(value)
    ):
        return "an array"
    if np.isscalar(value) and not isinstance(value, bytes):
        return "a number"
    return "None" if value is None else f"of type {type(value).__name__}"


def _mixed(name: str, kinds: Sequence[str]) -> ArgumentError:
    hint = "a column holds numbers, strings, arrays or lists of strings, not a mix"
    for row, kind in enumerate(kinds):
        if kind == "None" or kind.startswith("of type"):
            return ArgumentError(f"column '{name}' can't hold row {row}, which is {kind}", hint=hint)
    row = next(row for row, kind in enumerate(kinds) if kind != kinds[0])
    return ArgumentError(
        f"column '{name}' mixes kinds: row 0 is {kinds[0]}, row {row} is {kinds[row]}", hint=hint
    )


def _with_class_names(name: str, type_: Type, names: Sequence[str] | None) -> Type:
    if names is None:
        return type_
    if not type_.is_integer:
        raise ArgumentError(f"class names need a column of integers, '{name}' is {type_}")
    if isinstance(names, str) or not all(isinstance(item, str) for item in names):
        raise ArgumentError(f"class names must be a list of texts, got {names!r} for column '{name}'")
    return Type(type_.element, type_.shape, type_.nullable, tuple(names))
