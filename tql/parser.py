"""Query text to AST. The syntax itself is in grammar/tql.lark, the nodes are made in tql/builder.py."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from lark import Lark, UnexpectedInput

from tql import ast
from tql.builder import Builder
from tql.errors import QuerySyntaxError, TQLError
from tql.span import Span

MAX_DEPTH = 128
"""The deepest tree that is accepted: what walks trees recursively stays far from the interpreter's limit."""


def parse(text: str) -> ast.Statement:
    """Parses a query.

    Args:
        text: one TQL statement, perhaps with a trailing `;`.

    Raises:
        QuerySyntaxError: the text is not TQL.
        UnsupportedError: it uses a construct that TQL knows and refuses.
        QueryValueError: a number in it is too large.
        ArityError: `max_weight` or `sum_weight` without pairs.
    """
    statement = _parse(text, "query")
    assert isinstance(statement, ast.Statement)
    return statement


def parse_expression(text: str) -> ast.Expr:
    """Parses an expression that stands alone, such as `max_weight(labels == 5: 10, true: 1)`.

    Raises what `parse` raises.
    """
    expression = _parse(text, "expression")
    assert isinstance(expression, ast.Expr)
    return expression


def _parse(text: str, start: str) -> ast.Node:
    try:
        node: ast.Node = _grammar().parse(text, start=start)  # type: ignore[assignment]
        _finish(node, text)
    except UnexpectedInput as error:
        span = Span(error.pos_in_stream or 0, (error.pos_in_stream or 0) + 1)
        raise QuerySyntaxError("syntax error", span=span, query=text) from None
    except TQLError as error:
        error.query = text
        raise
    return node


@cache
def _grammar() -> Lark:
    grammar = (files("tql") / "grammar" / "tql.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        start=["query", "expression"],
        parser="lalr",
        lexer="contextual",
        maybe_placeholders=True,
        transformer=Builder(),
    )


def _finish(root: ast.Node, text: str) -> None:
    """Numbers the parameters and refuses trees that are too deep; both are rare enough to look first."""
    if len(text) <= MAX_DEPTH and "?" not in text:
        return
    parameters: list[ast.Parameter] = []
    level = [root]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise QuerySyntaxError(
                f"the query is nested too deeply: more than {MAX_DEPTH} levels", span=level[0].span
            )
        parameters += (node for node in level if isinstance(node, ast.Parameter))
        level = [child for node in level for child in ast.children(node)]
    for index, parameter in enumerate(sorted(parameters, key=lambda node: node.span.start)):
        object.__setattr__(parameter, "index", index)
