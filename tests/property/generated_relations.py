"""Queries that make rows: joins, groups and what takes them apart, windows, unions of two datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hypothesis import strategies as st

from property.generated_queries import limits, orders
from property.grown_expressions import Grower, is_label, is_number, is_text, signed
from reference import Table
from tql import ast
from tql.types import Type

LEFT, RIGHT = "left", "right"
"""The names of the two datasets in FROM."""


@st.composite
def joined_statements(draw: st.DrawFn, left: Table, right: Table) -> ast.Statement:
    """A join of two datasets, whose columns have different names."""
    both = Grower(draw, {**left.columns, **right.columns})
    kind = both.one_of("inner", "left", "right", "full", "cross")
    on = (
        None if kind == "cross" else _condition(Grower(draw, left.columns), Grower(draw, right.columns), both)
    )
    source = ast.Join(kind, ast.TableName(LEFT, "a"), ast.TableName(RIGHT, "b"), on)
    where = both.predicate(1) if both.chance(2) else None
    select = ast.Select(_named_items(both), source, where, distinct=both.chance(8))
    return _perhaps_inner(both, ast.Statement(select, orders(both), limits(both)))


def _perhaps_inner(grower: Grower, statement: ast.Statement) -> ast.Statement:
    """The statement, or a selection of its rows if it shows all columns."""
    body = statement.body
    assert isinstance(body, ast.Select)
    if not isinstance(body.items[0], ast.Star) or grower.chance(2):
        return statement
    outer = ast.Select((ast.Star(),), ast.SubQuery(statement), grower.predicate(1))
    return ast.Statement(outer, orders(grower), limits(grower))


def _condition(left: Grower, right: Grower, both: Grower) -> ast.Expr:
    kinds = [kind for kind in (is_number, is_number, is_text, is_label) if left.has(kind) and right.has(kind)]
    kind = both.one_of(*kinds)
    pair = [ast.Name(left.name(kind).name, "a"), ast.Name(right.name(kind).name, "b")]
    if both.chance(3):
        pair.reverse()
    key = ast.Binary("=", *pair)
    return ast.Binary("and", key, both.predicate(1)) if both.chance(3) else key


def _named_items(grower: Grower) -> tuple[ast.SelectItem | ast.Star, ...]:
    items: list[ast.SelectItem | ast.Star] = [ast.Star()]
    if grower.chance(3):
        names = {grower.one_of(*grower.columns) for _ in range(grower.integer(1, 3))}
        items = [ast.SelectItem(ast.Name(name)) for name in sorted(names)]
    if grower.chance(3):
        items.append(ast.SelectItem(grower.number(1), "computed"))
    return tuple(items)


@st.composite
def grouped_statements(draw: st.DrawFn, table: Table) -> ast.Statement:
    """Groups of rows, perhaps of expanded ones."""
    rows = Grower(draw, table.columns)
    select = ast.Select(
        _group_items(draw, table.columns),
        where=rows.predicate(1) if rows.chance(3) else None,
        expand=_expand(rows) if rows.chance(4) else None,
        group_by=_group_by(draw, table.columns),
    )
    return ast.Statement(select, orders(rows), limits(rows))


@st.composite
def expanded_statements(draw: st.DrawFn, table: Table) -> ast.Statement:
    """Rows with their neighbours."""
    grower = Grower(draw, table.columns)
    select = ast.Select((ast.Star(),), where=grower.predicate(1), expand=_expand(grower))
    return _perhaps_inner(grower, ast.Statement(select, orders(grower), limits(grower)))


@st.composite
def ungrouped_statements(draw: st.DrawFn, table: Table) -> ast.Statement:
    """Groups that are taken apart again, all their columns having the length of the group."""
    grower = Grower(draw, table.columns)
    names = sorted({grower.one_of(*grower.columns) for _ in range(grower.integer(1, 3))})
    inner = ast.Select(
        tuple(ast.SelectItem(ast.Name(name)) for name in names), group_by=_group_by(draw, table.columns)
    )
    by = None if grower.chance(2) else ast.Literal(grower.integer(1, 4))
    source = ast.SubQuery(ast.Statement(inner, orders(grower)))
    return ast.Statement(ast.Select((ast.Star(),), source, ungroup=ast.Ungroup(by)), limit=limits(grower))


@st.composite
def united_statements(draw: st.DrawFn, left: Table, right: Table) -> ast.Statement:
    """A set operation over rows of two datasets, or of one of them twice."""
    grower = Grower(draw, {})
    pairs = [(a, b) for a in left.columns for b in right.columns if _unite(left.columns[a], right.columns[b])]
    chosen = [grower.one_of(*pairs) for _ in range(grower.integer(1, 2))]

    def operand(table: Table, name: str, side: int) -> ast.Select:
        items = tuple(ast.SelectItem(ast.Name(pair[side]), f"x{i}") for i, pair in enumerate(chosen))
        where = Grower(draw, table.columns).predicate(1) if grower.chance(2) else None
        return ast.Select(items, ast.TableName(name), where)

    second = operand(right, RIGHT, 1) if grower.chance(4) is False else operand(left, LEFT, 0)
    operator = grower.one_of("union", "union", "union", "intersect", "except")
    keep_all = operator == "union" and grower.chance(3)
    body = ast.SetOperation(operator, operand(left, LEFT, 0), second, all=keep_all)
    return ast.Statement(body, limit=limits(grower))


def _unite(left: Type, right: Type) -> bool:
    """Whether the columns have a common type and one shape."""
    same_kind = left.element == right.element or (left.is_numeric and right.is_numeric)
    return same_kind and left.shape == right.shape and left.class_names == right.class_names


def _expand(grower: Grower) -> ast.Expand:
    alias = "window" if grower.chance(2) else None
    return ast.Expand(grower.integer(0, 2), grower.integer(0, 2), grower.chance(2), alias)


def _group_by(draw: st.DrawFn, columns: Mapping[str, Type]) -> ast.GroupBy:
    rows = Grower(draw, columns)
    kinds: list[Callable[[], ast.Expr]] = [
        lambda: ast.Binary("%", ast.Name("id"), ast.Literal(rows.integer(1, 3))),
        lambda: rows.name(is_number),
        lambda: rows.predicate(1),
    ]
    if rows.has(is_text):
        kinds += [lambda: rows.name(is_text)] * 2
    keys = tuple(rows.one_of(*kinds)() for _ in range(rows.integer(1, 2)))
    having = _having(draw, columns) if rows.chance(3) else None
    return ast.GroupBy(keys, having)


def _having(draw: st.DrawFn, columns: Mapping[str, Type]) -> ast.Expr:
    groups = Grower(draw, _plain_groups(columns))
    size = ast.Binary(">", ast.CountStar(), ast.Literal(groups.integer(0, 2)))
    return ast.Binary("and", size, groups.predicate(1)) if groups.chance(2) else size


def _group_items(draw: st.DrawFn, columns: Mapping[str, Type]) -> tuple[ast.SelectItem | ast.Star, ...]:
    groups = Grower(draw, _plain_groups(columns))
    items: list[ast.SelectItem | ast.Star] = [ast.Star()]
    if groups.chance(2):
        items = [ast.SelectItem(ast.Name(groups.one_of(*columns)), "members")]
    if groups.chance(2):
        items.append(ast.SelectItem(ast.CountStar(), "size"))
    if groups.chance(2):
        name = ast.Name(groups.one_of(*columns))
        items.append(ast.SelectItem(ast.Subscript(name, (signed(groups.integer(-2, 2)),)), "member"))
    if groups.chance(2):
        numbers = [name for name, type_ in columns.items() if type_.is_numeric]
        reduction = groups.one_of("sum", "avg", "amin", "amax", "count")
        items.append(ast.SelectItem(ast.Call(reduction, (ast.Name(groups.one_of(*numbers)),)), "reduced"))
    if groups.chance(3):
        items.append(ast.SelectItem(groups.array(1), "computed"))
    scalars = [name for name, type_ in columns.items() if is_number(type_)]
    if groups.chance(3):
        members = ast.Name(groups.one_of(*scalars))
        operator = groups.one_of("+", "*", "=", "<", "!=")
        items.append(ast.SelectItem(ast.Binary(operator, members, groups.constant()), "of_members"))
    return tuple(items)


def _plain_groups(columns: Mapping[str, Type]) -> dict[str, Type]:
    """The columns of a group that are arrays."""
    grouped = {name: type_.in_sequence for name, type_ in columns.items()}
    return {name: type_ for name, type_ in grouped.items() if not type_.nested and type_.element != "json"}
