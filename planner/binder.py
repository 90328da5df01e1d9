"""From AST statements to the logical plan: a SELECT's clauses in their order, set operations, mistakes.

Every independent mistake of a query is found: the first in the text is raised, the others are its `related`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tql import ast
from tql.errors import InternalError, TQLError
from tql.planner import clauses
from tql.planner.context import Context, Resolver
from tql.planner.expressions import Computed, Expression
from tql.planner.from_clause import bind_source
from tql.planner.grouping import expand, group, ungroup
from tql.planner.json_values import grouping_key
from tql.planner.lifting import Lifting
from tql.planner.live_columns import without_unread_declarations
from tql.planner.logical import (
    MAX_ROWS,
    ComputedColumn,
    Distinct,
    Filter,
    Limit,
    Node,
    Output,
    OutputColumn,
    Project,
    Scan,
    schema_of,
)
from tql.planner.relations import order_is_chosen
from tql.planner.row_numbers import count_before_clauses
from tql.planner.scope import Failed, Scope
from tql.planner.select_list import (
    Item,
    Relation,
    aliases,
    bind_items,
    compute_random_early,
    order_scope,
    project,
)
from tql.planner.set_operations import Part, appended, combine
from tql.schema import Schema


def bind(
    statement: ast.Statement,
    text: str,
    schema: Schema | None,
    params: Sequence[Any] = (),
    sources: Resolver | None = None,
) -> Output:
    """Resolve names and types of a query.

    Args:
        statement: the parsed query.
        text: its text, for messages.
        schema: the columns of the bound source, None if there is none.
        params: values of `?`, left to right.
        sources: finds the sources that FROM names.

    Raises:
        TQLError: the first mistake, with all others in `related`.
    """
    binder = _Binder(Context(text, schema, params, sources))
    relation = binder.context.attempt(binder.statement, statement)
    _raise_errors(binder.context)
    if relation is None:
        raise InternalError("binding failed without an error", query=text)
    columns = tuple([OutputColumn(name, source) for name, source in relation.columns.items()])
    plan = Output(relation.node, columns, order_is_chosen(relation.node), span=statement.span)
    return without_unread_declarations(plan)


def bind_weight(expr: ast.Expr, text: str, schema: Schema, params: Sequence[Any] = ()) -> Output:
    """A stand-alone weight expression: every row with one computed float64 column called "weight"."""
    context = Context(text, schema, params, None)
    weight = context.attempt(clauses.weight, context, expr, Scope.of_schema(schema))
    _raise_errors(context)
    assert weight is not None
    node = Project(Scan(schema), (ComputedColumn("weight", weight),), span=expr.span)
    return Output(
        node, (OutputColumn("weight", Computed(weight.type, "weight", span=expr.span)),), span=expr.span
    )


def _raise_errors(context: Context) -> None:
    """Raise what was found, if anything."""
    if not context.expressions.errors:
        context.attempt(context.expressions.check_parameters)
    raise_first(context.expressions.errors, context.text)


def raise_first(errors: Sequence[TQLError], text: str) -> None:
    """Raise the error that comes first in the text; the others go along, each message once."""
    distinct = {(type(error), error.message): error for error in reversed(errors)}
    ordered = sorted(distinct.values(), key=lambda e: e.span.start if e.span else len(text))
    for error in ordered:
        error.query = text
    if ordered:
        ordered[0].related = tuple(ordered[1:])
        raise ordered[0]


class _Binder:
    """Binds the statements of one query."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def statement(self, statement: ast.Statement) -> Relation:
        if isinstance(statement.body, ast.Select):
            return self._select(statement.body, statement)
        context = self.context
        combined = self._operand(statement.body)
        scope = Scope(combined.columns, schema=schema_of(combined.node))
        is_limited = statement.limit is not None and statement.limit.count is not None
        node = clauses.order(context, combined.node, statement, scope, is_limited)
        node = clauses.limit(context, node, statement.limit)
        node = clauses.sample(context, node, statement.sample, scope)
        return Relation(count_before_clauses(node, combined.node, context.fresh_id), combined.columns)

    def _operand(self, operand: ast.Select | ast.SetOperation | ast.Statement) -> Relation:
        if isinstance(operand, ast.Statement):
            return self.statement(operand)
        if isinstance(operand, ast.Select):
            return self._select(operand, ast.Statement(operand, span=operand.span))
        return Relation(*appended(self._parts(operand), operand.span))

    def _parts(self, operand: ast.Select | ast.SetOperation | ast.Statement) -> list[Part]:
        """The rows of each source that an operand consists of."""
        if not isinstance(operand, ast.SetOperation):
            relation = self._operand(operand)
            return [Part(relation.node, relation.columns)]
        context = self.context
        with context.set_operation():
            left = context.attempt(self._parts, operand.left)
            right = context.attempt(self._parts, operand.right)
        if left is None or right is None:
            raise Failed
        return combine(operand, left, right, context.fresh_id)

    def _select(self, select: ast.Select, tail: ast.Statement) -> Relation:
        """One SELECT and the ORDER BY, LIMIT and SAMPLE BY behind it, in their order of evaluation."""
        context = self.context
        source = bind_source(context, select.source, self.statement)
        scope = source.scope
        computed = aliases(select.items) - set(scope.columns)
        node, rows = self._where_and_expand(
            select, source.node, scope, dict.fromkeys(computed, _COMPUTED_LATER)
        )
        if select.group_by is None and select.ungroup is None:
            items, broken = bind_items(context, select.items, rows)
            looked_at = select.distinct or bool(tail.order_by)
            node, items = compute_random_early(context, node, items, select, looked_at)
            seen, substitutes = order_scope(rows, items, broken)
            node = clauses.order(context, node, tail, seen, _is_limited(select, tail), substitutes)
            return self._rest(select, tail, node, source.node, rows, items)
        node, scope, items = self._regrouped(select, tail, node, source.node, rows, computed)
        base = node
        node, items = compute_random_early(context, node, items, select, select.distinct)
        return self._rest(select, tail, node, base, scope, items)

    def _where_and_expand(
        self, select: ast.Select, node: Node, scope: Scope, hidden: Mapping[str, str]
    ) -> tuple[Node, Scope]:
        """The rows that WHERE keeps, with their neighbours where EXPAND BY asks for them."""
        context = self.context
        before = replace(scope, hidden=hidden)
        if select.expand is not None and select.expand.alias is not None:
            before = replace(before, hidden={**hidden, select.expand.alias: _WINDOW})
        condition = None
        if select.where is not None:
            condition = context.attempt(context.expressions.condition, select.where, before, "where")
        if select.expand is not None:
            expanded = context.attempt(
                expand, context, node, select.expand, condition, replace(scope, hidden=hidden)
            )
            if expanded is not None:
                return expanded
        elif condition is not None and select.where is not None:
            node = Filter(node, (condition,), span=select.where.span)
        return node, replace(scope, hidden=hidden)

    def _regrouped(
        self,
        select: ast.Select,
        tail: ast.Statement,
        node: Node,
        source: Node,
        rows: Scope,
        computed: Collection[str],
    ) -> tuple[Node, Scope, list[Item]]:
        """The rows that GROUP BY, HAVING and UNGROUP BY make of ordered rows, and the select list."""
        context = self.context
        clause = "GROUP BY" if select.group_by is not None else "UNGROUP BY"
        seen = replace(rows, hidden=dict.fromkeys(computed, _ORDERED_BEFORE.format(clause)))
        node = clauses.order(context, node, tail, seen, False)
        scope, items = rows, None
        if select.group_by is None:
            node = count_before_clauses(node, source, context.fresh_id)
        else:
            node, scope, items = self._grouped(select, select.group_by, node, source, rows)
        if select.ungroup is not None:
            reading = [*select.items, *([] if tail.sample is None else [tail.sample.weight])]
            node, scope = ungroup(context, node, select.ungroup, scope, reading)
            items, _ = bind_items(context, select.items, scope)
        assert items is not None
        return node, scope, items

    def _grouped(
        self, select: ast.Select, clause: ast.GroupBy, node: Node, source: Node, rows: Scope
    ) -> tuple[Node, Scope, list[Item] | None]:
        """The groups that HAVING keeps, and the select list over them unless UNGROUP BY comes first."""
        context = self.context
        groups, scope = group(context, node, clause, rows)
        lifting = Lifting(context, groups, rows, scope)
        condition: Expression | None = None
        if clause.having is not None:
            condition = lifting.attempt(
                lambda expr, seen: context.expressions.condition(expr, seen, "having"), clause.having
            )
        items: list[Item] | None = None
        if select.ungroup is None:
            items, _ = bind_items(
                context, select.items, scope, lambda expr: lifting.attempt(context.expressions.bind, expr)
            )
        node = count_before_clauses(lifting.group(), source, context.fresh_id)
        if condition is not None and clause.having is not None:
            node = Filter(node, (condition,), span=clause.having.span)
        return node, scope, items

    def _rest(
        self,
        select: ast.Select,
        tail: ast.Statement,
        node: Node,
        base: Node,
        scope: Scope,
        items: Sequence[Item],
    ) -> Relation:
        """DISTINCT, LIMIT and SAMPLE BY, then the select list; rows are numbered as `base` has them."""
        context = self.context
        if select.distinct:
            node = Distinct(
                node, tuple([grouping_key(item.expression, select.span) for item in items]), span=select.span
            )
        if select.top is not None:
            node = Limit(node, 0, min(select.top, MAX_ROWS), span=select.span)
        node = clauses.limit(context, node, tail.limit)
        node = clauses.sample(context, node, tail.sample, scope)
        return project(context, count_before_clauses(node, base, context.fresh_id), items, select)


_COMPUTED_LATER = (
    "is computed by this select list, after all else; "
    "put it into a sub-query: select ... from (select ...) where ..."
)

_WINDOW = "is the number of a window, and EXPAND BY makes the windows behind WHERE"

_ORDERED_BEFORE = (
    "is computed behind {}, but ORDER BY orders the rows before it; "
    "to order the result, put it into a sub-query: select * from (select ...) order by ..."
)


def _is_limited(select: ast.Select, tail: ast.Statement) -> bool:
    return select.top is not None or (tail.limit is not None and tail.limit.count is not None)
