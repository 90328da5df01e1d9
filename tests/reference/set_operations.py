"""Section 17: UNION, INTERSECT and EXCEPT, by source row and not by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reference import elements
from reference.relations import Relation
from reference.scope import Row
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
    if not arranged:
        rows = sorted(rows, key=lambda row: row.source_row)
    return Relation(columns, [_converted(row, columns) for row in rows], arranged)


def _common_columns(left: Relation, right: Relation) -> dict[str, Type]:
    if set(left.columns) != set(right.columns):
        raise ColumnsMismatchError(f"columns {sorted(left.columns)} and {sorted(right.columns)}")
    return {name: _common_type(name, type_, right.columns[name]) for name, type_ in left.columns.items()}


def _common_type(name: str, left: Type, right: Type) -> Type:
    if left.element == right.element:
        element = left.element
    elif left.is_numeric and right.is_numeric:
        element = elements.promoted(left.element, right.element)
    else:
        raise ColumnsMismatchError(f"column {name!r} is {left} and {right}")
    shape = left.shape if left.shape == right.shape else None
    class_names = left.class_names if left.class_names == right.class_names else None
    return Type(element, shape, left.nullable or right.nullable, class_names)


def _once(rows: Sequence[Row]) -> list[Row]:
    seen: set[int] = set()
    kept = []
    for row in rows:
        if row.source_row not in seen:
            seen.add(row.source_row)
            kept.append(row)
    return kept


def _matched(left: Sequence[Row], right: Sequence[Row], *, present: bool, keep_repeats: bool) -> list[Row]:
    """Left rows that are (not) among the right ones; with ALL each right row matches one left row."""
    if not keep_repeats:
        wanted = {row.source_row for row in right}
        return _once([row for row in left if (row.source_row in wanted) == present])
    remaining = Counter(row.source_row for row in right)
    kept = []
    for row in left:
        found = remaining[row.source_row] > 0
        remaining[row.source_row] -= found
        if found == present:
            kept.append(row)
    return kept


def _converted(row: Row, columns: dict[str, Type]) -> Row:
    cells = {
        name: cell.astype(columns[name].element)
        if isinstance(cell := row.cells[name], np.ndarray) and columns[name].is_numeric
        else cell
        for name in columns
    }
    return replace(row, cells=cells)
