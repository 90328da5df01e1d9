"""Asks the real engine what the reference engine was asked, in every way it can be asked, and compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tql
from reference import Json, Nested, ReferenceResult, Table, Value
from tql._engine import Column
from tql.errors import TQLError
from tql.loader.answer import run_planned
from tql.planner import plan
from tql.planner.serialize import from_json, to_json
from tql.schema import Schema
from tql.types import Type


@dataclass(frozen=True)
class Answer:
    """What an engine said: rows and columns, or the category of an error.

    Attributes:
        rows: row numbers of the dataset, in order.
        columns: visible columns in order, one value per row.
        weights: of each row, where the query samples.
        error: category of the error, or None.
        message: of the error.
    """

    rows: list[int] = field(default_factory=list)
    columns: dict[str, list[Value]] = field(default_factory=dict)
    weights: list[float] | None = None
    error: str | None = None
    message: str = ""


class TableSource:
    """A reference table behind the storage protocol, in partitions of any size."""

    def __init__(self, table: Table, partition_rows: int = 1_000_000) -> None:
        self._columns = {
            name: column_of(table.cells[name], type_, table.num_rows) for name, type_ in table.columns.items()
        }
        self._shapes = {
            name: _shape_column(table.cells[name], type_, table.num_rows)
            for name, type_ in table.columns.items()
        }
        self._partition_rows = partition_rows
        self.schema = Schema(table.columns)
        self.num_rows = table.num_rows

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        del columns
        step = self._partition_rows
        return [(start, min(start + step, self.num_rows)) for start in range(0, self.num_rows, step)]

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        return self._of(column, facet).slice(start, stop)

    def take(self, column: str, facet: str, rows: NDArray[np.int64]) -> Column:
        return self._of(column, facet).take(rows)

    def _of(self, column: str, facet: str) -> Column:
        return self._shapes[column] if facet == "shape" else self._columns[column]

    def encoded(self, column: str, rows: NDArray[np.int64]) -> None:
        del column, rows

    def stored_bytes(self, column: str, row: int) -> bytes:
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        return {"format": "test"}


def column_of(cells: Sequence[Value], type_: Type, num_rows: int) -> Column:
    """Cells as a column of the engine: dense where the shape is fixed, else ragged."""
    validity = np.array([cell is not None for cell in cells], dtype=np.bool_) if type_.nullable else None
    if type_.element == "text":
        return _text_column(cells, type_, validity)
    assert type_.shape is not None
    arrays: list[NDArray[Any]] = [
        cell
        if isinstance(cell, np.ndarray)
        else np.zeros([extent or 0 for extent in type_.shape], dtype=type_.element)
        for cell in cells
    ]
    if type_.is_fixed:
        shape = (num_rows, *(extent or 0 for extent in type_.shape))
        dense = np.stack(arrays) if arrays else np.zeros(shape, dtype=type_.element)
        return Column.dense(np.ascontiguousarray(dense.reshape(shape)), validity)
    flat = np.concatenate([np.zeros(0, type_.element), *(array.reshape(-1) for array in arrays)])
    shapes = np.array([array.shape for array in arrays], dtype=np.int64).reshape(num_rows, len(type_.shape))
    return Column.ragged(flat.astype(type_.element), _offsets([a.size for a in arrays]), shapes, validity)


def _text_column(cells: Sequence[Value], type_: Type, validity: NDArray[np.bool_] | None) -> Column:
    rows = [[] if cell is None else np.asarray(cell).reshape(-1).tolist() for cell in cells]
    if type_.is_scalar:
        rows = [row or [""] for row in rows]
    strings = [string.encode() for row in rows for string in row]
    data = np.frombuffer(b"".join(strings), dtype=np.uint8)
    offsets = _offsets([len(string) for string in strings])
    if type_.is_scalar:
        return Column.text(offsets, data, validity)
    return Column.text_list(_offsets([len(row) for row in rows]), offsets, data, validity)


def _shape_column(cells: Sequence[Value], type_: Type, num_rows: int) -> Column:
    rank = type_.rank or 0
    shapes = [cell.shape if isinstance(cell, np.ndarray) else (0,) * rank for cell in cells]
    validity = np.array([cell is not None for cell in cells], dtype=np.bool_) if type_.nullable else None
    return Column.dense(np.array(shapes, dtype=np.int64).reshape(num_rows, rank), validity)


def _offsets(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def ask(query: str, table: Table, *, parameters: Sequence[Any] = (), threads: int = 1, **ways: Any) -> Answer:
    """Ask the real engine.

    Args:
        query: the text.
        table: what it is asked of.
        parameters: values of `?`.
        threads: how many the engine uses.
        ways: `partition_rows` splits the source; `disable` switches optimiser rules off; `through_json`
            writes the plan down and reads it back.
    """
    source = TableSource(table, ways.get("partition_rows", 1_000_000))
    try:
        planned = plan(query, source.schema, params=parameters, disable=ways.get("disable", ()))
        if ways.get("through_json", False):
            planned = replace(planned, physical=from_json(to_json(planned.physical)))
        view = run_planned(planned, source, seed=7, threads=threads)
        columns = {name: values_of(view[name]) for name in view.columns}
    except TQLError as error:
        return Answer(error=error.category, message=str(error))
    weights = None if view.weights is None else view.weights.tolist()
    return Answer(view.indices.tolist(), columns, weights)


def ask_views(queries: Sequence[str], table: Table) -> Answer:
    """Ask one query after the other, each of the answer to the last one, of a dataset of NumPy arrays."""
    try:
        view: Any = in_memory(table)
        for query in queries:
            view = view.query(query, seed=7)
        columns = {name: values_of(view[name]) for name in view.columns}
    except TQLError as error:
        return Answer(error=error.category, message=str(error))
    return Answer(view.indices.tolist(), columns)


def in_memory(table: Table) -> Any:
    """The table as a user would hand it over. It must have rows, for nothing else says what a list holds."""
    columns: dict[str, Any] = {}
    for name, type_ in table.columns.items():
        cells = [None if cell is None else np.asarray(cell) for cell in table.cells[name]]
        if type_.element == "text":
            columns[name] = [None if cell is None else cell.tolist() for cell in cells]
        elif type_.is_scalar and type_.nullable:
            values = np.array([0 if cell is None else cell for cell in cells], dtype=type_.element)
            columns[name] = np.ma.MaskedArray(values, mask=[cell is None for cell in cells])
        elif type_.is_fixed:
            columns[name] = np.stack([np.asarray(cell) for cell in cells])
        else:
            columns[name] = cells
    class_names = {n: list(t.class_names) for n, t in table.columns.items() if t.class_names is not None}
    return tql.from_numpy(columns, class_names=class_names)


def values_of(column: Any) -> list[Value]:
    """A column of a view as reference values."""
    masked = np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
    values: list[Value] = []
    for i in range(len(column)):
        null = column[i] is None or column[i] is np.ma.masked
        if masked is not None and not null:
            null = bool(masked[i].all()) and masked[i].size > 0
        values.append(None if null else _value(column[i]))
    return values


def _value(item: Any) -> NDArray[Any]:
    array = np.asarray(item)
    if array.dtype.kind in "UO":
        return np.array(array.tolist() if array.ndim else str(array), dtype=object)
    return array


def differences(expected: ReferenceResult | str, found: Answer, *, dtypes: bool = True) -> list[str]:
    """What is wrong about an answer, a line each; nothing where it is right.

    Args:
        expected: the reference's result, or the category of its error.
        found: the answer of the real engine.
        dtypes: whether the dtypes of the columns count too.
    """
    if isinstance(expected, str):
        if found.error == expected:
            return []
        said = found.error or f"rows {found.rows}"
        return [f"error: expected {expected}, found {said}: {found.message}"]
    if expected.unsaid:
        return []
    if found.error is not None:
        if found.error in expected.tolerated:
            return []
        return [f"error: expected rows {expected.rows}, found {found.error}: {found.message}"]
    wrong = []
    if list(expected.columns) != list(found.columns):
        wrong.append(f"columns: expected {list(expected.columns)}, found {list(found.columns)}")
    if expected.sample is not None:
        return wrong + _wrong_draw(expected, found)
    if expected.rows != found.rows:
        return [*wrong, f"rows: expected {expected.rows}, found {found.rows}"]
    for name, values in expected.columns.items():
        if name in found.columns:
            if expected.types[name].shape is None:  # a column has one rank: a single element is its scalar
                values = [
                    _of_rank_of(value, like) for value, like in zip(values, found.columns[name], strict=True)
                ]
            wrong += _wrong_values(name, values, found.columns[name], dtypes=dtypes)
    return wrong


def _of_rank_of(value: Value, like: Value) -> Value:
    if isinstance(value, np.ndarray) and isinstance(like, np.ndarray) and value.size == like.size == 1:
        return value.reshape(like.shape)
    return value


def _wrong_draw(expected: ReferenceResult, found: Answer) -> list[str]:
    """A draw can't be foretold: its size, its population and its weights can."""
    sample = expected.sample
    assert sample is not None
    weights: dict[int, float] = dict(zip(expected.rows, sample.weights, strict=True))
    positive = [row for row, weight in weights.items() if weight > 0]
    size = sample.count if sample.replace else min(sample.count, len(positive))
    wrong = []
    if len(found.rows) != (size if expected.rows else 0):
        wrong.append(f"sample: expected {size} rows, found {len(found.rows)}")
    if not set(found.rows) <= set(positive):
        wrong.append(f"sample: {sorted(set(found.rows) - set(positive))} have no weight")
    if not sample.replace and len(set(found.rows)) != len(found.rows):
        wrong.append(f"sample: repeats without replacement in {found.rows}")
    drawn = [weights.get(row, -1.0) for row in found.rows]
    if found.weights is not None and not np.allclose(drawn, found.weights, rtol=1e-6):
        wrong.append(f"weights: expected {drawn}, found {found.weights}")
    return wrong


def _wrong_values(
    name: str, expected: Sequence[Value], found: Sequence[Value], *, dtypes: bool = True
) -> list[str]:
    for place, (a, b) in enumerate(zip(expected, found, strict=True)):
        if not same_value(a, b, dtypes=dtypes):
            return [f"column {name}, place {place}: expected {a!r}, found {b!r}"]
    return []


def same_value(expected: Value, found: Value, *, dtypes: bool = True) -> bool:
    """Equal, NaN to NaN; floats but for the rounding of a sum done in another order."""
    arrays = isinstance(expected, np.ndarray) and isinstance(found, np.ndarray)
    if arrays and dtypes and (expected.dtype, expected.shape) != (found.dtype, found.shape):
        return False
    return same_plain(plainly(expected), found)


def same_plain(expected: Any, found: Value) -> bool:
    """Whether a value is what plain Python values say: None, numbers, texts, lists of them, documents."""
    return _same(expected, plainly(found), _tolerance(found))


def plainly(value: Value) -> Any:
    """A value as Python writes it."""
    match value:
        case Nested(entries):
            return [plainly(entry) for entry in entries]
        case Json(document):
            return document
        case np.ndarray():
            return value.tolist()
    return value


def _tolerance(found: Value) -> float:
    if isinstance(found, Nested):
        return max(map(_tolerance, found.entries), default=1e-12)
    width = found.dtype.itemsize if isinstance(found, np.ndarray) and found.dtype.kind == "f" else 8
    return {2: 1e-3, 4: 1e-6}.get(width, 1e-12)


def _same(expected: Any, found: Any, tolerance: float) -> bool:
    if isinstance(expected, list) and isinstance(found, list):
        pairs = zip(expected, found, strict=False)
        return len(expected) == len(found) and all(_same(a, b, tolerance) for a, b in pairs)
    if isinstance(expected, float | int) and isinstance(found, float):
        return bool(np.isclose(expected, found, rtol=tolerance, atol=tolerance, equal_nan=True))
    return bool(expected == found) and (expected is None) == (found is None)
