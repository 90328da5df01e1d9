"""Section 1: the steps of a statement, in their order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reference import constants, groups, relations
from reference.checking import check_condition, check_single, type_of
from reference.expressions import value_of
from reference.joins import join
from reference.relations import Relation, Sample
from reference.scope import Column, Computed, HostFunction, Row, Scope
from reference.search import check_search, is_search, search_order
from reference.select_list import computed_items, output_column, select_list, selected_columns, walk
from reference.set_operations import combine
from reference.sources import Context, Input, settled, table_input
from reference.table import Table, Value
from tql import ast
from tql.errors import ParameterError, QueryTypeError
from tql.types import INT64, Type


@dataclass(frozen=True)
class ReferenceResult:
    """What a query must give.

    Attributes:
        rows: row numbers of the dataset, in order; where the query samples, the population. Of a result that
            GROUP BY, a join and the like made, just 0, 1, 2, ...
        source: the key of the dataset that the rows are of ("" for the bound one); None if they were made.
        columns: the values of every visible column, one per row of `rows`.
        types: the static type of each column.
        sample: the draw to be made from `rows`, where the query samples.
        tolerated: categories of errors that an engine may raise instead (section 5).
        unsaid: what the query met that the language reference leaves open; where there is anything, another
            answer may be right too.
    """

    rows: list[int]
    source: str | None
    columns: dict[str, list[Value]]
    types: dict[str, Type]
    sample: Sample | None
    tolerated: frozenset[str]
    unsaid: frozenset[str]


def evaluate(
    statement: ast.Statement,
    table: Table | None,
    *,
    seed: int | None = None,
    parameters: Sequence[Any] = (),
    sources: Mapping[str, Table] | None = None,
    functions: Mapping[str, HostFunction] | None = None,
) -> ReferenceResult:
    """Evaluate a query on a table.

    Args:
        statement: the query.
        table: the dataset that the query is called on, if there is one.
        seed: accepted for symmetry with the engine; a draw is described, never made.
        parameters: values of `?`, left to right.
        sources: datasets that FROM may name.
        functions: registered functions by name, in lower case.

    Raises:
        TQLError: of the category that the language reference gives to the mistake.
        ReferenceGapError: if the reference does not cover the query.
    """
    del seed
    found = sum(isinstance(node, ast.Parameter) for node in walk(statement))
    if found != len(parameters):
        raise ParameterError(f"{found} parameters, {len(parameters)} values")
    if not all(_is_value(value) for value in parameters):
        raise ParameterError("a parameter is a number, bool, text or list")
    context = Context(table, sources or {}, parameters, functions or {})
    result = _statement(statement, context)
    source = result.source if isinstance(result.source, str) else None
    made = list(range(len(result.rows)))
    return ReferenceResult(
        rows=made if source is None else [row.source_row for row in result.rows],
        source=source,
        columns={name: [row.cells[name] for row in result.rows] for name in result.columns},
        types={name: column.type for name, column in result.columns.items()},
        sample=result.sample,
        tolerated=frozenset(context.tolerated),
        unsaid=frozenset(context.unsaid),
    )


def _is_value(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_value(item) for item in value)
    return isinstance(value, bool | int | float | str)


def _statement(statement: ast.Statement, context: Context) -> Relation:
    match statement.body:
        case ast.Select() as select:
            return _select(select, statement, context)
        case ast.SetOperation() as operation:
            combined = _set_operation(operation, context)
        case ast.Statement() as inner:
            combined = settled(_statement(inner, context))
    scope = context.scope(tuple(combined.columns.values()))
    _check_order(statement, scope)
    _check_tail(statement, scope)
    rows = _ordered(relations.numbered(combined.rows), statement.order_by, scope)
    rows = _limited(rows, statement.limit, scope)
    sample = _sampled(rows, statement.sample, scope)
    arranged = combined.arranged or bool(statement.order_by) or statement.sample is not None
    return replace(combined, rows=relations.numbered(rows), arranged=arranged, sample=sample)


def _set_operation(operation: ast.SetOperation, context: Context) -> Relation:
    sides = []
    for operand in (operation.left, operation.right):
        match operand:
            case ast.SetOperation():
                side = _set_operation(operand, context)
            case ast.Select():
                side = _select(operand, ast.Statement(operand), context)
            case ast.Statement():
                side = _statement(operand, context)
        sides.append(settled(side))
    return combine(operation, sides[0], sides[1])


@dataclass(frozen=True)
class _Scopes:
    """What names mean at each step of a SELECT.

    Attributes:
        before: in WHERE.
        rows: in ORDER BY and GROUP BY, EXPAND BY's column included.
        order: as `rows`, but items of the select list are visible by their alias.
        grouped: in HAVING, if there is GROUP BY.
        final: in the select list and SAMPLE BY.
        cuts: how UNGROUP BY takes rows apart.
    """

    before: Scope
    rows: Scope
    order: Scope
    grouped: Scope | None
    final: Scope
    cuts: groups.Cuts | None


def _select(select: ast.Select, tail: ast.Statement, context: Context) -> Relation:
    """One SELECT with the ORDER BY, LIMIT and SAMPLE BY that belong to it, in the order of section 1."""
    source = _input(select.source, context)
    scopes = _scopes(select, source, context)
    items = select_list(select.items, scopes.final)
    columns = {name: output_column(name, expr, scopes.final) for name, expr in items.items()}
    _check(select, tail, scopes)

    rows, made = _rows(select, tail, source, scopes)
    if select.distinct:
        shown = relations.numbered(rows)  # as they would be shown if all stayed
        values = [[value_of(expr, row, scopes.final) for expr in items.values()] for row in shown]
        rows = relations.distinct(rows, values)
    if select.top is not None:
        rows = rows[: select.top]
    rows = _limited(rows, tail.limit, scopes.final)
    sample = _sampled(rows, tail.sample, scopes.final)
    result = [_computed(row, items, scopes.final) for row in relations.numbered(rows)]
    arranged = (
        source.arranged or bool(tail.order_by) or tail.sample is not None
        or select.expand is not None or select.group_by is not None
    )  # fmt: skip
    grouped = select.ungroup is None and (source.grouped or select.group_by is not None)
    return Relation(columns, result, made or source.source, arranged, grouped, sample)


def _computed(row: Row, items: Mapping[str, ast.Expr], scope: Scope) -> Row:
    return replace(row, cells=Computed(items, lambda name: value_of(items[name], row, scope)))


def _input(source: ast.FromSource | None, context: Context) -> Input:
    if isinstance(source, ast.Join):
        return join(source, _input(source.left, context), _input(source.right, context), context)
    return table_input(source, context, lambda statement: _statement(statement, context))


def _scopes(select: ast.Select, source: Input, context: Context) -> _Scopes:
    before = final = context.scope(source.columns)
    if select.expand is not None and select.expand.alias is not None:
        column = Column(select.expand.alias, INT64, relations.EXPAND_KEY)
        final = context.scope((*source.columns, column))
    rows, grouped, cuts = final, None, None
    if select.group_by is not None:
        grouped = final = replace(context.scope(groups.grouped_columns(rows.columns)), grouped=True)
    if select.ungroup is not None:
        # the rows made may have one column more, which the select list may name
        numbered = select.ungroup.by is None and (source.grouped or grouped is not None)
        named = context.scope(groups.with_frame_number(final.columns)) if numbered else final
        cuts = groups.cuts(select.ungroup, selected_columns(select.items, named), final)
        final = context.scope(groups.ungrouped_columns(named.columns, cuts))
    computed = computed_items(select.items) if grouped is None and cuts is None else {}
    return _Scopes(before, rows, replace(rows, computed=computed), grouped, final, cuts)


def _check(select: ast.Select, tail: ast.Statement, scopes: _Scopes) -> None:
    """Section 18: types are checked before any row is read."""
    if select.where is not None:
        check_condition(select.where, scopes.before)
    if select.group_by is not None and scopes.grouped is not None:
        for key in select.group_by.keys:
            check_single(key, type_of(key, scopes.rows))
        if select.group_by.having is not None:
            check_condition(select.group_by.having, scopes.grouped)
    _check_order(tail, scopes.order)
    _check_tail(tail, scopes.final)


def _rows(
    select: ast.Select, tail: ast.Statement, source: Input, scopes: _Scopes
) -> tuple[list[Row], Hashable]:
    """WHERE, EXPAND BY, ORDER BY, GROUP BY, HAVING, UNGROUP BY; and what the rows are of, if made here."""
    rows = relations.numbered(source.rows)
    if select.where is not None:
        rows = relations.where(rows, select.where, scopes.before)
    if select.expand is not None:
        rows = relations.expand(relations.numbered(source.rows), rows, select.expand)
    rows = _ordered(rows, tail.order_by, scopes.order)
    made: Hashable = None
    equal_when = (source.source, select.source, select.where, select.expand, tail.order_by)
    if select.group_by is not None and scopes.grouped is not None:
        made = ("group", *equal_when, select.group_by.keys)
        rows = groups.group(rows, select.group_by.keys, scopes.rows, made)
        if select.group_by.having is not None:
            rows = relations.where(rows, select.group_by.having, scopes.grouped)
    if select.ungroup is not None and scopes.cuts is not None:
        made = ("ungroup", *equal_when, select.group_by, select.ungroup, scopes.cuts.split)
        rows = groups.ungroup(relations.numbered(rows), scopes.cuts, made)
    return rows, made


def _check_order(tail: ast.Statement, scope: Scope) -> None:
    if is_search(tail.order_by):
        check_search(tail, scope)
        return
    for key in tail.order_by:
        check_single(key.expr, type_of(key.expr, scope))


def _check_tail(tail: ast.Statement, scope: Scope) -> None:
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


def _ordered(rows: Sequence[Row], keys: Sequence[ast.OrderKey], scope: Scope) -> list[Row]:
    if is_search(keys):
        return search_order(rows, keys, scope)
    return relations.order(rows, keys, scope)


def _limited(rows: list[Row], limit: ast.Limit | None, scope: Scope) -> list[Row]:
    """OFFSET, then LIMIT; PERCENT of the rows so far."""
    if limit is None:
        return rows
    if limit.offset is not None:
        rows = rows[constants.count(limit.offset, scope.parameters) :]
    if limit.count is None:
        return rows
    if limit.percent:
        per_cent = constants.percent(limit.count, scope.parameters)
        return rows[: constants.rows_of_percent(len(rows), per_cent)]
    return rows[: constants.count(limit.count, scope.parameters)]


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
