"""The select list: its items, what ORDER BY sees of it, and the columns that it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tql import ast
from tql.errors import AliasRequiredError, DuplicateColumnError
from tql.planner.coercion import snippet_of
from tql.planner.context import Context
from tql.planner.expression_binder import names_in
from tql.planner.expressions import Column, Computed, Expression, is_volatile
from tql.planner.logical import ComputedColumn, Node, Project
from tql.planner.scope import Failed, Scope


@dataclass(frozen=True, slots=True)
class Relation:
    """A bound operand: its plan and its visible columns in order."""

    node: Node
    columns: Mapping[str, Column | Computed]


@dataclass(frozen=True, slots=True)
class Item:
    """One bound select item."""

    name: str
    expression: Expression
    explicit: bool
    span_node: ast.Node


def bind_items(
    context: Context,
    nodes: Sequence[ast.SelectItem | ast.Star],
    scope: Scope,
    bind: Callable[[ast.Expr], Expression | None] | None = None,
) -> tuple[list[Item], frozenset[str]]:
    """The bound items in order, and the names of those that could not be bound.

    Args:
        context: of the query.
        nodes: the items.
        scope: what they see.
        bind: binds one item's expression, None with its mistake recorded; the expression binder if None.
    """
    bound: list[Item] = []
    broken: set[str] = set()
    explicit = {node.alias or _single_name(node.expr) for node in nodes if isinstance(node, ast.SelectItem)}
    for node in nodes:
        if isinstance(node, ast.Star):
            columns = context.attempt(scope.star, node, explicit)
            bound.extend(Item(n, c, False, node) for n, c in (columns or {}).items() if n not in explicit)
            continue
        item = context.attempt(_item, context, node, scope, bind)
        if item is not None:
            bound.append(item)
        else:
            broken.add(node.alias or _single_name(node.expr) or "")
    _refuse_duplicates(context, bound)
    return bound, frozenset(broken)


def _item(
    context: Context,
    node: ast.SelectItem,
    scope: Scope,
    bind: Callable[[ast.Expr], Expression | None] | None,
) -> Item:
    expression = context.expressions.bind(node.expr, scope) if bind is None else bind(node.expr)
    if expression is None:
        raise Failed
    name = node.alias or _single_name(node.expr)
    if name is None:
        typed = snippet_of(node.span, context.text)
        raise AliasRequiredError(
            f"a computed column needs a name: {typed}", span=node.span, hint=f"write {typed} as name"
        )
    return Item(name, expression, True, node)


def _refuse_duplicates(context: Context, items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            context.record(
                DuplicateColumnError(
                    f"two columns are named '{item.name}'",
                    span=item.span_node.span,
                    hint="give one of them another name with AS",
                )
            )
            return
        seen.add(item.name)


def compute_random_early(
    context: Context, node: Node, items: list[Item], select: ast.Select, looked_at: bool
) -> tuple[Node, list[Item]]:
    """Random columns that an ORDER BY or DISTINCT looks at are drawn once, below it."""
    if not looked_at or not any(is_volatile(i.expression) for i in items):
        return node, items
    columns: list[ComputedColumn] = []
    result: list[Item] = []
    for item in items:
        if is_volatile(item.expression):
            id_ = context.output_id(item.name, item.expression.type)
            columns.append(ComputedColumn(id_, item.expression))
            computed = Computed(item.expression.type, id_, span=item.expression.span)
            item = replace(item, expression=computed)
        result.append(item)
    return Project(node, tuple(columns), span=select.span), result


def order_scope(
    scope: Scope, items: Sequence[Item], broken: frozenset[str]
) -> tuple[Scope, dict[str, Expression]]:
    """What ORDER BY sees: the source's columns and, before them, the names of the select list."""
    columns = dict(scope.columns)
    substitutes: dict[str, Expression] = {}
    for item in items:
        if isinstance(item.expression, Column | Computed):
            columns[item.name] = item.expression
        elif isinstance(item.span_node, ast.SelectItem) and item.span_node.alias is not None:
            columns[item.name] = Computed(item.expression.type, _ALIAS + item.name)
            substitutes[_ALIAS + item.name] = item.expression
    ambiguous = {name: tables for name, tables in scope.ambiguous.items() if name not in columns}
    return replace(scope, columns=columns, ambiguous=ambiguous, broken=broken - {""}), substitutes


def project(context: Context, node: Node, items: Sequence[Item], select: ast.Select) -> Relation:
    """Compute what is not a column yet; a select list of columns alone adds no node."""
    columns: list[ComputedColumn] = []
    visible: dict[str, Column | Computed] = {}
    for item in items:
        expression = item.expression
        if not isinstance(expression, Column | Computed) or (
            isinstance(expression, Column) and expression.facet != "values"
        ):
            id_ = context.output_id(item.name, expression.type)
            columns.append(ComputedColumn(id_, expression))
            expression = Computed(expression.type, id_, span=expression.span)
        visible[item.name] = expression
    if columns:
        node = Project(node, tuple(columns), span=select.span)
    return Relation(node, visible)


_ALIAS = "\0"  # marks the stand-in of a select item inside an ORDER BY key; no column name contains it


def aliases(nodes: Sequence[ast.SelectItem | ast.Star]) -> set[str]:
    """The names that AS gives."""
    return {node.alias for node in nodes if isinstance(node, ast.SelectItem) and node.alias is not None}


def _single_name(expr: ast.Expr) -> str | None:
    """The name of the one column that an expression uses, None for none or several."""
    if isinstance(expr, ast.Name):
        return expr.name
    names = {name.name for name in names_in(expr)}
    return names.pop() if len(names) == 1 else None
