"""Plain Python values of a known type to rows: checked one by one, then laid out as the engine wants them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader import documents
from tql.loader.arrays import ArrayRows, ListRows, Rows, TextListRows, TextRows, offsets_of
from tql.loader.sources.misfit import MisfitError, shown
from tql.loader.sources.numbers import to_numbers
from tql.types import Type

Validity = NDArray[np.bool_] | None


def to_rows(values: Sequence[Any], type_: Type) -> Rows:
    """One row per value, NULL where it is None.

    Raises:
        MisfitError: a value does not fit the type.
    """
    given = np.fromiter((value is not None for value in values), bool, len(values))
    validity = None if bool(given.all()) else given
    if type_.nested:
        offsets, entries = _entries(values)
        with _in_rows(offsets):
            return ListRows(offsets, to_rows(entries, type_.entry), validity)
    if type_.is_numeric:
        return _arrays(values, type_, validity)
    if type_.is_scalar:
        return _texts(values, type_, validity)
    return _text_lists(values, type_, validity)


def is_list(value: Any) -> bool:
    """Whether a value has entries: a list, a tuple or an array."""
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


# --- texts, bytes, documents -------------------------------------------------------------------------------


def _texts(values: Sequence[Any], type_: Type, validity: Validity) -> TextRows:
    encode = _ENCODERS[type_.element]
    pieces: list[bytes] = []
    try:
        pieces.extend(b"" if value is None else encode(value) for value in values)
    except ValueError as error:
        raise MisfitError(len(pieces), str(error)) from None
    offsets = offsets_of(np.fromiter(map(len, pieces), np.int64, len(pieces)))
    return TextRows(offsets, np.frombuffer(b"".join(pieces), np.uint8), validity)


def _text_lists(values: Sequence[Any], type_: Type, validity: Validity) -> TextListRows:
    offsets, entries = _entries(values)
    with _in_rows(offsets):
        missing = next((index for index, entry in enumerate(entries) if entry is None), None)
        if missing is not None and type_.element != "json":
            raise MisfitError(missing, f"a list with None in it, which needs the type '{type_.element}?[]'")
        return TextListRows(offsets, _texts(entries, type_, None), validity)


def _encode_text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)}, which is no text")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{shown(value)}, which is not valid Unicode") from None


def _encode_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise ValueError(f"{shown(value)}, which is not bytes")
    return bytes(value)


def _encode_document(value: Any) -> bytes:
    try:
        return documents.dump(value).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{shown(value)}, which holds text that is not valid Unicode") from None
    except ValueError as error:
        raise ValueError(f"{shown(value)}, which is no JSON: {error}") from None


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "text": _encode_text,
    "bytes": _encode_bytes,
    "json": _encode_document,
}


# --- numbers -----------------------------------------------------------------------------------------------


def _arrays(values: Sequence[Any], type_: Type, validity: Validity) -> ArrayRows:
    if type_.is_scalar:
        return _scalars(values, type_, validity)
    listed = _flat_lists(values, type_)
    if listed is not None:
        offsets, entries = listed
        with _in_rows(offsets):
            return ArrayRows(to_numbers(entries, type_), np.diff(offsets)[:, None], validity)
    given = [(index, value) for index, value in enumerate(values) if value is not None]
    rank = len(type_.shape) if type_.shape is not None else _rank_of(given)
    extents = type_.shape if type_.shape is not None else (None,) * rank
    shapes = np.zeros((len(values), rank), np.int64)
    shapes[:] = [extent or 0 for extent in extents]  # of the rows that are NULL
    pieces: list[Sequence[Any] | NDArray[Any]] = []
    for index, value in given:
        try:
            shapes[index], leaves = _unfolded(value, extents)
        except ValueError as error:
            raise MisfitError(index, str(error)) from None
        pieces.append(leaves)
    flat = _numbers(pieces, type_, [index for index, _ in given])
    if validity is not None:
        flat = _with_gaps(flat, shapes, validity)
    return ArrayRows(flat, shapes, validity)


def _scalars(values: Sequence[Any], type_: Type, validity: Validity) -> ArrayRows:
    shapes = np.zeros((len(values), 0), np.int64)
    if validity is None:
        return ArrayRows(to_numbers(values, type_), shapes)
    numbers = np.zeros(len(values), type_.numpy_dtype())
    try:
        numbers[validity] = to_numbers([value for value in values if value is not None], type_)
    except MisfitError as misfit:
        row = int(np.flatnonzero(validity)[misfit.index])
        raise MisfitError(row, misfit.reason, misfit.candidates) from None
    return ArrayRows(numbers, shapes, validity)


def _flat_lists(values: Sequence[Any], type_: Type) -> tuple[NDArray[np.int64], list[Any]] | None:
    """Offsets and entries of lists of scalars, the most common arrays; None for others, and for mistakes."""
    if type_.rank != 1 or not set(map(type, values)) <= {list, tuple, NoneType}:
        return None
    offsets, entries = _entries(values)
    if type_.is_fixed and not bool((np.diff(offsets) == type_.shape).all()):
        return None
    return None if set(map(type, entries)) & {list, tuple, np.ndarray, NoneType} else (offsets, entries)


def _rank_of(given: Sequence[tuple[int, Any]]) -> int:
    """The rank of the rows where the type leaves it open: that of the first one with elements."""
    ranks = [np.ndim(value) for _, value in given if np.size(value)] or [1]
    return ranks[0]


def _unfolded(
    value: Any, extents: Sequence[int | None]
) -> tuple[tuple[int, ...], Sequence[Any] | NDArray[Any]]:
    """The shape of one row and its elements, one behind the other."""
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError("a masked array; mask whole rows by None")
    if isinstance(value, np.ndarray) and value.ndim == len(extents) and value.dtype != object:
        shape: tuple[int, ...] = value.shape
        leaves: Sequence[Any] | NDArray[Any] = value.reshape(-1)
    else:
        shape, leaves = _unfolded_list(value, extents)
    if any(wanted not in (None, got) for wanted, got in zip(extents, shape, strict=True)):
        axes = ",".join("" if extent is None else str(extent) for extent in extents)
        raise ValueError(f"of shape {list(shape)}, not [{axes}]")
    return shape, leaves


def _unfolded_list(value: Any, extents: Sequence[int | None]) -> tuple[tuple[int, ...], list[Any]]:
    shape: list[int] = []
    level: list[Any] = [value]
    for axis, extent in enumerate(extents):
        if axis == 0 and not is_list(value):
            raise ValueError(f"{shown(value)}, which is no array")
        if not all(map(is_list, level)):
            raise ValueError(f"an array of rank {axis}, not {len(extents)}")
        lengths = {len(item) for item in level}
        if len(lengths) > 1:
            raise ValueError(f"no array: its parts have different lengths, {_listed(lengths)}")
        shape.append(lengths.pop() if lengths else (extent or 0))
        level = list(itertools.chain.from_iterable(level))
    if extents and any(item is None for item in level):
        raise ValueError("an array with None in it; a list with NULL has a type such as 'int64?[]'")
    if extents and any(is_list(item) for item in level):
        raise ValueError(f"an array of rank {len(extents) + 1} or more, not {len(extents)}")
    return tuple(shape), level


def _listed(numbers: set[int]) -> str:
    return " and ".join(map(str, sorted(numbers)[:2]))


def _numbers(
    pieces: Sequence[Sequence[Any] | NDArray[Any]], type_: Type, rows: Sequence[int]
) -> NDArray[Any]:
    """The elements of all pieces; piece i belongs to row rows[i]."""
    if any(isinstance(piece, np.ndarray) for piece in pieces):
        converted = []
        for row, piece in zip(rows, pieces, strict=True):
            try:
                converted.append(to_numbers(piece, type_))
            except MisfitError as misfit:
                raise MisfitError(row, misfit.reason, misfit.candidates) from None
        return np.concatenate(converted)
    sizes = np.zeros(max(rows, default=-1) + 1, np.int64)
    sizes[list(rows)] = [len(piece) for piece in pieces]
    with _in_rows(offsets_of(sizes)):
        return to_numbers(list(itertools.chain.from_iterable(pieces)), type_)


def _with_gaps(flat: NDArray[Any], shapes: NDArray[np.int64], validity: NDArray[np.bool_]) -> NDArray[Any]:
    """Zeros put in where a row is NULL and yet has elements, because all rows have one shape."""
    counts = np.prod(shapes, axis=1, dtype=np.int64)
    spread = np.zeros(int(counts.sum()), flat.dtype)
    spread[np.repeat(validity, counts)] = flat
    return spread


# --- rows and their entries --------------------------------------------------------------------------------


def _entries(values: Sequence[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Where the entries of each row start, and all entries one behind the other."""
    for index, value in enumerate(values):
        if value is not None and not is_list(value):
            raise MisfitError(index, f"{shown(value)}, which is no list")
    lists = [() if value is None else value for value in values]
    sizes = np.fromiter(map(len, lists), np.int64, len(lists))
    return offsets_of(sizes), list(itertools.chain.from_iterable(lists))


@contextmanager
def _in_rows(offsets: NDArray[np.int64]) -> Iterator[None]:
    """Inside, a misfit counts entries; outside, the rows that they belong to."""
    try:
        yield
    except MisfitError as misfit:
        row = int(np.searchsorted(offsets, misfit.index, side="right")) - 1
        raise MisfitError(row, misfit.reason, misfit.candidates) from None
