"""UNION, INTERSECT and EXCEPT of bound operands: columns matched by name and brought to one type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tql import ast, types
from tql.errors import ColumnsMismatchError
from tql.planner.coercion import describe
from tql.planner.expressions import Column, Computed, cast
from tql.planner.logical import ComputedColumn, Node, Project, SetOp
from tql.planner.relations import is_ascending
from tql.planner.suggest import listing
from tql.types import Type

Columns = Mapping[str, Column | Computed]
Operand = tuple[Node, Columns]


def combine(
    operation: ast.SetOperation, left: Operand, right: Operand, fresh_id: Callable[[str], str]
) -> tuple[Node, Columns]:
    """The set operation over two operands, and its visible columns in the left's order.

    A column that is one and the same source column on both sides stays that; any other is computed on both
    sides under one id, for the engine combines rows and not values.

    Raises:
        ColumnsMismatchError: if the names or types of the columns do not go together.
    """
    (left_node, left_columns), (right_node, right_columns) = left, right
    _check_names(operation, left_columns, right_columns)
    visible: dict[str, Column | Computed] = {}
    left_added: list[ComputedColumn] = []
    right_added: list[ComputedColumn] = []
    for name, a in left_columns.items():
        b = right_columns[name]
        if a == b:
            visible[name] = a
            continue
        common = _common_type(operation, name, a.type, b.type)
        id_ = fresh_id(name)
        left_added.append(ComputedColumn(id_, cast(a, common.element)))
        right_added.append(ComputedColumn(id_, cast(b, common.element)))
        visible[name] = Computed(common, id_, span=a.span)
    if left_added:
        left_node = Project(left_node, tuple(left_added), span=operation.left.span)
        right_node = Project(right_node, tuple(right_added), span=operation.right.span)
    # What INTERSECT and EXCEPT keep of an ascending left side is ascending, whatever the right side is.
    ordered = not is_ascending(left_node) or (operation.operator == "union" and not is_ascending(right_node))
    return SetOp(
        left_node, right_node, operation.operator, operation.all, ordered, span=operation.span
    ), visible


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
    names = left.class_names if left.class_names == right.class_names else None
    return Type(element, _common_shape(left, right), left.nullable or right.nullable, names)


def _common_shape(left: Type, right: Type) -> tuple[int | None, ...] | None:
    """Of two types of one rank."""
    if left.shape is None or right.shape is None:
        return None
    return tuple(a if a == b else None for a, b in zip(left.shape, right.shape, strict=True))
