"""Sections 1 and 13: the steps of a statement in their order, and the select list."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reference import constants, relations
from reference.checking import check_condition, check_single, type_of
from reference.expressions import value_of
from reference.relations import Relation, Sample
from reference.scope import Row, Scope
from reference.set_operations import combine
from reference.table import Table, Value
from tql import ast
from tql.errors import (
    AliasRequiredError,
    DuplicateColumnError,
    ParameterError,
    QueryTypeError,
    SourceNotFoundError,
    UnknownAliasError,
)
from tql.types import INT64, Type


class ReferenceGapError(Exception):
    """The query uses what the reference engine does not cover (joins, groups, a sample below the top)."""


@dataclass(frozen=True)
class ReferenceResult:
    """What a query must give.

    Attributes:
        rows: row numbers of the dataset, in order; where the query samples, the population.
        columns: the values of every visible column, one per row of `rows`.
        types: the static type of each column.
        sample: the draw to be made from `rows`, where the query samples.
        tolerated: categories of errors that an engine may raise instead (section 5).
        unsaid: what the query met that the language reference leaves open; where there is anything, another
            answer may be right too.
    """

    rows: list[int]
    columns: dict[str, list[Value]]
    types: dict[str, Type]
    sample: Sample | None
    tolerated: frozenset[str]
    unsaid: frozenset[str]


@dataclass(frozen=True)
class _Context:
    table: Table
    sources: Mapping[str, Table]
    parameters: Sequence[Any]
    tolerated: set[str]
    unsaid: set[str]


def evaluate(
    statement: ast.Statement,
    table: Table,
    *,
    seed: int | None = None,
    parameters: Sequence[Any] = (),
    sources: Mapping[str, Table] | None = None,
) -> ReferenceResult:
    """Evaluate a query on a table.

    Args:
        statement: the query.
        table: the dataset that the query is called on.
        seed: accepted for symmetry with the engine; a draw is described, never made.
        parameters: values of `?`, left to right.
        sources: datasets that FROM may name.

    Raises:
        TQLError: of the category that the language reference gives to the mistake.
        ReferenceGapError: if the reference does not cover the query.
    """
    del seed
    found = sum(isinstance(node, ast.Parameter) for node in walk(statement))
    if found != len(parameters):
        raise ParameterError(f"{found} parameters, {len(parameters)} values")
    context = _Context(table, sources or {}, parameters, set(), set())
    result = _statement(statement, context)
    return ReferenceResult(
        rows=[row.source_row for row in result.rows],
        columns={name: [row.cells[name] for row in result.rows] for name in result.columns},
        types=result.columns,
        sample=result.sample,
        tolerated=frozenset(context.tolerated),
        unsaid=frozenset(context.unsaid),
    )


def walk(node: object) -> list[ast.Node]:
    """A node and everything below it."""
    if isinstance(node, tuple):
        return [found for item in node for found in walk(item)]
    if not isinstance(node, ast.Node):
        return []
    below = [walk(getattr(node, field.name)) for field in dataclasses.fields(node)]
    return [node, *[found for nodes in below for found in nodes]]


def _statement(statement: ast.Statement, context: _Context) -> Relation:
    match statement.body:
        case ast.Select() as select:
            return _select(select, statement, context)
        case ast.SetOperation() as operation:
            combined = _set_operation(operation, context)
    scope = _scope(combined.columns, None, context)
    _check_tail(statement, scope)
    arranged = combined.arranged or bool(statement.order_by) or statement.sample is not None
    rows = relations.order(relations.numbered(combined.rows), statement.order_by, scope)
    rows = _limited(rows, statement.limit, context)
    sample = _sampled(rows, statement.sample, scope)
    return Relation(combined.columns, relations.numbered(rows), arranged, sample)


def _set_operation(operation: ast.SetOperation, context: _Context) -> Relation:
    sides = []
    for operand in (operation.left, operation.right):
        match operand:
            case ast.SetOperation():
                side = _set_operation(operand, context)
            case ast.Select():
                side = _select(operand, ast.Statement(operand), context)
            case ast.Statement():
                side = _statement(operand, context)
        if side.sample is not None:
            raise ReferenceGapError("a sampled operand")
        sides.append(side)
    return combine(operation, sides[0], sides[1])


def _select(select: ast.Select, tail: ast.Statement, context: _Context) -> Relation:
    """One SELECT with the ORDER BY, LIMIT and SAMPLE BY that belong to it, in the order of section 1."""
    if select.group_by is not None or select.ungroup is not None:
        raise ReferenceGapError("GROUP BY and UNGROUP BY")
    source, alias = _source(select.source, context)
    before_expand = _scope(source.columns, alias, context)
    if select.where is not None:
        check_condition(select.where, before_expand)
    columns = dict(source.columns)
    if select.expand is not None and select.expand.alias is not None:
        columns[select.expand.alias] = INT64
    scope = _scope(columns, alias, context)
    items = _select_list(select.items, scope)
    types = {name: type_of(expr, scope) for name, expr in items.items()}
    named = {i.alias: i.expr for i in select.items if isinstance(i, ast.SelectItem) and i.alias is not None}
    order_scope = replace(scope, computed=named)
    _check_tail(tail, scope, order_scope)

    rows = relations.numbered(source.rows)
    if select.where is not None:
        rows = relations.where(rows, select.where, before_expand)
    if select.expand is not None:
        rows = relations.expand(relations.numbered(source.rows), rows, select.expand)
    rows = relations.order(rows, tail.order_by, order_scope)
    if select.distinct:
        values = [[value_of(expr, row, scope) for expr in items.values()] for row in rows]
        rows = relations.distinct(rows, values)
    if select.top is not None:
        rows = rows[: select.top]
    rows = _limited(rows, tail.limit, context)
    sample = _sampled(rows, tail.sample, scope)
    result = [
        Row(row.source_row, {name: value_of(expr, row, scope) for name, expr in items.items()}, row.number)
        for row in relations.numbered(rows)
    ]
    arranged = source.arranged or bool(tail.order_by) or select.expand is not None or tail.sample is not None
    return Relation(types, result, arranged, sample)


def _source(source: ast.FromSource | None, context: _Context) -> tuple[Relation, str | None]:
    """The input rows of a SELECT and the alias that names them."""
    match source:
        case None:
            return _all_rows(context.table), None
        case ast.TableName(name, alias):
            if name not in context.sources:
                raise SourceNotFoundError(f"no dataset {name!r}", span=source.span)
            return _all_rows(context.sources[name]), alias
        case ast.SubQuery(statement, alias):
            inner = _statement(statement, context)
            if inner.sample is not None:
                raise ReferenceGapError("a sampled sub-query")
            return inner, alias
        case ast.Join():
            raise ReferenceGapError("joins")


def _all_rows(table: Table) -> Relation:
    rows = [
        Row(number, {name: cells[number] for name, cells in table.cells.items()}, number)
        for number in range(table.num_rows)
    ]
    return Relation(dict(table.columns), rows)


def _scope(columns: Mapping[str, Type], alias: str | None, context: _Context) -> Scope:
    return Scope(columns, context.table, alias, {}, context.parameters, context.tolerated, context.unsaid)


def _select_list(items: Sequence[ast.SelectItem | ast.Star], scope: Scope) -> dict[str, ast.Expr]:
    """Output columns in order: an explicit item replaces the column of that name that `*` brings."""
    explicit = [_item_name(item, scope) for item in items if isinstance(item, ast.SelectItem)]
    selected: dict[str, ast.Expr] = {}
    for item in items:
        if isinstance(item, ast.Star):
            if item.qualifier is not None and item.qualifier != scope.alias:
                raise UnknownAliasError(f"no source named {item.qualifier!r}", span=item.span)
            new: dict[str, ast.Expr] = {n: ast.Name(n) for n in scope.columns if n not in explicit}
        else:
            new = {_item_name(item, scope): item.expr}
        for name, expr in new.items():
            if name in selected:
                raise DuplicateColumnError(f"two columns named {name!r}", span=item.span)
            selected[name] = expr
    return selected


def _item_name(item: ast.SelectItem, scope: Scope) -> str:
    """The alias, or the name of the single column that the item uses."""
    if item.alias is not None:
        return item.alias
    type_of(item.expr, scope)  # a wrong name is reported before a missing alias
    names = {node.name for node in walk(item.expr) if isinstance(node, ast.Name)}
    if len(names) != 1:
        raise AliasRequiredError("this item needs a name: AS ...", span=item.span)
    return names.pop()


def _check_tail(tail: ast.Statement, scope: Scope, order_scope: Scope | None = None) -> None:
    for key in tail.order_by:
        check_single(key.expr, type_of(key.expr, order_scope or scope))
    if tail.sample is not None:
        type_ = type_of(tail.sample.weight, scope)
        if not type_.is_numeric and type_.element != "json":
            raise QueryTypeError("a weight must be a number", span=tail.sample.weight.span)
        check_single(tail.sample.weight, type_)
        if tail.sample.count is not None:
            constants.percent(tail.sample.count, scope.parameters)
    if tail.limit is not None:
        for number in (tail.limit.count, tail.limit.offset):
            if number is not None:
                constants.percent(number, scope.parameters)


def _limited(rows: list[Row], limit: ast.Limit | None, context: _Context) -> list[Row]:
    """OFFSET, then LIMIT; PERCENT of the rows so far."""
    if limit is None:
        return rows
    if limit.offset is not None:
        rows = rows[constants.count(limit.offset, context.parameters) :]
    if limit.count is None:
        return rows
    if limit.percent:
        per_cent = constants.percent(limit.count, context.parameters)
        return rows[: constants.rows_of_percent(len(rows), per_cent)]
    return rows[: constants.count(limit.count, context.parameters)]


def _sampled(rows: list[Row], by: ast.SampleBy | None, scope: Scope) -> Sample | None:
    if by is None:
        return None
    if by.count is None:
        count = len(rows)
    elif by.percent:
        count = constants.rows_of_percent(len(rows), constants.percent(by.count, scope.parameters))
    else:
        count = constants.count(by.count, scope.parameters)
    return relations.sample(rows, by, count, scope)
