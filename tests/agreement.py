"""Asks the real engine what the reference engine was asked, in every way it can be asked, and compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

import tql
from reference import Json, Nested, ReferenceResult, Table, Value
from tql.errors import TQLError
from tql.loader.answer import run_planned
from tql.loader.named_sources import NamedSources
from tql.parser import parse
from tql.planner import plan
from tql.planner.serialize import from_json, to_json
from tql.printer import to_text
from tql.schema import Field
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


class Partitioned:
    """A dataset in partitions of any size; everything else is the dataset's own."""

    def __init__(self, dataset: Any, partition_rows: int) -> None:
        self._dataset = dataset
        self._partition_rows = partition_rows

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        del columns
        step, rows = self._partition_rows, self._dataset.num_rows
        return [(start, min(start + step, rows)) for start in range(0, rows, step)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)


@lru_cache(maxsize=64)
def in_memory(table: Table) -> Any:
    """The table as a user would hand it over."""
    columns = {
        name: [_given(cell, type_) for cell in table.cells[name]] for name, type_ in table.columns.items()
    }
    fields = {
        name: Field(name, type_, index=table.indexes.get(name)) for name, type_ in table.columns.items()
    }
    return tql.from_pydict(columns, fields)


def _given(cell: Value, type_: Type) -> Any:
    return cell if isinstance(cell, np.ndarray) and type_.is_numeric else plainly(cell)


def ask(
    query: str,
    table: Table | None,
    *,
    parameters: Sequence[Any] = (),
    threads: int = 1,
    sources: Mapping[str, Table] | None = None,
    **ways: Any,
) -> Answer:
    """Ask the real engine.

    Args:
        query: the text.
        table: what it is asked of, None if FROM says it.
        parameters: values of `?`.
        threads: how many the engine uses.
        sources: what FROM may name.
        ways: `partition_rows` splits the sources; `disable` switches optimiser rules off; `through_json`
            writes the plan down and reads it back; `printed` reads and prints the query first.
    """
    opened = _Opened(ways.get("partition_rows", 1_000_000))
    source = None if table is None else opened(table)
    named = NamedSources(source, {n: opened(other) for n, other in (sources or {}).items() if n in query})
    try:
        if ways.get("printed", False):
            query = to_text(parse(query))
        schema = None if source is None else source.schema
        planned = plan(query, schema, params=parameters, disable=ways.get("disable", ()), sources=named)
        if ways.get("through_json", False):
            planned = replace(planned, physical=from_json(to_json(planned.physical)))
        read = {key: named.source(key) for key in planned.sources}
        return answer_of(run_planned(planned, source, sources=read, seed=7, threads=threads))
    except TQLError as error:
        return Answer(error=error.category, message=str(error))


class _Opened:
    """Datasets of tables: one of each, for a dataset under two names is one dataset."""

    def __init__(self, partition_rows: int) -> None:
        self._partition_rows = partition_rows
        self._of: dict[int, Any] = {}

    def __call__(self, table: Table) -> Any:
        if id(table) not in self._of:
            self._of[id(table)] = Partitioned(in_memory(table), self._partition_rows)
        return self._of[id(table)]


def ask_views(queries: Sequence[str], table: Table) -> Answer:
    """Ask one query after the other, each of the answer to the last one."""
    try:
        view: Any = in_memory(table)
        for query in queries:
            view = view.query(query, seed=7)
        return answer_of(view)
    except TQLError as error:
        return Answer(error=error.category, message=str(error))


def answer_of(view: Any) -> Answer:
    """What a view holds."""
    plain = view.to_pydict()
    columns = {
        name: [
            None if python is None else _value(item, view.schema.type_of(name))
            for item, python in zip(view[name], plain[name], strict=True)
        ]
        for name in view.columns
    }
    return Answer(view.indices.tolist(), columns, None if view.weights is None else view.weights.tolist())


def _value(item: Any, type_: Type) -> Value:
    if item is None:
        return None
    if type_.element == "json" and type_.is_scalar:
        return Json(item)
    if type_.nested or type_.element == "json":
        return Nested(tuple(_value(entry, type_.entry) for entry in item), type_.rank or 1)
    return np.array(item, dtype=object) if type_.element == "text" else np.asarray(item)


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
    rows = found.rows if expected.source is not None else list(range(len(found.rows)))
    if expected.rows != rows:
        return [*wrong, f"rows: expected {expected.rows}, found {rows}"]
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
    if expected.source is None:
        return wrong
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
