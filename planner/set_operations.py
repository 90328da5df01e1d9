"""UNION, INTERSECT and EXCEPT of bound operands: columns matched by name and brought to one type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tql import ast, types
from tql.errors import ColumnsMismatchError
from tql.planner.coercion import describe
from tql.planner.expressions import Column, Computed, Expression, cast
from tql.planner.logical import ComputedColumn, Limit, Node, Project, SetKind, SetOp
from tql.planner.made_sources import Append, AppendColumn
from tql.planner.relations import common_type, has_repeats, is_ascending
from tql.planner.same_source import of_one_source, shared
from tql.planner.suggest import listing
from tql.span import NOWHERE, Span
from tql.types import Element, Type

Columns = Mapping[str, Column | Computed]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one source that an operand consists of.

    Attributes:
        node: the rows.
        columns: visible ones in order.
        once: a row that comes several times counts once.
    """

    node: Node
    columns: Columns
    once: bool = False


def combine(
    operation: ast.SetOperation,
    left: Sequence[Part],
    right: Sequence[Part],
    fresh_id: Callable[[str], str],
) -> list[Part]:
    """What a set operation of two operands consists of, with the columns in the left's order.

    Rows of one source are combined by row. Rows of different sources are always distinct: UNION has both,
    INTERSECT none of them, EXCEPT all of the left.

    Raises:
        ColumnsMismatchError: if the names or types of the columns do not go together.
    """
    _check_names(operation, left[0].columns, right[0].columns)
    common: dict[str, Type] = {}
    for name in left[0].columns:
        common[name] = left[0].columns[name].type
        for part in (*left[1:], *right):
            common[name] = _common_type(operation, name, common[name], part.columns[name].type)
    pairs = _Pairs(operation, common, fresh_id)
    if operation.operator == "union":
        parts = _union(pairs, left, right)
    elif operation.operator == "except":
        parts = [_without(pairs, part, right) for part in left]
    else:
        parts = [part for a in left for part in _in_both(pairs, a, right)]
        none = Limit(left[0].node, 0, 0, span=operation.span)
        parts = parts or [replace(left[0], node=none)]
    return [_converted(part, common, operation, fresh_id) for part in parts]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Combines two parts at a time.

    Attributes:
        operation: as the query says it.
        common: the types of the result's columns.
        fresh_id: gives an unused id for a computed column.
    """

    operation: ast.SetOperation
    common: Mapping[str, Type]
    fresh_id: Callable[[str], str]

    def by_row(self, left: Part, right: Part, kind: SetKind) -> Part | None:
        """Two parts of one source combined by row, None if their sources differ.

        A column that is one and the same source column on both sides stays that; any other is computed on
        both sides under one id, for the engine combines rows and not values.
        """
        same = of_one_source(left.node, right.node)
        if same is None:
            return None
        operation = self.operation
        left_node, right_node = same
        visible: dict[str, Column | Computed] = {}
        left_added: list[ComputedColumn] = []
        right_added: list[ComputedColumn] = []
        for name, a in left.columns.items():
            b = right.columns[name]
            if a == b:
                visible[name] = a
                continue
            id_, element = self.fresh_id(name), self.common[name].element
            left_added.append(ComputedColumn(id_, _as(a, element, operation.left)))
            right_added.append(ComputedColumn(id_, _as(b, element, operation.right)))
            both = common_type(left_added[-1].expression.type, right_added[-1].expression.type)
            visible[name] = Computed(both, id_, span=a.span)
        if left_added:
            left_node = Project(left_node, tuple(left_added), span=operation.left.span)
            right_node = Project(right_node, tuple(right_added), span=operation.right.span)
        # What INTERSECT and EXCEPT keep of an ascending left side is ascending, whatever the right side is.
        ordered = not is_ascending(left_node) or (kind == "union" and not is_ascending(right_node))
        return Part(SetOp(left_node, right_node, kind, operation.all, ordered, span=operation.span), visible)


def _union(pairs: _Pairs, left: Sequence[Part], right: Sequence[Part]) -> list[Part]:
    if len(left) == len(right) == 1:
        both = pairs.by_row(left[0], right[0], "union")
        if both is not None:
            return [both]
    if pairs.operation.all:
        return [*left, *right]
    new = [_without(pairs, part, left) for part in right]
    return [replace(part, once=True) for part in (*left, *new)]


def _without(pairs: _Pairs, part: Part, others: Sequence[Part]) -> Part:
    """The rows of a part that no other has."""
    rest = part
    for other in others:
        rest = pairs.by_row(rest, other, "except") or rest
    return rest if rest is not part else replace(part, once=part.once or not pairs.operation.all)


def _in_both(pairs: _Pairs, part: Part, others: Sequence[Part]) -> Iterator[Part]:
    """The rows of a part that one of the others has."""
    for other in others:
        both = pairs.by_row(part, other, "intersect")
        if both is not None:
            yield both


def appended(parts: Sequence[Part], span: Span) -> tuple[Node, Columns]:
    """One relation of all parts, in their order, and its visible columns."""
    node, columns, once = parts[0].node, parts[0].columns, parts[0].once
    if len(parts) == 1:
        return (_each_once(node, span) if once else node), columns
    for part in parts[1:]:
        if part.once != once:
            node = _each_once(node, span) if once else node
            once = part.once
        made = []
        for name, column in columns.items():
            other = part.columns[name]
            made.append(AppendColumn(name, common_type(column.type, other.type), column, other))
        node = Append(node, part.node, tuple(made), once, span=span)
        columns = {c.id: Column(c.type, c.id, span=c.left.span) for c in made}
    return node, columns


def _each_once(node: Node, span: Span) -> Node:
    """The first of each row of the source."""
    if not has_repeats(node):
        return node
    node, source = shared(node)
    none = Limit(source, 0, 0, span=span)
    return SetOp(node, none, "except", False, not is_ascending(node), span=span)


def _converted(
    part: Part, common: Mapping[str, Type], place: ast.Node, fresh_id: Callable[[str], str]
) -> Part:
    """A part with its columns in the element kinds of the result."""
    added: list[ComputedColumn] = []
    columns: dict[str, Column | Computed] = {}
    for name, column in part.columns.items():
        columns[name] = column
        expression = _as(column, common[name].element, place)
        if expression is not column:
            added.append(ComputedColumn(fresh_id(name), expression))
            columns[name] = Computed(expression.type, added[-1].id, span=expression.span)
    node = Project(part.node, tuple(added), span=place.span) if added else part.node
    return Part(node, columns, part.once)


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
