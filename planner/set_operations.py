"""UNION, INTERSECT and EXCEPT of bound operands: columns matched by name and brought to one type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tql import ast, types
from tql.errors import ColumnsMismatchError
from tql.planner.coercion import describe
from tql.planner.expressions import Column, Computed, Expression, cast
from tql.planner.logical import ComputedColumn, Limit, Node, Project, SetOp, source_of
from tql.planner.made_sources import Append, AppendColumn
from tql.planner.relations import common_type, has_repeats, is_ascending
from tql.planner.same_source import of_one_source, shared
from tql.planner.suggest import listing
from tql.span import NOWHERE
from tql.types import Element, Type

Columns = Mapping[str, Column | Computed]
Operand = tuple[Node, Columns]


def combine(
    operation: ast.SetOperation, left: Operand, right: Operand, fresh_id: Callable[[str], str]
) -> tuple[Node, Columns]:
    """The set operation over two operands, and its visible columns in the left's order.

    Rows of one source are combined by row: a column that is one and the same source column on both sides
    stays that; any other is computed on both sides under one id, for the engine combines rows and not values.
    Rows of different sources are always distinct: UNION appends, INTERSECT has none of them, EXCEPT all of
    the left.

    Raises:
        ColumnsMismatchError: if the names or types of the columns do not go together.
    """
    (left_node, left_columns), (right_node, right_columns) = left, right
    _check_names(operation, left_columns, right_columns)
    types_ = {
        name: _common_type(operation, name, a.type, right_columns[name].type)
        for name, a in left_columns.items()
    }
    same = of_one_source(left_node, right_node)
    if same is None:
        return _of_different_sources(operation, left, right, types_, fresh_id)
    left_node, right_node = same
    visible: dict[str, Column | Computed] = {}
    left_added: list[ComputedColumn] = []
    right_added: list[ComputedColumn] = []
    for name, a in left_columns.items():
        b = right_columns[name]
        if a == b:
            visible[name] = a
            continue
        common = types_[name]
        id_ = fresh_id(name)
        left_added.append(ComputedColumn(id_, _as(a, common.element, operation.left)))
        right_added.append(ComputedColumn(id_, _as(b, common.element, operation.right)))
        visible[name] = Computed(common, id_, span=a.span)
    if left_added:
        left_node = Project(left_node, tuple(left_added), span=operation.left.span)
        right_node = Project(right_node, tuple(right_added), span=operation.right.span)
    # What INTERSECT and EXCEPT keep of an ascending left side is ascending, whatever the right side is.
    ordered = not is_ascending(left_node) or (operation.operator == "union" and not is_ascending(right_node))
    return SetOp(
        left_node, right_node, operation.operator, operation.all, ordered, span=operation.span
    ), visible


def _of_different_sources(
    operation: ast.SetOperation,
    left: Operand,
    right: Operand,
    types_: Mapping[str, Type],
    fresh_id: Callable[[str], str],
) -> tuple[Node, Columns]:
    if operation.operator == "union":
        return _appended(operation, left, right, types_, fresh_id)
    node, columns = left
    if operation.operator == "intersect":
        node = Limit(node, 0, 0, span=operation.span)
    elif not operation.all and has_repeats(node):
        # Rows that the left side repeats come once, as beside any other right side.
        node, _ = shared(node)
        none = Limit(source_of(node), 0, 0, span=operation.span)
        node = SetOp(node, none, "except", False, not is_ascending(node), span=operation.span)
    return _converted(node, columns, types_, operation.left, fresh_id)


def _appended(
    operation: ast.SetOperation,
    left: Operand,
    right: Operand,
    types_: Mapping[str, Type],
    fresh_id: Callable[[str], str],
) -> tuple[Node, Columns]:
    left_node, left_columns = _converted(*left, types_, operation.left, fresh_id)
    right_node, right_columns = _converted(*right, types_, operation.right, fresh_id)
    made = tuple(
        [
            AppendColumn(name, types_[name], column, right_columns[name])
            for name, column in left_columns.items()
        ]
    )
    node = Append(left_node, right_node, made, not operation.all, span=operation.span)
    return node, {c.id: Column(c.type, c.id, span=c.left.span) for c in made}


def _converted(
    node: Node, columns: Columns, types_: Mapping[str, Type], place: ast.Node, fresh_id: Callable[[str], str]
) -> tuple[Node, Columns]:
    """A side with its columns in the element kinds of the result."""
    added: list[ComputedColumn] = []
    converted: dict[str, Column | Computed] = {}
    for name, column in columns.items():
        converted[name] = column
        expression = _as(column, types_[name].element, place)
        if expression is not column:
            added.append(ComputedColumn(fresh_id(name), expression))
            converted[name] = Computed(expression.type, added[-1].id, span=expression.span)
    return (Project(node, tuple(added), span=place.span) if added else node), converted


def _as(column: Column | Computed, element: Element, place: ast.Node) -> Expression:
    """The column with elements of that kind; one that `*` brought has the place of its operand."""
    if column.type.element == element:
        return column
    return cast(column if column.span is not NOWHERE else replace(column, span=place.span), element)


def _check_names(operation: ast.SetOperation, left: Columns, right: Columns) -> None:
    only_left = [f"'{name}'" for name in left if name not in right]
    only_right = [f"'{name}'" for name in right if name not in left]
    if not only_left and not only_right:
        return
    parts = [
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} on the {side} side only"
        for names, side in ((only_left, "left"), (only_right, "right"))
        if names
    ]
    raise ColumnsMismatchError(
        f"both sides of {operation.operator.upper()} must have the same columns",
        span=operation.span,
        hint="; ".join(parts) + f" (left: {listing(left)}; right: {listing(right)})",
    )


def _common_type(operation: ast.SetOperation, name: str, left: Type, right: Type) -> Type:
    same_rank = left.rank == right.rank
    if same_rank and left.element == right.element:
        element = left.element
    elif same_rank and left.is_numeric and right.is_numeric:
        element = types.promote(left.element, right.element)
    else:
        raise ColumnsMismatchError(
            f"both sides of {operation.operator.upper()} must have columns of one kind: '{name}' is "
            f"{describe(left)} on the left and {describe(right)} on the right",
            span=operation.span,
        )
    return common_type(replace(left, element=element), replace(right, element=element))
