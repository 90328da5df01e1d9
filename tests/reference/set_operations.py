"""Section 17: UNION, INTERSECT and EXCEPT, by source row and not by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from reference import elements
from reference.relations import Relation
from reference.scope import Column, Row
from tql import ast
from tql.errors import ColumnsMismatchError
from tql.types import Type


def combine(operation: ast.SetOperation, left: Relation, right: Relation) -> Relation:
    """The combined rows; ascending source rows unless an operand is arranged."""
    columns = _common_columns(left, right)
    match operation.operator:
        case "union":
            rows = [*left.rows, *right.rows] if operation.all else _once([*left.rows, *right.rows])
        case "intersect":
            rows = _matched(left.rows, right.rows, present=True, keep_repeats=operation.all)
        case "except":
            rows = _matched(left.rows, right.rows, present=False, keep_repeats=operation.all)
    arranged = left.arranged or right.arranged
    one_source = left.source == right.source
    if one_source and left.source is not None and not arranged:
        rows = sorted(rows, key=lambda row: row.source_row)
    source = left.source if one_source or operation.operator != "union" else None
    return Relation(columns, [_converted(row, columns) for row in rows], source, arranged)


def _common_columns(left: Relation, right: Relation) -> dict[str, Column]:
    if set(left.columns) != set(right.columns):
        raise ColumnsMismatchError(f"columns {sorted(left.columns)} and {sorted(right.columns)}")
    columns = {}
    for name, column in left.columns.items():
        other = right.columns[name]
        columns[name] = replace(
            column,
            type=common_type(name, column.type, other.type),
            index=column.index if column.index == other.index else None,
            dataset=column.dataset if column.dataset is other.dataset else None,
        )
    return columns


def common_type(name: str, left: Type, right: Type) -> Type:
    """The type that holds the values of both."""
    if left.element == right.element:
        element = left.element
    elif left.is_numeric and right.is_numeric:
        element = elements.promoted(left.element, right.element)
    else:
        raise ColumnsMismatchError(f"column {name!r} is {left} and {right}")
    shape = left.shape if left.shape == right.shape else None
    class_names = left.class_names if left.class_names == right.class_names else None
    return Type(
        element,
        shape,
        left.nullable or right.nullable,
        class_names,
        sequence=left.sequence and right.sequence,
        nested=left.nested or right.nested,
    )


def _once(rows: Sequence[Row]) -> list[Row]:
    seen: set[Hashable] = set()
    kept = []
    for row in rows:
        if row.identity not in seen:
            seen.add(row.identity)
            kept.append(row)
    return kept


def _matched(left: Sequence[Row], right: Sequence[Row], *, present: bool, keep_repeats: bool) -> list[Row]:
    """Left rows that are (not) among the right ones; with ALL each right row matches one left row."""
    if not keep_repeats:
        wanted = {row.identity for row in right}
        return _once([row for row in left if (row.identity in wanted) == present])
    remaining = Counter(row.identity for row in right)
    kept = []
    for row in left:
        found = remaining[row.identity] > 0
        remaining[row.identity] -= found
        if found == present:
            kept.append(row)
    return kept


def _converted(row: Row, columns: dict[str, Column]) -> Row:
    cells: dict[Hashable, object] = {}
    for name, column in columns.items():
        cell = row.cells[name]
        numeric = isinstance(cell, np.ndarray) and column.type.is_numeric
        cells[name] = cell.astype(column.type.element) if numeric else cell  # type: ignore[union-attr]
    return replace(row, cells=cells)  # type: ignore[arg-type]
