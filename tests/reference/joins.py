"""Section 17: joins, by trying every pair of rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace

from reference.checking import check_condition
from reference.expressions import value_of
from reference.operators import compare
from reference.scope import Column, Row, Scope
from reference.set_operations import common_type
from reference.sources import Context, Input
from reference.table import Value
from reference.values import ShapeConflictError, condition
from tql import ast
from tql.errors import AmbiguousColumnError, QueryTypeError, UnknownColumnError, UnsupportedError

Cells = Mapping[Hashable, Value]
Matches = Callable[[Cells], bool]

_LEFT, _RIGHT, _USING = "left", "right", "using"


def join(node: ast.Join, left: Input, right: Input, context: Context) -> Input:
    """The pairs of matching rows, and the unmatched rows that an outer join keeps.

    Raises:
        UnsupportedError: if ON holds no equality of a left and a right column.
    """
    a_columns = _side(_LEFT, left.columns, may_miss=node.kind in ("right", "full"))
    b_columns = _side(_RIGHT, right.columns, may_miss=node.kind in ("left", "full"))
    columns = [*a_columns, *b_columns]
    if node.using is not None:
        a, b = _named(node.using, a_columns, node), _named(node.using, b_columns, node)
        columns = _merged(columns, a, b)
        matches = _equal(a, b)
    elif node.on is not None:
        matches = _on(node.on, context.scope(columns))
    else:
        matches = _always
    pairs = _pairs(node.kind, [_cells(_LEFT, row) for row in left.rows],
                   [_cells(_RIGHT, row) for row in right.rows], matches)  # fmt: skip
    missing = dict.fromkeys((column.key for column in [*a_columns, *b_columns]), None)
    rows = []
    for number, pair in enumerate(pairs):
        cells = {**missing, **pair}
        if node.using is not None:
            cells[_USING] = cells[b.key] if cells[a.key] is None else cells[a.key]
        rows.append(Row(node, number, cells, number))
    return Input(tuple(columns), rows, node)


def _pairs(kind: str, left: Sequence[Cells], right: Sequence[Cells], matches: Matches) -> list[Cells]:
    """Left row order, matches in right row order; unmatched left rows in place, right ones at the end."""
    pairs: list[Cells] = []
    matched: set[int] = set()
    for a in left:
        partners = [number for number, b in enumerate(right) if matches({**a, **b})]
        matched.update(partners)
        pairs += [{**a, **right[number]} for number in partners]
        if not partners and kind in ("left", "full"):
            pairs.append(a)
    if kind in ("right", "full"):
        pairs += [b for number, b in enumerate(right) if number not in matched]
    return pairs


def _side(side: str, columns: Sequence[Column], *, may_miss: bool) -> list[Column]:
    return [
        replace(
            column,
            key=(side, column.key),
            type=replace(column.type, nullable=column.type.nullable or may_miss),
        )
        for column in columns
    ]


def _cells(side: str, row: Row) -> Cells:
    return {(side, key): value for key, value in row.cells.items()}


def _always(cells: Cells) -> bool:
    del cells
    return True


def _equal(a: Column, b: Column) -> Matches:
    """USING: NULL matches nothing, for it equals nothing."""
    if a.type.is_numeric != b.type.is_numeric and "json" not in (a.type.element, b.type.element):
        raise QueryTypeError(f"{a.type} and {b.type} do not compare")
    return lambda cells: condition(compare("=", cells[a.key], cells[b.key]))


def _on(predicate: ast.Expr, scope: Scope) -> Matches:
    """ON: an equality of a left and a right column, and what else it says."""
    check_condition(predicate, scope)
    if not any(_is_key(conjunct, scope) for conjunct in _conjuncts(predicate)):
        raise UnsupportedError("ON needs an equality of a left and a right column", span=predicate.span)

    def matches(cells: Cells) -> bool:
        try:
            return condition(value_of(predicate, Row(None, 0, cells, 0), scope))
        except ShapeConflictError:
            return False

    return matches


def _conjuncts(expr: ast.Expr) -> list[ast.Expr]:
    if isinstance(expr, ast.Binary) and expr.operator == "and":
        return [*_conjuncts(expr.left), *_conjuncts(expr.right)]
    return [expr]


def _is_key(expr: ast.Expr, scope: Scope) -> bool:
    match expr:
        case ast.Binary("=", ast.Name() as a, ast.Name() as b):
            return {_side_of(a, scope), _side_of(b, scope)} == {_LEFT, _RIGHT}
    return False


def _side_of(name: ast.Name, scope: Scope) -> Hashable:
    key = scope.resolve(name).key
    assert isinstance(key, tuple)
    return key[0]


def _named(name: str, columns: Sequence[Column], node: ast.Join) -> Column:
    found = [column for column in columns if column.name == name and not column.qualified_only]
    if not found:
        raise UnknownColumnError(f"no column named {name!r}", span=node.span)
    if len(found) > 1:
        raise AmbiguousColumnError(f"several sources have {name!r}", span=node.span)
    return found[0]


def _merged(columns: Sequence[Column], a: Column, b: Column) -> list[Column]:
    """The columns with the merged one in the place of the left one; both stay under their alias."""
    type_ = common_type(a.name, a.type, b.type)
    either = Column(a.name, replace(type_, nullable=a.type.nullable and b.type.nullable), _USING)
    merged: list[Column] = []
    for column in columns:
        if column is a:
            merged.append(either)
        merged.append(replace(column, qualified_only=True) if column in (a, b) else column)
    return merged
