"""From query text to physical plan: the map of the compiler."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tql import ast
from tql.parser import parse, parse_expression
from tql.planner.binder import bind, bind_weight
from tql.planner.logical import Output
from tql.planner.lowering import lower
from tql.planner.rewrite import Fired, optimize
from tql.schema import Field, Schema


@dataclass(frozen=True)
class PlannedQuery:
    """A query with every stage of its compilation.

    Attributes:
        text: the query.
        statement: its syntax tree.
        logical: the bound plan, as the query says it.
        optimized: the same after the rules.
        physical: plain data for the engine (docs/plan-format.md).
        fired: the rules that changed something, in order, with how often and how long.
        schema: the columns of the answer.
        order_chosen: whether the rows come in an order that the query asked for.
        source: the schema that the query was planned against.
    """

    text: str
    statement: ast.Statement | ast.Expr
    logical: Output
    optimized: Output
    physical: dict[str, Any]
    fired: tuple[Fired, ...]
    schema: Schema
    order_chosen: bool
    source: Schema


def plan(
    text: str, schema: Schema, *, params: Sequence[Any] = (), disable: Collection[str] = ()
) -> PlannedQuery:
    """Plan a query.

    Args:
        text: the query.
        schema: the columns that it runs on.
        params: values of `?`, left to right: numbers, bools, texts and lists of these.
        disable: names of rules that stay out.

    Raises:
        TQLError: for a mistake in the query; further independent ones are in its `related`.
        ArgumentError: if `disable` names no rule.
    """
    statement = parse(text)
    return _finish(text, statement, bind(statement, text, schema, params), schema, disable)


def plan_weights(
    text: str, schema: Schema, *, params: Sequence[Any] = (), disable: Collection[str] = ()
) -> PlannedQuery:
    """Plan a stand-alone weight expression, as in `sample by <text>`.

    The answer has every row, with one computed float64 column called "weight". Raises what `plan` raises.
    """
    expr = parse_expression(text)
    return _finish(text, expr, bind_weight(expr, text, schema, params), schema, disable)


def _finish(
    text: str, statement: ast.Statement | ast.Expr, logical: Output, schema: Schema, disable: Collection[str]
) -> PlannedQuery:
    optimized, fired = optimize(logical, schema, disable)
    return PlannedQuery(
        text,
        statement,
        logical,
        optimized,
        lower(optimized),
        fired,
        _schema_of(logical, schema),
        logical.order_chosen,
        schema,
    )


def _schema_of(plan: Output, source: Schema) -> Schema:
    """Fields of the answer: what is known of a source column stays known under its new name."""
    from dataclasses import replace

    from tql.planner.expressions import Column

    return Schema(
        [
            replace(source[c.source.name], name=c.name)
            if isinstance(c.source, Column)
            else Field(c.name, c.type)
            for c in plan.columns
        ]
    )


def explain(
    planned: PlannedQuery,
    statistics: Sequence[Mapping[str, Any]] | None = None,
    format: Literal["text", "json"] | str = "text",
) -> str:
    """The plan for a reader.

    Args:
        planned: the query.
        statistics: what a run measured (`_engine.Result.statistics`), or None for the plan alone.
        format: "text" for people, "json" for tools.

    Raises:
        ArgumentError: for another format.
    """
    from tql.planner.rendering import render

    return render(planned, statistics, format)
