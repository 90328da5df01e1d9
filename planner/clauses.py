"""ORDER BY, LIMIT, OFFSET and SAMPLE BY."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tql import ast
from tql.errors import QueryTypeError, QueryValueError
from tql.planner import coercion
from tql.planner.context import Context
from tql.planner.expressions import Constant, Expression, cast, substitute
from tql.planner.logical import Limit, Node, Sample, Sort, SortKey
from tql.planner.scope import Scope
from tql.types import FLOAT64

MAX_ROWS = 2**63 - 1


def order(
    context: Context,
    node: Node,
    keys: Sequence[ast.OrderKey],
    scope: Scope,
    substitutes: Mapping[str, Expression] | None = None,
) -> Node:
    """The rows in order; `substitutes` are what stands behind computed columns of the scope."""
    bound: list[SortKey] = []
    for key in keys:
        expression = context.attempt(_order_key, context, key, scope, substitutes or {})
        if expression is not None:
            bound.append(SortKey(expression, key.descending))
    return Sort(node, tuple(bound), span=keys[0].span.to(keys[-1].span)) if bound else node


def _order_key(
    context: Context, key: ast.OrderKey, scope: Scope, substitutes: Mapping[str, Expression]
) -> Expression:
    expression = context.expressions.bind(key.expr, scope)
    if substitutes:
        expression = substitute(expression, substitutes)
    coercion.check_usable(expression)
    return coercion.to_scalar(expression, "order by", context.text)


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
    x = context.expressions.bind(expr, scope)
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
