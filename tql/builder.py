"""From the grammar's shapes to AST nodes: one method for each rule and alias of grammar/tql.lark.

The parser calls these while it reduces, so no parse tree is ever built. Each gets the children of one
reduction: tokens, nodes that earlier calls returned, and None where an optional piece is missing.
"""

from __future__ import annotations

import math
import re
from typing import Any, Protocol, TypeVar

from tql import ast
from tql.errors import ArityError, QuerySyntaxError, QueryValueError
from tql.span import Span

_MAX_INTEGER = 2**64 - 1
_OPERATORS = {"==": "=", "<>": "!="}
_WEIGHT_FUNCTIONS = ("max_weight", "sum_weight")
_CONSTANT = re.compile(r"(-\s*)?(?:([0-9]+)(?![.\weE])|([0-9.]+(?:[eE][+-]?[0-9]+)?)|('(?:[^']|'')*+'))")

AnyNode = TypeVar("AnyNode", bound=ast.Node)


class Token(Protocol):
    """What is used of a lark token."""

    type: str
    value: str
    start_pos: int
    end_pos: int


Children = list[Any]


class Builder:
    """The callbacks of the parser; without state, so one serves every thread."""

    # --- statements -----------------------------------------------------------------------------------------

    def statement(self, children: Children) -> ast.Statement:
        body, order_by, limit, sample = children
        if not order_by and limit is None and sample is None and isinstance(body, ast.Statement):
            return body
        last = sample or limit or (order_by[-1] if order_by else body)
        return ast.Statement(body, order_by, limit, sample, span=_span(body, last))

    def parenthesised(self, children: Children) -> ast.Select | ast.SetOperation | ast.Statement:
        opening, closing = children[0], children[2]
        statement: ast.Statement = children[1]
        bare = not statement.order_by and statement.limit is None and statement.sample is None
        return _respan(statement.body if bare else statement, _span(opening, closing))

    def set_operation(self, children: Children) -> ast.SetOperation:
        left, operator, all_, right = children
        return ast.SetOperation(
            operator.value.lower(), left, right, all_ is not None, span=_span(left, right)
        )

    def order_by(self, children: Children) -> tuple[ast.OrderKey, ...]:
        return tuple(key for key in children if key is not None)

    def order_key(self, children: Children) -> ast.OrderKey:
        expr, direction = children
        descending = direction is not None and direction.type == "DESC"
        return ast.OrderKey(expr, descending, span=_span(expr, direction or expr))

    def limit(self, children: Children) -> ast.Limit | None:
        keyword, count, *rest = children
        if keyword is None:
            return None
        offset = rest[-1]
        if not isinstance(count, ast.Expr):  # LIMIT ALL
            return ast.Limit(None, False, offset, span=_span(keyword, offset or count))
        percent = rest[0]
        return ast.Limit(count, percent is not None, offset, span=_span(keyword, offset or percent or count))

    def offset(self, children: Children) -> ast.Limit:
        keyword, offset = children
        return ast.Limit(None, False, offset, span=_span(keyword, offset))

    def sample(self, children: Children) -> ast.SampleBy | None:
        keyword, weight, replace, flag, _limit, count, percent = children
        if keyword is None:
            return None
        return ast.SampleBy(
            weight,
            flag is None or flag.type == "TRUE",
            count,
            percent is not None,
            span=_span(keyword, percent or count or flag or replace or weight),
        )

    # --- select ---------------------------------------------------------------------------------------------

    def select(self, children: Children) -> ast.Select:
        keyword, top, distinct, items, source, where, expand, group_by, ungroup = children
        last = ungroup or group_by or expand or where or source or items[-1]
        return ast.Select(
            items,
            source,
            where,
            expand,
            group_by,
            ungroup,
            None if top is None else _integer(top),
            distinct is not None,
            span=_span(keyword, last),
        )

    def items(self, children: Children) -> tuple[ast.SelectItem | ast.Star, ...]:
        return tuple(children)

    def star(self, children: Children) -> ast.Star:
        qualifier = _name(children[0]) if len(children) == 2 else None
        return ast.Star(qualifier, span=_span(children[0], children[-1]))

    def item(self, children: Children) -> ast.SelectItem:
        expr, alias = children
        return ast.SelectItem(expr, _optional_name(alias), span=_span(expr, alias or expr))

    def table_name(self, children: Children) -> ast.TableName:
        name, alias = children
        return ast.TableName(_name(name), _optional_name(alias), span=_span(name, alias or name))

    def sub_query(self, children: Children) -> ast.SubQuery:
        opening, statement, closing, alias = children
        return ast.SubQuery(statement, _optional_name(alias), span=_span(opening, alias or closing))

    def join_on(self, children: Children) -> ast.Join:
        left, kind, right, on = children
        return ast.Join(kind or "inner", left, right, on, span=_span(left, on))

    def join_using(self, children: Children) -> ast.Join:
        left, kind, right, column, closing = children
        return ast.Join(kind or "inner", left, right, None, _name(column), span=_span(left, closing))

    def cross_join(self, children: Children) -> ast.Join:
        left, right = children
        return ast.Join("cross", left, right, span=_span(left, right))

    def join_type(self, children: Children) -> str:
        kind: str = children[0].value.lower()
        return "full" if kind == "outer" else kind

    def expand(self, children: Children) -> ast.Expand | None:
        keyword, before, after, overlap, flag, alias = children
        if keyword is None:
            return None
        return ast.Expand(
            _integer(before),
            _integer(after or before),
            flag is None or flag.type == "TRUE",
            _optional_name(alias),
            span=_span(keyword, alias or flag or overlap or after or before),
        )

    def group_by(self, children: Children) -> ast.GroupBy | None:
        keyword, keys, having, across = children
        if keyword is None:
            return None
        return ast.GroupBy(
            keys,
            having,
            "time" if across is None else across.value.lower(),
            span=_span(keyword, across or having or keys[-1]),
        )

    def keys(self, children: Children) -> tuple[ast.Expr, ...]:
        return tuple(children)

    def ungroup(self, children: Children) -> ast.Ungroup | None:
        keyword, by = children
        if keyword is None:
            return None
        return ast.Ungroup(by if isinstance(by, ast.Expr) else None, span=_span(keyword, by))

    # --- expressions ----------------------------------------------------------------------------------------

    def disjunction(self, children: Children) -> ast.Expr:
        return _balanced("or", children)

    def conjunction(self, children: Children) -> ast.Expr:
        return _balanced("and", children)

    def not_(self, children: Children) -> ast.Unary:
        keyword, operand = children
        return ast.Unary("not", operand, span=_span(keyword, operand))

    def negative(self, children: Children) -> ast.Unary:
        sign, operand = children
        return ast.Unary("-", operand, span=_span(sign, operand))

    def binary(self, children: Children) -> ast.Binary:
        left, operator, right = children
        symbol: Any = operator.value
        return ast.Binary(_OPERATORS.get(symbol, symbol), left, right, span=_span(left, right))

    def between(self, children: Children) -> ast.Between:
        operand, negated, low, high = children
        return ast.Between(operand, low, high, negated is not None, span=_span(operand, high))

    def in_list(self, children: Children) -> ast.InList:
        operand, negated, *items, closing = children
        return ast.InList(operand, tuple(items), negated is not None, span=_span(operand, closing))

    def in_array(self, children: Children) -> ast.InList:
        operand, negated, array = children
        return ast.InList(operand, array.items, negated is not None, span=_span(operand, array))

    def in_constants(self, children: Children) -> ast.InList:
        operand, negated, run = children
        return ast.InList(operand, _constants(run), negated is not None, span=_span(operand, run))

    def like(self, children: Children) -> ast.Like:
        operand, negated, operator, pattern = children
        return ast.Like(
            operand, pattern, operator.type == "ILIKE", negated is not None, span=_span(operand, pattern)
        )

    def is_null(self, children: Children) -> ast.IsNull:
        operand, *negated, closing = children
        return ast.IsNull(operand, any(negated), span=_span(operand, closing))

    def subscript(self, children: Children) -> ast.Subscript:
        operand, *items, closing = children
        return ast.Subscript(operand, tuple(items), span=_span(operand, closing))

    def slice(self, children: Children) -> ast.Slice:
        start, colon, stop, second_colon, step = children
        return ast.Slice(start, stop, step, span=_span(start or colon, step or second_colon or stop or colon))

    def group(self, children: Children) -> ast.Expr:
        expr: ast.Expr = children[1]
        return _respan(expr, _span(children[0], children[2]))

    def name(self, children: Children) -> ast.Name:
        (name,) = children
        return ast.Name(_name(name), quoted=name.value[0] == '"', span=_span(name, name))

    def qualified_name(self, children: Children) -> ast.Name:
        qualifier, name = children
        quoted = name.value[0] == '"'
        return ast.Name(_name(name), _name(qualifier), quoted, span=_span(qualifier, name))

    def call(self, children: Children) -> ast.Call:
        name, *args, closing = children
        function = _function(name)
        if function in _WEIGHT_FUNCTIONS:
            raise ArityError(
                f"{function} takes pairs 'condition: weight'",
                span=_span(name, closing),
                hint=f"for example {function}(label = 5: 10, true: 1)",
            )
        present = tuple(arg for arg in args if arg is not None)
        return ast.Call(function, present, _span(name, name), span=_span(name, closing))

    def call_star(self, children: Children) -> ast.CountStar:
        name, star, closing = children
        function = _function(name)
        if function != "count":
            raise QuerySyntaxError(f"only count takes '*', not {function}", span=_span(star, star))
        return ast.CountStar(span=_span(name, closing))

    def weight_cases(self, children: Children) -> ast.WeightCases:
        name, *cases, closing = children
        function: Any = _function(name)
        if function not in _WEIGHT_FUNCTIONS:
            raise QuerySyntaxError(
                f"only max_weight and sum_weight take 'condition: weight', not {function}",
                span=_span(cases[0], cases[0]),
            )
        return ast.WeightCases(function, tuple(cases), span=_span(name, closing))

    def case(self, children: Children) -> ast.WeightCase:
        condition, weight = children
        return ast.WeightCase(condition, weight, span=_span(condition, weight))

    def array(self, children: Children) -> ast.ArrayLiteral:
        keyword, *items, closing = children
        return ast.ArrayLiteral(tuple(items), span=_span(keyword, closing))

    def array_of_constants(self, children: Children) -> ast.ArrayLiteral:
        keyword, run = children
        return ast.ArrayLiteral(_constants(run), span=_span(keyword, run))

    # --- literals -------------------------------------------------------------------------------------------

    def integer(self, children: Children) -> ast.Literal:
        (token,) = children
        return _number(token.value, _span(token, token))

    float = integer

    def text(self, children: Children) -> ast.Literal:
        (token,) = children
        return ast.Literal(token.value[1:-1].replace("''", "'"), span=_span(token, token))

    def boolean(self, children: Children) -> ast.Literal:
        (token,) = children
        return ast.Literal(token.type == "TRUE", span=_span(token, token))

    def parameter(self, children: Children) -> ast.Parameter:
        (token,) = children
        # The parser numbers them when it has read the whole text; until then the offset tells them apart.
        return ast.Parameter(token.start_pos, span=_span(token, token))


def _span(first: Any, last: Any) -> Span:
    """From the start of one token or node to the end of another."""
    start = first.span.start if isinstance(first, ast.Node) else first.start_pos
    end = last.span.end if isinstance(last, ast.Node) else last.end_pos
    return Span(start, end)


def _respan(node: AnyNode, span: Span) -> AnyNode:
    """Widens a node that nobody else holds yet by its parentheses."""
    object.__setattr__(node, "span", span)
    return node


def _balanced(operator: Any, operands: Children) -> ast.Expr:
    """A chain of one associative operator as a tree of least depth, so a long chain is not a deep tree."""
    if len(operands) == 1:
        only: ast.Expr = operands[0]
        return only
    middle = (len(operands) + 1) // 2
    left = _balanced(operator, operands[:middle])
    right = _balanced(operator, operands[middle:])
    return ast.Binary(operator, left, right, span=_span(left, right))


def _constants(run: Token) -> tuple[ast.Expr, ...]:
    """The items of a list of plain numbers and strings that the lexer took for one token."""
    items: list[ast.Expr] = []
    offset = run.start_pos
    for match in _CONSTANT.finditer(run.value):
        sign, digits, number, text = match.groups()
        start, end = match.span()
        place = Span(offset + end - len(number or text or digits), offset + end)
        if digits is not None and len(digits) < 19:
            literal = ast.Literal(int(digits), span=place)
        elif text is not None:
            literal = ast.Literal(text[1:-1].replace("''", "'"), span=place)
        else:
            literal = _number(digits or number, place)
        signed = sign is not None
        items.append(ast.Unary("-", literal, span=Span(offset + start, offset + end)) if signed else literal)
    return tuple(items)


def _number(text: str, place: Span) -> ast.Literal:
    if text.isdecimal():
        return ast.Literal(_whole(text, place), span=place)
    value = float(text)
    if math.isinf(value):
        raise QueryValueError(f"the number is too large for a float64: {text}", span=place)
    return ast.Literal(value, span=place)


def _name(token: Token) -> str:
    text = str(token.value)
    return text[1:-1] if text[0] == '"' else text


def _optional_name(token: Token | None) -> str | None:
    return None if token is None else _name(token)


def _function(token: Token) -> str:
    if token.value[0] == '"':
        raise QuerySyntaxError(
            f"a function name is written without quotes: {token.value}", span=_span(token, token)
        )
    return token.value.lower()


def _integer(token: Token) -> int:
    return _whole(token.value, _span(token, token))


def _whole(text: str, place: Span) -> int:
    digits = text.lstrip("0") or "0"
    if len(digits) > 20 or int(digits) > _MAX_INTEGER:
        raise QueryValueError(
            "the integer is larger than 18446744073709551615, the largest uint64",
            span=place,
            hint="write it with a decimal point to get a float64",
        )
    return int(digits)
