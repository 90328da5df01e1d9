"""Rows of one column as plain NumPy arrays: what a source assembles before it becomes an engine column.

The layout is the engine's (Arrow's), so `to_column` copies nothing that is already contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column

Offsets: TypeAlias = "NDArray[np.int64] | NDArray[np.int32]"
"""Where texts or lists begin, one more than there are; both widths are taken as they are."""


@dataclass(frozen=True, slots=True)
class ArrayRows:
    """Numeric arrays, one per row.

    Attributes:
        values: the elements of all rows, one behind the other, 1-d.
        shapes: int64 [n, rank].
        validity: bool [n], False where the row is NULL, or None.
    """

    values: NDArray[Any]
    shapes: NDArray[np.int64]
    validity: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.shapes)

    def to_column(self) -> Column:
        shape = uniform_shape(self.shapes)
        if shape is not None:
            return Column.dense(aligned(self.values).reshape(len(self), *shape), self.validity)
        shapes = np.ascontiguousarray(self.shapes)
        return Column.ragged(aligned(self.values), element_offsets(shapes), shapes, self.validity)

    def shape_column(self) -> Column:
        return Column.dense(np.ascontiguousarray(self.shapes))


@dataclass(frozen=True, slots=True)
class TextRows:
    """UTF-8 strings, one per row: `offsets` [n + 1] in bytes into `data` (uint8)."""

    offsets: Offsets
    data: NDArray[np.uint8]
    validity: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to_column(self) -> Column:
        return Column.text(self.offsets, np.ascontiguousarray(self.data), self.validity)

    def shape_column(self) -> Column:
        return Column.dense(np.zeros((len(self), 0), np.int64))


@dataclass(frozen=True, slots=True)
class DictionaryRows:
    """Strings by number: row i is `texts[codes[i]]`.

    Attributes:
        codes: int8, int16 or int32 [n]; of a row that is NULL it may be anything.
        texts: the strings, none of them NULL.
        validity: bool [n], False where the row is NULL, or None.
    """

    codes: NDArray[np.signedinteger[Any]]
    texts: TextRows
    validity: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def to_column(self) -> Column:
        return Column.dictionary(self.codes, self.texts.to_column(), self.validity)

    def shape_column(self) -> Column:
        return Column.dense(np.zeros((len(self), 0), np.int64))


@dataclass(frozen=True, slots=True)
class TextListRows:
    """Lists of strings: `row_offsets` [n + 1] counts strings, `texts` holds them."""

    row_offsets: Offsets
    texts: TextRows
    validity: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.row_offsets) - 1

    def to_column(self) -> Column:
        data = np.ascontiguousarray(self.texts.data)
        return Column.text_list(self.row_offsets, self.texts.offsets, data, self.validity)

    def shape_column(self) -> Column:
        return Column.dense(np.diff(self.row_offsets).astype(np.int64)[:, None])


@dataclass(frozen=True, slots=True)
class ListRows:
    """Lists of values that may be NULL or of different extents: `offsets` int64 [n + 1] counts entries."""

    offsets: NDArray[np.int64]
    entries: Rows
    validity: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to_column(self) -> Column:
        return Column.list(self.entries.to_column(), self.offsets, self.validity)


Rows: TypeAlias = "ArrayRows | TextRows | DictionaryRows | TextListRows | ListRows"


def rows_of_column(column: Column) -> Rows:
    """The arrays behind an engine column, which pickle where the column does not."""
    if column.layout == "dense":
        return ArrayRows(column.values.reshape(-1), column.shapes, column.validity)
    if column.layout == "list":
        offsets, items = list_parts(column)
        return ListRows(offsets, rows_of_column(items), column.validity)
    if column.layout == "dictionary":
        assert column.items is not None
        return DictionaryRows(column.values, text_parts(column.items), column.validity)
    assert column.offsets is not None
    if column.layout == "ragged":  # a slice has the values of all rows behind it: keep its own
        start, stop = int(column.offsets[0]), int(column.offsets[-1])
        return ArrayRows(column.values[start:stop], column.shapes, column.validity)
    if column.layout == "text":
        return text_parts(column)
    assert column.row_offsets is not None
    return TextListRows(column.row_offsets - column.row_offsets[0], text_parts(column), column.validity)


def encoded(rows: Rows) -> Rows:
    """The same rows; texts that repeat a lot become numbers into the different ones."""
    column = rows.to_column().encode() if isinstance(rows, TextRows) else None
    return rows if column is None else rows_of_column(column)


def text_parts(column: Column) -> TextRows:
    """The strings of a text column or of lists of texts, without those that a slice left out."""
    column = column.plain()
    assert column.offsets is not None
    offsets, validity = column.offsets, column.validity
    if column.row_offsets is not None:
        offsets, validity = offsets[column.row_offsets[0] : column.row_offsets[-1] + 1], None
    start, stop = int(offsets[0]), int(offsets[-1])
    return TextRows(offsets - start if start else offsets, column.values[start:stop], validity)


def list_parts(column: Column) -> tuple[NDArray[np.int64], Column]:
    """Where the rows of a list column start among its items [n + 1], and these, without what a slice left
    out.
    """
    assert column.items is not None and column.row_offsets is not None
    start, stop = int(column.row_offsets[0]), int(column.row_offsets[-1])
    return column.row_offsets.astype(np.int64) - start, column.items.slice(start, stop)


Items = NDArray[np.int64] | range
"""Numbers of rows: any (int64), or consecutive ones, for which less has to be computed."""


def as_array(items: Items) -> NDArray[np.int64]:
    return np.arange(items.start, items.stop, dtype=np.int64) if isinstance(items, range) else items


def uniform_shape(shapes: NDArray[np.int64]) -> tuple[int, ...] | None:
    """The one shape of all rows, None where they differ or there is no row."""
    if len(shapes) == 0:
        return None
    if len(shapes) > 1 and shapes.strides[0] != 0 and not bool((shapes == shapes[0]).all()):
        return None
    return tuple(int(extent) for extent in shapes[0])


def element_counts(shapes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Elements per row, int64 [n]."""
    counts: NDArray[np.int64] = np.prod(shapes, axis=1, dtype=np.int64)
    return counts


def offsets_of(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Running sum from 0, int64 [n + 1]."""
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def narrow_offsets(offsets: NDArray[np.int64]) -> Offsets:
    """The same numbers in 32 bits where they fit, which halves what a scan of short texts reads."""
    return offsets.astype(np.int32) if offsets[-1] <= np.iinfo(np.int32).max else offsets


def element_offsets(shapes: NDArray[np.int64]) -> NDArray[np.int64]:
    return offsets_of(element_counts(shapes))


def aligned(values: NDArray[Any]) -> NDArray[Any]:
    """The same values contiguous, aligned and in native byte order; copied only if they are not, and then not
    to be written to.
    """
    native = values.dtype if values.dtype.isnative else values.dtype.newbyteorder("=")
    required = np.require(values, native, ["C", "A"])
    if not np.may_share_memory(required, values):
        required.flags.writeable = False
    return required


def text_rows(strings: Sequence[str | None]) -> TextRows:
    """Strings to UTF-8; None becomes NULL."""
    encoded = [b"" if text is None else text.encode() for text in strings]
    sizes = np.fromiter((len(text) for text in encoded), np.int64, len(encoded))
    offsets = narrow_offsets(offsets_of(sizes))
    data = np.frombuffer(b"".join(encoded), np.uint8)
    missing = [text is None for text in strings]
    return TextRows(offsets, data, ~np.array(missing) if any(missing) else None)


def text_list_rows(lists: Sequence[Sequence[str]]) -> TextListRows:
    """Lists of strings to UTF-8."""
    sizes = np.fromiter((len(row) for row in lists), np.int64, len(lists))
    return TextListRows(narrow_offsets(offsets_of(sizes)), text_rows([text for row in lists for text in row]))


def gather(values: NDArray[Any], starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[Any]:
    """The pieces [starts[i], starts[i] + counts[i]) of a 1-d array, one behind the other.

    Small pieces are gathered by index, large ones by slice: an index costs eight bytes per element.
    """
    total = int(counts.sum())
    if total == 0:
        return values[:0]
    each = int(counts[0])
    if total == each * len(counts) and bool((counts == each).all()) and not bool((starts % each).any()):
        rows = starts // each
        if len(rows) > 1 and not bool((rows[1:] == rows[:-1] + 1).all()):
            return values[: len(values) // each * each].reshape(-1, each)[rows].reshape(-1)
    if len(starts) == 1 or bool((starts[1:] == starts[:-1] + counts[:-1]).all()):
        return values[int(starts[0]) : int(starts[0]) + total]
    if total >= 64 * len(starts):
        return np.concatenate([values[start : start + n] for start, n in zip(starts, counts, strict=True)])
    return values[spread(starts, counts)]


def spread(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers starts[i] .. starts[i] + counts[i] - 1 of all i, one behind the other."""
    offsets = offsets_of(counts)
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], counts)


def concat_arrays(parts: Sequence[ArrayRows], rank: int, dtype: np.dtype[Any]) -> ArrayRows:
    """Rows of several pieces, one behind the other; no piece gives no row."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return ArrayRows(np.zeros(0, dtype), np.zeros((0, rank), np.int64))
    values = np.concatenate([part.values for part in parts])
    return ArrayRows(values, concat_shapes([part.shapes for part in parts]))


def concat_shapes(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Shapes of several pieces, one behind the other; not written out where all are equal."""
    if len(parts) == 1:
        return parts[0]
    shapes = [uniform_shape(part) if len(part) else None for part in parts]
    if shapes[0] is not None and all(shape == shapes[0] for shape in shapes):
        return np.broadcast_to(np.array(shapes[0], np.int64), (sum(map(len, parts)), len(shapes[0])))
    return np.concatenate(parts)


def concat_text(parts: Sequence[TextRows]) -> TextRows:
    """Strings of several pieces, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return TextRows(np.zeros(1, np.int64), np.zeros(0, np.uint8))
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return TextRows(offsets_of(sizes), np.concatenate([part.data for part in parts]))


def take_arrays(rows: ArrayRows, order: NDArray[np.int64]) -> ArrayRows:
    """The rows at these positions, repeats allowed."""
    counts = element_counts(rows.shapes)
    starts = offsets_of(counts)[:-1]
    return ArrayRows(gather(rows.values, starts[order], counts[order]), rows.shapes[order])


def take_text(rows: TextRows, order: NDArray[np.int64]) -> TextRows:
    """The strings at these positions, repeats allowed."""
    sizes = np.diff(rows.offsets)
    return TextRows(
        offsets_of(sizes[order]), gather(rows.data, rows.offsets[:-1][order].astype(np.int64), sizes[order])
    )
