"""ORDER BY, LIMIT, OFFSET and SAMPLE BY."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tql import ast
from tql.errors import ArityError, QueryTypeError, QueryValueError, UnsupportedError
from tql.planner import coercion, json_values
from tql.planner.context import Context
from tql.planner.expressions import Column, Computed, Constant, Expression, cast, substitute
from tql.planner.logical import MAX_ROWS, Bm25, Limit, Node, Sample, Scan, Sort, SortKey, source_of
from tql.planner.scope import Failed, Scope
from tql.types import FLOAT64


def order(
    context: Context,
    node: Node,
    statement: ast.Statement,
    scope: Scope,
    is_limited: bool,
    substitutes: Mapping[str, Expression] | None = None,
) -> Node:
    """The rows in the order that a statement asks for.

    Args:
        context: of the query.
        node: the rows.
        statement: has the keys, perhaps none.
        scope: what they see.
        is_limited: whether a LIMIT keeps some of the rows in this order.
        substitutes: what stands behind computed columns of the scope.
    """
    keys = statement.order_by
    bound: list[SortKey] = []
    for key in keys:
        if isinstance(key.expr, ast.Call) and key.expr.function == "bm25_similarity":
            scored = context.attempt(_search, context, node, key, key.expr, scope, is_limited)
            if scored is not None:
                node = scored
                bound.append(SortKey(Computed(FLOAT64, scored.id, span=key.span), True))
            continue
        expression = context.attempt(_order_key, context, key, scope, substitutes or {})
        if expression is not None:
            parts = json_values.json_order_keys(expression)
            bound.extend(SortKey(part, key.descending) for part in parts)
    return Sort(node, tuple(bound), span=keys[0].span.to(keys[-1].span)) if bound else node


def _order_key(
    context: Context, key: ast.OrderKey, scope: Scope, substitutes: Mapping[str, Expression]
) -> Expression:
    expression = context.expressions.bind(key.expr, scope)
    if substitutes:
        expression = substitute(expression, substitutes)
    coercion.check_usable(expression)
    return coercion.to_scalar(expression, "order by", context.text)


def _search(
    context: Context, node: Node, key: ast.OrderKey, call: ast.Call, scope: Scope, is_limited: bool
) -> Bm25:
    """The rows with a score of how well a text column goes with some words."""
    if not key.descending or not is_limited:
        raise UnsupportedError(
            "bm25_similarity ranks the best rows only: "
            + ("add DESC" if is_limited else "add DESC and LIMIT"),
            span=key.span,
            hint=_SEARCH,
        )
    if len(call.args) != 2:
        raise ArityError(
            f"bm25_similarity takes 2 arguments, {len(call.args)} given", span=call.span, hint=_SEARCH
        )
    column = context.attempt(context.expressions.bind, call.args[0], scope)
    words = context.attempt(context.expressions.constant, call.args[1], "the text to search for", text=True)
    if column is None or words is None:
        raise Failed
    field = scope.field_of(column)
    typed = coercion.snippet_of(call.args[0].span, context.text)
    if not isinstance(column, Column) or column.facet != "values" or not isinstance(source_of(node), Scan):
        raise UnsupportedError(
            f"bm25_similarity searches a column of a dataset: {typed}",
            span=call.args[0].span,
            hint="search in a sub-query that reads the dataset alone",
        )
    if column.type.element != "text" or not column.type.is_scalar:
        raise QueryTypeError(
            f"bm25_similarity needs a text column, not {coercion.describe(column.type)}: {typed}",
            span=call.args[0].span,
        )
    if field is None or field.index != "bm25":
        raise UnsupportedError(
            f"the column has no BM25 index: {typed}",
            span=call.args[0].span,
            hint='make the dataset with index="bm25" for this column, or filter with contains()',
        )
    if not isinstance(words.value, str):
        raise QueryTypeError("the text to search for must be a text", span=words.span)
    return Bm25(node, context.fresh_id("bm25"), column, words.value, span=call.span)


_SEARCH = "the one form is: ORDER BY BM25_SIMILARITY(column, 'text') DESC LIMIT k"


def limit(context: Context, node: Node, clause: ast.Limit | None) -> Node:
    """The rows that LIMIT and OFFSET leave."""
    if clause is None:
        return node
    offset: int | None = 0
    if clause.offset is not None:
        offset = context.attempt(_row_count, context, clause.offset, "OFFSET")
    if clause.count is None:
        return Limit(node, offset or 0, span=clause.span)
    if clause.percent:
        percent = context.attempt(_number, context, clause.count, "LIMIT")
        if offset:
            node = Limit(node, offset, span=clause.span)
        return Limit(node, percent=percent, span=clause.span)
    count = context.attempt(_row_count, context, clause.count, "LIMIT")
    return Limit(node, offset or 0, count, span=clause.span)


def sample(context: Context, node: Node, clause: ast.SampleBy | None, scope: Scope) -> Node:
    """The rows that SAMPLE BY draws."""
    if clause is None:
        return node
    drawn = context.attempt(weight, context, clause.weight, scope)
    count: int | None = None
    percent: float | None = None
    if clause.count is not None and clause.percent:
        percent = context.attempt(_number, context, clause.count, "LIMIT")
    elif clause.count is not None:
        count = context.attempt(_row_count, context, clause.count, "LIMIT")
    if drawn is None:
        return node
    return Sample(node, drawn, clause.replace, count, percent, span=clause.span)


def weight(context: Context, expr: ast.Expr, scope: Scope) -> Expression:
    """A weight per row, as float64."""
    x = json_values.number(context.expressions.bind(expr, scope))
    coercion.check_usable(x)
    if not x.type.is_numeric:
        raise QueryTypeError(
            f"a weight is a number, not {coercion.describe(x.type)}: {coercion.snippet(x, context.text)}",
            span=x.span,
            hint="weigh conditions with max_weight(condition: weight, ...)",
        )
    x = coercion.to_scalar(x, "a weight", context.text)
    if isinstance(x, Constant) and x.value == math.inf:
        raise QueryValueError("a weight must be finite", span=expr.span)
    return x if x.type.element == "float64" else cast(x, FLOAT64.element)


def _number(context: Context, node: ast.Expr, clause: str) -> float:
    """A constant that is not negative."""
    constant = context.expressions.constant(node, clause)
    typed = coercion.snippet_of(node.span, context.text)
    if not (constant.type.is_integer or constant.type.is_float) or not constant.type.is_single:
        raise QueryTypeError(f"{clause} needs a number: {typed}", span=node.span)
    value: Any = constant.value
    while isinstance(value, tuple):
        value = value[0]
    if isinstance(value, float) and not math.isfinite(value):
        raise QueryValueError(f"{clause} needs a finite number: {typed}", span=node.span)
    if value < 0:
        raise QueryValueError(f"{clause} cannot be negative: {typed}", span=node.span)
    return float(value) if isinstance(value, float) else value


def _row_count(context: Context, node: ast.Expr, clause: str) -> int:
    return min(int(_number(context, node, clause)), MAX_ROWS)
