"""Query text to AST. The syntax itself is in grammar/tql.lark, the nodes are made in tql/builder.py."""

from __future__ import annotations

import marshal
import sys
from functools import cache
from importlib import import_module
from importlib.resources import files

from lark import Lark

from tql import ast
from tql.builder import Builder
from tql.errors import ArgumentError, QuerySyntaxError, TQLError
from tql.lalr import Machine, Overlong, Unreadable
from tql.span import Span

MAX_DEPTH = 2500
"""Levels of the deepest tree that is accepted; tql/room.py gives what walks it the stack for that."""


MAX_TOKENS = 65_536
"""Names, numbers, operators, ... of a query: what can be planned in about a second."""


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
    if not isinstance(text, str):
        raise ArgumentError(f"a query is a text, not of type {type(text).__name__}")
    try:
        node = _machine().parse(text, start, MAX_TOKENS)
        if isinstance(node, Unreadable):
            raise _explained(node, text)
        if isinstance(node, Overlong):
            raise QuerySyntaxError(
                f"the query is too long: more than {MAX_TOKENS} words and signs",
                span=Span(node.position - 1, node.position),
                hint="plain numbers or texts in one list count as one: x in (1, 2, 3)",
            )
        assert isinstance(node, ast.Node)
        _finish(node, text)
    except TQLError as error:
        error.query = text
        raise
    return node


def _explained(found: Unreadable, text: str) -> TQLError:
    from tql.syntax_hints import explain

    return explain(text, found.position, found.expected)


@cache
def _machine() -> Machine:
    return Machine(_grammar())


@cache
def _grammar() -> Lark:
    """The parser: from the tables that the build left, or from the grammar where they do not fit it."""
    grammar = (files("tql") / "grammar" / "tql.lark").read_text(encoding="utf-8")
    try:
        module = import_module("tql._parser_tables")
    except ModuleNotFoundError:
        module = None
    if module is not None and (grammar, sys.implementation.cache_tag) == (module.GRAMMAR, module.PYTHON):
        tables = marshal.loads(module.TABLES)
        # What lark's own stand-alone parsers call; `Lark.load` would unpickle.
        lark: Lark = Lark._load_from_dict(tables["data"], tables["memo"], transformer=Builder())  # type: ignore[no-untyped-call]
        return lark
    return Lark(
        grammar,
        start=["query", "expression"],
        parser="lalr",
        lexer="contextual",
        transformer=Builder(),
    )


def _finish(root: ast.Node, text: str) -> None:
    """Numbers the parameters and refuses trees that are too deep; both are rare enough to look first."""
    if len(text) <= MAX_DEPTH and "?" not in text:
        return
    parameters: list[ast.Parameter] = []
    for depth, level in enumerate(ast.levels(root), 1):
        if depth > MAX_DEPTH:
            raise QuerySyntaxError(
                f"the query is nested too deeply: more than {MAX_DEPTH} levels",
                span=level[0].span,
                hint="split it, for example with a view of a view",
            )
        parameters += (node for node in level if isinstance(node, ast.Parameter))
    for index, parameter in enumerate(sorted(parameters, key=lambda node: node.span.start)):
        object.__setattr__(parameter, "index", index)
