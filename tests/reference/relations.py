"""Rows in order with their columns, and the steps that only choose or order rows (sections 13 and 16)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reference.expressions import value_of
from reference.json_values import canonical
from reference.operators import is_nan
from reference.scope import Column, Row, Scope
from reference.table import Json, Nested, Value
from reference.table import number as as_value
from reference.values import ShapeConflictError, condition, single
from tql import ast
from tql.errors import QueryValueError

EXPAND_KEY = ("expand", "ordinal")
"""Where a row holds what EXPAND BY ... AS name adds."""


@dataclass(frozen=True)
class Sample:
    """A weighted draw from the rows of a result, which the reference describes but does not make.

    Attributes:
        weights: of each row of the population; negative, NaN and NULL are 0.
        replace: whether draws are independent.
        count: how many rows are asked for.
    """

    weights: tuple[float, ...]
    replace: bool
    count: int


@dataclass(frozen=True)
class Relation:
    """What a SELECT or a set operation gives.

    Attributes:
        columns: its visible columns by name; their key is their name.
        rows: in order.
        source: what all rows are rows of; None where several sources were united.
        arranged: whether something other than the source decided which order or how often (ordered, sampled,
            expanded, grouped): what section 17 asks of an operand.
        grouped: whether it comes from a GROUP BY, so that UNGROUP BY numbers what it takes apart.
        sample: the draw that is still to be made from `rows`.
    """

    columns: dict[str, Column]
    rows: list[Row]
    source: Hashable
    arranged: bool = False
    grouped: bool = False
    sample: Sample | None = None


def numbered(rows: Sequence[Row]) -> list[Row]:
    """ROW_NUMBER() starts again at 0."""
    return [replace(row, number=number) for number, row in enumerate(rows)]


def drawn(rows: Sequence[Row], sample: Sample) -> list[Row] | None:
    """The rows of a draw that leaves nothing to chance, else None."""
    possible = [row for row, weight in zip(rows, sample.weights, strict=True) if weight > 0]
    count = sample.count if sample.replace else min(sample.count, len(possible))
    if count == 0 or not rows:
        return []
    return possible * count if len(possible) == 1 else None


def where(rows: Sequence[Row], predicate: ast.Expr, scope: Scope) -> list[Row]:
    """Section 4: rows whose predicate is true; shapes that do not go together do not match."""
    kept = []
    for row in rows:
        try:
            matches = condition(value_of(predicate, row, scope))
        except ShapeConflictError:
            matches = False
        if matches:
            kept.append(row)
    return kept


def expand(all_rows: Sequence[Row], kept: Sequence[Row], by: ast.Expand) -> list[Row]:
    """Section 16: each kept row with its neighbours of the unfiltered input."""
    rows: list[Row] = []
    taken: set[int] = set()
    for ordinal, match in enumerate(kept):
        first = max(0, match.number - by.before)
        last = min(len(all_rows) - 1, match.number + by.after)
        for number in range(first, last + 1):
            if not by.overlap and number in taken:
                continue
            taken.add(number)
            row = all_rows[number]
            if by.alias is not None:
                row = replace(row, cells={**row.cells, EXPAND_KEY: as_value(ordinal)})
            rows.append(row)
    return rows if by.overlap else sorted(rows, key=lambda row: row.number)


def order(rows: Sequence[Row], keys: Sequence[ast.OrderKey], scope: Scope) -> list[Row]:
    """Section 13: stable, by all keys; NaN then NULL last in both directions."""
    ordered = list(rows)
    for key in reversed(keys):
        values = {id(row): _sortable(value_of(key.expr, row, scope)) for row in ordered}
        usual = [row for row in ordered if values[id(row)] is not None and not is_nan(values[id(row)])]
        nans = [row for row in ordered if is_nan(values[id(row)])]
        nulls = [row for row in ordered if values[id(row)] is None]
        usual.sort(key=lambda row: _rank(values[id(row)]), reverse=key.descending)  # stays stable
        ordered = usual + nans + nulls
    return ordered


def _sortable(value: Value) -> Any:
    scalar = single(value)
    return None if scalar is None else scalar.tolist()


def _rank(value: Any) -> tuple[Any, ...]:
    """Numbers, then text (by bytes), then the rest of JSON."""
    if isinstance(value, bool):
        return (2, 0, value)
    if isinstance(value, int | float):
        return (0, value)
    return (1, value.encode()) if isinstance(value, str) else (2, 1)


def distinct(rows: Sequence[Row], values: Sequence[Sequence[Value]]) -> list[Row]:
    """Section 13: the first of the rows that are equal in all selected columns."""
    seen: set[Hashable] = set()
    kept = []
    for row, cells in zip(rows, values, strict=True):
        key = tuple(identity(cell) for cell in cells)
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return kept


def identity(value: Value) -> Hashable:
    """Equal for equal cells; NULL equals NULL and NaN equals NaN, as in GROUP BY."""
    if value is None:
        return "null"
    if isinstance(value, Json):
        return ("json", canonical(value.value))
    if isinstance(value, Nested):
        return tuple(identity(entry) for entry in value.entries)
    return (value.shape, tuple("nan" if is_nan(item) else (item,) for item in value.reshape(-1).tolist()))


def sample(rows: Sequence[Row], by: ast.SampleBy, count: int, scope: Scope) -> Sample:
    """Section 16: the weight of every row of the population."""
    weights = [_weight(value_of(by.weight, row, scope)) for row in rows]
    if rows and not any(weight > 0 for weight in weights):
        raise QueryValueError("every weight is 0")
    return Sample(tuple(weights), by.replace, count)


def _weight(value: Value) -> float:
    scalar = single(value)
    weight: Any = None if scalar is None else scalar.tolist()
    if not isinstance(weight, int | float) or is_nan(weight):  # NULL, NaN, JSON that is no number
        return 0.0
    if weight == float("inf"):
        raise QueryValueError("a weight is infinite")
    return max(0.0, float(weight))
