"""Whole queries over a table: selects, set operations, sub-queries; right ones and ones with a mistake."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from property.grown_expressions import Grower, is_number, is_text
from reference import Table
from tql import ast
from tql.types import Type


@st.composite
def statements(draw: st.DrawFn, table: Table) -> ast.Statement:
    """A query over a table: a select, a set operation, a select from a sub-query, or a sample."""
    grower = Grower(draw, table.columns)
    match grower.one_of("select", "select", "select", "set", "sub", "sample"):
        case "set":
            return _set_statement(grower)
        case "sub":
            return _nested_statement(grower)
        case "sample":
            select = ast.Select((ast.Star(),), where=grower.predicate(1))
            return ast.Statement(select, orders(grower), limits(grower), _sample(grower))
    return ast.Statement(_select(grower, 2), orders(grower), limits(grower))


@st.composite
def mistaken_statements(draw: st.DrawFn, table: Table) -> ast.Statement:
    """A query with exactly one mistake, somewhere in WHERE."""
    grower = Grower(draw, table.columns)
    number, one = grower.name(is_number), ast.Literal(1)
    mistakes: list[ast.Expr] = [
        ast.Binary("=", ast.Name("nowhere"), one),
        ast.Binary("=", number, ast.Literal("text")),
        ast.InList(number, (one, ast.Literal("text"))),
        ast.Binary("=", ast.Binary("+", number, ast.Literal("text")), one),
        ast.Binary("=", ast.Call("nothing", (number,)), one),
        ast.Call("contains", (number,)),
        ast.Binary("=", ast.Call("abs", (number, one)), one),
        ast.Binary("=", ast.Subscript(ast.Name("id"), (one,)), one),
        ast.Like(number, ast.Literal("a")),
        ast.Literal("text"),
        ast.Name("id", qualifier="nowhere"),
        ast.Binary(">", ast.CountStar(), one),
        ast.Call("any", (ast.Call("keys", (number,)),)),
        ast.Call("contains", (ast.Call("keys", (number,)), ast.Literal("a"))),
        ast.Binary("=", ast.Call("maxsim", (number, number)), one),
    ]
    if grower.has(is_text):
        text = grower.name(is_text)
        mistakes += [
            text,
            ast.Unary("not", text),
            ast.Binary("<", text, number),
            ast.Binary("=", ast.Unary("-", text), one),
            ast.Like(text, text),
            ast.Call("any", (text,)),
            ast.Binary("=", ast.Call("sum", (text,)), one),
        ]
    wrong = grower.one_of(*mistakes)
    where = grower.one_of(
        wrong,
        ast.Binary("and", grower.predicate(0), wrong),
        ast.Unary("not", ast.Binary("or", wrong, number)),
    )
    return ast.Statement(ast.Select((ast.Star(),), where=where))


@st.composite
def nested_statements(draw: st.DrawFn, table: Table) -> ast.Statement:
    """A select from a sub-query."""
    return _nested_statement(Grower(draw, table.columns))


def _select(grower: Grower, depth: int) -> ast.Select:
    where = None if grower.chance(5) else grower.predicate(depth)
    top = grower.integer(0, 4) if grower.chance(8) else None
    return ast.Select(_items(grower, depth), where=where, distinct=grower.chance(8), top=top)


def _items(grower: Grower, depth: int) -> tuple[ast.SelectItem | ast.Star, ...]:
    items: list[ast.SelectItem | ast.Star] = [ast.Star()]
    if grower.chance(3):
        names = {grower.one_of(*grower.columns) for _ in range(grower.integer(1, 3))}
        items = [ast.SelectItem(ast.Name(name)) for name in sorted(names)]
    if grower.chance(2):
        grow = grower.one_of(grower.number, grower.number, grower.array, grower.flags, grower.predicate)
        items.append(ast.SelectItem(grow(depth), "computed"))
    return tuple(items)


def orders(grower: Grower) -> tuple[ast.OrderKey, ...]:
    if not grower.chance(3):
        return ()
    keys = [grower.number(1), grower.number(0)]
    if grower.has(is_text):
        keys.insert(grower.integer(0, 1), grower.name(is_text))
    return tuple(ast.OrderKey(key, grower.chance(2)) for key in keys[: grower.integer(1, 2)])


def limits(grower: Grower) -> ast.Limit | None:
    if not grower.chance(3):
        return None
    offset = ast.Literal(grower.integer(0, 4)) if grower.chance(3) else None
    match grower.integer(1, 6):
        case 1:
            return ast.Limit(None, offset=offset or ast.Literal(1))
        case 2:
            return ast.Limit(ast.Literal(grower.integer(0, 120)), percent=True, offset=offset)
    return ast.Limit(ast.Literal(grower.integer(0, 6)), offset=offset)


def _sample(grower: Grower) -> ast.SampleBy:
    cases = tuple(
        ast.WeightCase(grower.predicate(1), ast.Literal(grower.one_of(0, 1, 2, 0.5)))
        for _ in range(grower.integer(1, 3))
    )
    weight: ast.Expr = ast.WeightCases(grower.one_of("max_weight", "sum_weight"), cases)
    if grower.chance(3):
        weight = grower.number(1)
    count = ast.Literal(grower.integer(1, 20)) if grower.chance(2) else None
    return ast.SampleBy(weight, replace=grower.chance(2), count=count)


def _nested_statement(grower: Grower) -> ast.Statement:
    inner = ast.Statement(_select(grower, 1), orders(grower), limits(grower))
    outer = Grower(grower.draw, _visible(inner, grower))
    select = replace(_select(outer, 1), source=ast.SubQuery(inner))
    return ast.Statement(select, orders(outer), limits(outer))


def _visible(inner: ast.Statement, grower: Grower) -> dict[str, Type]:
    """The source columns that the inner query lets through."""
    assert isinstance(inner.body, ast.Select)
    if any(isinstance(item, ast.Star) for item in inner.body.items):
        return dict(grower.columns)
    items = [item for item in inner.body.items if isinstance(item, ast.SelectItem) and item.alias is None]
    names = [item.expr.name for item in items if isinstance(item.expr, ast.Name)]
    return {name: grower.columns[name] for name in names}


def _set_statement(grower: Grower) -> ast.Statement:
    def operand() -> ast.Select | ast.Statement:
        select = ast.Select((ast.Star(),), where=grower.predicate(1))
        order, limit = orders(grower), limits(grower)
        return ast.Statement(select, order, limit) if order or limit else select

    body: ast.Select | ast.Statement | ast.SetOperation = operand()
    for _ in range(grower.integer(1, 2)):
        operator = grower.one_of("union", "intersect", "except")
        body = ast.SetOperation(operator, body, operand(), all=operator == "union" and grower.chance(4))
    assert isinstance(body, ast.SetOperation)
    return ast.Statement(body, orders(grower), limits(grower))
