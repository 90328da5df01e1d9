"""From AST statements to the logical plan: a SELECT's clauses in their order, set operations, mistakes.

Every independent mistake of a query is found: the first in the text is raised, the others are its `related`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tql import ast
from tql.errors import InternalError, TQLError, UnsupportedError
from tql.planner import clauses
from tql.planner.context import Context, Resolver
from tql.planner.expressions import Computed
from tql.planner.from_clause import bind_source
from tql.planner.logical import (
    ComputedColumn,
    Distinct,
    Filter,
    Limit,
    Output,
    OutputColumn,
    Project,
    Scan,
    schema_of,
)
from tql.planner.relations import order_is_chosen
from tql.planner.row_numbers import count_before_clauses
from tql.planner.scope import Failed, Scope
from tql.planner.select_list import Relation, bind_items, compute_random_early, order_scope, project
from tql.planner.set_operations import combine
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
    return Output(relation.node, columns, order_is_chosen(relation.node), span=statement.span)


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
        node = clauses.order(context, combined.node, statement.order_by, scope)
        node = clauses.limit(context, node, statement.limit)
        node = clauses.sample(context, node, statement.sample, scope)
        return Relation(count_before_clauses(node, combined.node, context.fresh_id), combined.columns)

    def _operand(self, operand: ast.Select | ast.SetOperation | ast.Statement) -> Relation:
        if isinstance(operand, ast.Statement):
            return self.statement(operand)
        if isinstance(operand, ast.Select):
            return self._select(operand, ast.Statement(operand, span=operand.span))
        context = self.context
        with context.set_operation():
            left = context.attempt(self._operand, operand.left)
            right = context.attempt(self._operand, operand.right)
        if left is None or right is None:
            raise Failed
        return Relation(
            *combine(operand, (left.node, left.columns), (right.node, right.columns), context.fresh_id)
        )

    def _select(self, select: ast.Select, tail: ast.Statement) -> Relation:
        """One SELECT and the ORDER BY, LIMIT and SAMPLE BY behind it, in their order of evaluation."""
        context = self.context
        self._refuse_later_work(select)
        source = bind_source(context, select.source, self.statement)
        scope = source.scope
        items, broken = bind_items(context, select.items, scope)
        made = frozenset(i.name for i in items if i.explicit and i.name not in scope.columns) | broken
        inner = replace(scope, hidden=made)

        node = source.node
        if select.where is not None:
            condition = context.attempt(context.expressions.condition, select.where, inner, "where")
            if condition is not None:
                node = Filter(node, (condition,), span=select.where.span)

        node, items = compute_random_early(context, node, items, select, tail)
        seen, substitutes = order_scope(scope, items, broken)
        node = clauses.order(context, node, tail.order_by, seen, substitutes)
        if select.distinct:
            node = Distinct(node, tuple([item.expression for item in items]), span=select.span)
        if select.top is not None:
            node = Limit(node, 0, min(select.top, clauses.MAX_ROWS), span=select.span)
        node = clauses.limit(context, node, tail.limit)
        node = clauses.sample(context, node, tail.sample, inner)
        return project(context, count_before_clauses(node, source.node, context.fresh_id), items, select)

    def _refuse_later_work(self, select: ast.Select) -> None:
        for clause, name in (
            (select.expand, "EXPAND BY"),
            (select.group_by, "GROUP BY"),
            (select.ungroup, "UNGROUP BY"),
        ):
            if clause is not None:
                raise UnsupportedError(f"{name} is not available yet", span=clause.span)
