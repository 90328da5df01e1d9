"""From query text to physical plan: the map of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from tql import ast
from tql.collector import at_rest
from tql.parser import parse, parse_expression
from tql.planner.binder import bind, bind_weight
from tql.planner.context import Resolver
from tql.planner.expressions import Column
from tql.planner.grouping import holds_groups
from tql.planner.logical import Output, Scan, nodes, schema_of, source_of
from tql.planner.lowering import lower
from tql.planner.places import Place, place_of
from tql.planner.rewrite import Fired, optimize
from tql.room import with_room
from tql.schema import Field, Schema

T = TypeVar("T")


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
        source: the schema of the bound source, None if there was none.
        sources: schemas of the named sources that the plan reads, by key.
    """

    text: str
    statement: ast.Statement | ast.Expr
    logical: Output
    optimized: Output
    physical: dict[str, Any]
    fired: tuple[Fired, ...]
    schema: Schema
    order_chosen: bool
    source: Schema | None
    sources: Mapping[str, Schema]

    def place_of(self, node: int) -> Place | None:
        """Which clause a node of the physical plan stands for, by its number."""
        return place_of(self.optimized, node)

    @property
    def counted(self) -> Schema:
        """The columns of the source whose rows the answer counts: bound, named, or made by the plan."""
        return schema_of(self.optimized)


def plan(
    text: str,
    schema: Schema | None,
    *,
    params: Sequence[Any] = (),
    disable: Collection[str] = (),
    sources: Resolver | None = None,
) -> PlannedQuery:
    """Plan a query.

    Args:
        text: the query.
        schema: of the bound source, which a SELECT without FROM runs on; None if there is none.
        params: values of `?`, left to right: numbers, bools, texts and lists of these.
        disable: names of rules that stay out.
        sources: gives the key and the schema of a source that FROM names, or None where there is none of that
            name. Equal keys are the same data; "" is the key of the bound source. Its optional attribute
            `names` lists what it knows, for messages.

    Raises:
        TQLError: for a mistake in the query; further independent ones are in its `related`.
        ArgumentError: if `disable` names no rule.
    """
    with at_rest(text):
        statement = parse(text)

        def work() -> PlannedQuery:
            return _finish(text, statement, bind(statement, text, schema, params, sources), schema, disable)

        return _with_room(statement, work)


def plan_weights(
    text: str, schema: Schema, *, params: Sequence[Any] = (), disable: Collection[str] = ()
) -> PlannedQuery:
    """Plan a stand-alone weight expression, as in `sample by <text>`.

    The answer has every row, with one computed float64 column called "weight". Raises what `plan` raises.
    """
    with at_rest(text):
        expr = parse_expression(text)

        def work() -> PlannedQuery:
            return _finish(text, expr, bind_weight(expr, text, schema, params), schema, disable)

        return _with_room(expr, work)


def _with_room(tree: ast.Node, work: Callable[[], T]) -> T:
    return with_room(ast.depth(tree), work)


def _finish(
    text: str,
    statement: ast.Statement | ast.Expr,
    logical: Output,
    bound: Schema | None,
    disable: Collection[str],
) -> PlannedQuery:
    optimized, fired = optimize(logical, disable)
    return PlannedQuery(
        text,
        statement,
        logical,
        optimized,
        lower(optimized),
        fired,
        _answer_schema(logical),
        logical.order_chosen,
        bound,
        {node.key: node.schema for node in nodes(optimized) if isinstance(node, Scan) and node.key},
    )


def _answer_schema(plan: Output) -> Schema:
    """Fields of the answer: what is known of a source column stays known under its new name."""
    source = schema_of(plan)
    return Schema(
        [
            replace(source[c.source.name], name=c.name)
            if isinstance(c.source, Column)
            else Field(c.name, c.type)
            for c in plan.columns
        ],
        grouped=holds_groups(source_of(plan)),
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

    return _with_room(planned.statement, lambda: render(planned, statistics, format))
