"""EXPAND BY, GROUP BY and UNGROUP BY: rows that become windows, groups, or the parts of a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tql import ast
from tql.errors import DuplicateColumnError, QueryTypeError, QueryValueError, TQLError
from tql.planner import coercion
from tql.planner.context import Context
from tql.planner.expression_binder import names_in
from tql.planner.expressions import Column, Computed, Expression
from tql.planner.json_values import grouping_key
from tql.planner.logical import Expand, Node, Scan, source_of
from tql.planner.made_sources import Group, GroupColumn, Ungroup, UngroupColumn, UngroupMode, unused_name
from tql.planner.scope import Failed, Scope
from tql.types import INT64, Type

FRAME_NUMBER = "frame_number"


def expand(
    context: Context, node: Node, clause: ast.Expand, condition: Expression | None, scope: Scope
) -> tuple[Node, Scope]:
    """The windows around the rows that meet the condition, and what can be seen of them.

    Raises:
        DuplicateColumnError: if the number of the window has the name of a column.
    """
    conjuncts = () if condition is None else (condition,)
    id_ = None
    if clause.alias is not None:
        if clause.alias in scope.columns:
            raise DuplicateColumnError(
                f"two columns are named '{clause.alias}'",
                span=clause.span,
                hint="EXPAND BY ... AS name adds a column: give it another name",
            )
        id_ = context.fresh_id(clause.alias)
        scope = scope.with_column(clause.alias, Computed(INT64, id_, span=clause.span))
    return Expand(node, conjuncts, clause.before, clause.after, clause.overlap, id_, span=clause.span), scope


# --- GROUP BY -----------------------------------------------------------------------------------------------


def group(context: Context, node: Node, clause: ast.GroupBy, scope: Scope) -> tuple[Group, Scope]:
    """The groups, and what can be seen of them: every column as a sequence of the group's values."""
    keys = [context.attempt(_key, context, key, scope) for key in clause.keys]
    columns: list[GroupColumn] = []
    used: set[str] = set()
    moves: dict[Column | Computed, Column | Computed] = {}
    for name, table, source in scope.every_column():
        id_ = unused_name(name, table, used)
        column = GroupColumn(id_, source)
        columns.append(column)
        moves[source] = Column(column.type, id_)
    size = GroupColumn(unused_name("group_size", None, used), None)
    grouped = Group(node, tuple([key for key in keys if key is not None]), (*columns, size), span=clause.span)
    return grouped, scope.moved(moves, grouped.schema).of_groups(Column(INT64, size.id))


def _key(context: Context, key: ast.Expr, scope: Scope) -> Expression:
    x = context.expressions.bind(key, scope)
    coercion.check_usable(x)
    x = coercion.to_scalar(x, "group by", context.text)
    return grouping_key(x, x.span)


# --- UNGROUP BY ---------------------------------------------------------------------------------------------


def ungroup(
    context: Context, node: Node, clause: ast.Ungroup, scope: Scope, reading: Iterable[ast.Node]
) -> tuple[Ungroup, Scope]:
    """The parts of rows, and what can be seen of them.

    Args:
        context: of the query.
        node: the rows.
        clause: how to cut them.
        scope: what can be seen of the rows.
        reading: the parts of the query that read the result: the columns that they name are cut.

    Raises:
        QueryTypeError: if none of these columns can be cut, or for a wrong number of parts.
        QueryValueError: for a number out of range.
    """
    parts, lengths = (None, None) if clause.by is None else _sizes(context, clause.by)
    used = _columns_of(reading, scope)
    sequences = {c for c in used if _is_sequence(c.type)} or {c for c in used if not c.type.is_scalar}
    if not sequences:
        raise QueryTypeError(
            "nothing to split: no column that is selected is a sequence or an array",
            span=clause.span,
            hint="select a column that GROUP BY has made, a list or an array",
        )
    mode: UngroupMode = "element" if clause.by is None else "part"
    columns: list[UngroupColumn] = []
    names: set[str] = set()
    moves: dict[Column | Computed, Column | Computed] = {}
    for name, table, source in scope.every_column():
        if source in used:
            column = UngroupColumn(
                unused_name(name, table, names), source, mode if source in sequences else "repeat"
            )
            columns.append(column)
            moves[source] = Column(column.type, column.id)
    numbered = clause.by is None and holds_groups(source_of(node)) and FRAME_NUMBER not in scope.columns
    position = UngroupColumn(unused_name(FRAME_NUMBER, None, names), None, "position")
    if numbered:
        columns.append(position)
    cut = Ungroup(node, tuple(columns), parts, lengths, span=clause.span)
    seen = scope.moved(moves, cut.schema).of_rows()
    return cut, seen.with_column(FRAME_NUMBER, Column(INT64, position.id)) if numbered else seen


def holds_groups(source: Node) -> bool:
    """Whether the rows of a source are groups, of this query or of the one whose answer is bound."""
    return isinstance(source, Group) or (isinstance(source, Scan) and source.schema.grouped)


def _is_sequence(type_: Type) -> bool:
    """Columns of groups, stored sequences, lists of text."""
    return type_.sequence > 0 or (type_.element == "text" and not type_.is_scalar)


def _columns_of(reading: Iterable[ast.Node], scope: Scope) -> set[Column | Computed]:
    """The columns that parts of a query name; names that mean nothing are left to the binder to report."""
    used: set[Column | Computed] = set()
    for part in reading:
        try:
            if isinstance(part, ast.Star):
                used.update(scope.star(part).values())
                continue
        except TQLError:
            continue
        for name in names_in(part):
            try:
                column = scope.resolve(name)
            except (TQLError, Failed):
                continue
            assert isinstance(column, Column | Computed)
            used.add(column)
    return used


def _sizes(context: Context, by: ast.Expr) -> tuple[int | None, tuple[int, ...] | None]:
    """The number of parts, or their lengths."""
    constant = context.expressions.constant(by, "UNGROUP BY")
    typed = coercion.snippet_of(by.span, context.text)
    type_: Type = constant.type
    if not type_.is_integer or type_.rank not in (0, 1):
        raise QueryTypeError(
            f"UNGROUP BY needs SPLIT, a number of parts or an ARRAY of their lengths: {typed}", span=by.span
        )
    value: Any = constant.value
    if isinstance(value, tuple):
        if any(length < 0 for length in value):
            raise QueryValueError(f"the length of a part cannot be negative: {typed}", span=by.span)
        return None, tuple(int(length) for length in value)
    if value < 1:
        raise QueryValueError(f"UNGROUP BY needs at least one part: {typed}", span=by.span)
    return int(value), None
