"""Hypothesis strategies for syntax trees: every node, in the canonical form that tql/ast.py describes.

Names and types are random, so these queries bind to no schema: they are for what works on syntax alone.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tql import ast

Strategy = st.SearchStrategy[Any]

_LETTERS = st.characters(exclude_characters='"\n', exclude_categories=["Cs"])
_SAMPLES = [
    "a",
    "Labels",
    "x_1",
    "time",
    "key",
    "max_weight",
    "select",
    "Order",
    "my-col",
    "s3://b/c",
    "größe",
    "A",
]
NAMES = st.one_of(st.sampled_from(_SAMPLES), st.text(_LETTERS, min_size=1, max_size=4))
FUNCTIONS = st.sampled_from(["any", "all", "shape", "contains", "count", "f_1"])


def _some(items: Strategy) -> Strategy:
    return st.lists(items, min_size=1, max_size=3).map(tuple)


def _optional(items: Strategy) -> Strategy:
    return st.one_of(st.none(), items)


NUMBERS = st.builds(
    ast.Literal,
    st.one_of(st.integers(0, 2**64 - 1), st.floats(0, allow_infinity=False, allow_nan=False).map(abs)),
)
LITERALS = st.one_of(
    NUMBERS,
    st.builds(
        ast.Literal, st.one_of(st.booleans(), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
    ),
    st.builds(ast.Parameter, st.just(0)),
)
CONSTANTS = st.recursive(
    st.one_of(LITERALS, st.builds(ast.Unary, st.just("-"), NUMBERS)),
    lambda inner: st.builds(ast.ArrayLiteral, _some(inner)),
    max_leaves=4,
)
LEAVES = st.one_of(
    LITERALS,
    st.builds(ast.Name, NAMES, _optional(NAMES)),
    st.builds(ast.ArrayLiteral, _some(CONSTANTS)),
    st.builds(ast.CountStar),
)


def _larger_expressions(inner: Strategy) -> Strategy:
    part = _optional(inner)
    subscript = st.one_of(inner, st.builds(ast.Slice, part, part, part))
    operators = st.sampled_from(["or", "and", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"])
    weights = st.sampled_from(["max_weight", "sum_weight"])
    return st.one_of(
        st.builds(ast.Binary, operators, inner, inner),
        st.builds(ast.Binary, st.sampled_from(["or", "and"]), inner, inner),
        st.builds(ast.Unary, st.sampled_from(["not", "-"]), inner),
        st.builds(ast.Between, inner, inner, inner, st.booleans()),
        st.builds(ast.InList, inner, _some(inner), st.booleans()),
        st.builds(ast.Like, inner, inner, st.booleans(), st.booleans()),
        st.builds(ast.IsNull, inner, st.booleans()),
        st.builds(ast.Subscript, inner, _some(subscript)),
        st.builds(ast.Call, FUNCTIONS, st.lists(inner, max_size=3).map(tuple)),
        st.builds(ast.WeightCases, weights, _some(st.builds(ast.WeightCase, inner, inner))),
    )


def _number_parameters(node: Any) -> Any:
    """Numbers the parameters in the order of the text, as the parser does."""
    index = 0
    rest = [node]
    while rest:
        current = rest.pop()
        if isinstance(current, ast.Parameter):
            object.__setattr__(current, "index", index)
            index += 1
        rest += reversed(list(ast.children(current)))
    return node


def _named(name: str, strategy: Strategy) -> Strategy:
    """The same strategy with a short repr: hypothesis warns of one that is as long as a grammar."""

    def draw(draw: st.DrawFn) -> Any:
        return draw(strategy)

    draw.__name__ = draw.__qualname__ = name
    return st.composite(draw)()


_EXPRESSIONS = _named("expressions", st.recursive(LEAVES, _larger_expressions, max_leaves=8))
_SMALL = _named("small_expressions", st.recursive(LEAVES, _larger_expressions, max_leaves=3))


def _joins(tables: Strategy) -> Strategy:
    kinds = st.sampled_from(["inner", "left", "right", "full"])

    def join(left: Strategy) -> Strategy:
        return st.one_of(
            st.builds(ast.Join, kinds, left, tables, on=_SMALL),
            st.builds(ast.Join, kinds, left, tables, using=NAMES),
            st.builds(ast.Join, st.just("cross"), left, tables),
        )

    return st.recursive(tables, join, max_leaves=2)


def _selects(statements: Strategy | None) -> Strategy:
    tables = st.builds(ast.TableName, NAMES, _optional(NAMES))
    if statements is not None:
        tables = st.one_of(tables, st.builds(ast.SubQuery, statements, _optional(NAMES)))
    sizes = st.integers(0, 99)
    return st.builds(
        ast.Select,
        _some(
            st.one_of(
                st.builds(ast.SelectItem, _SMALL, _optional(NAMES)), st.builds(ast.Star, _optional(NAMES))
            )
        ),
        _optional(_joins(tables)),
        _optional(_SMALL),
        _optional(st.builds(ast.Expand, sizes, sizes, st.booleans(), _optional(NAMES))),
        _optional(
            st.builds(ast.GroupBy, _some(_SMALL), _optional(_SMALL), st.sampled_from(["time", "space"]))
        ),
        _optional(st.builds(ast.Ungroup, _optional(_SMALL))),
        _optional(sizes),
        st.booleans(),
    )


def _ordered(bodies: Strategy) -> Strategy:
    """Statements with at least one clause of their own."""
    limits = st.one_of(
        st.builds(ast.Limit, _SMALL, st.booleans(), _optional(_SMALL)),
        st.builds(ast.Limit, st.none(), st.just(False), _optional(_SMALL)),
    )
    count = st.one_of(st.just((None, False)), st.tuples(_SMALL, st.booleans()))
    samples = st.builds(
        lambda weight, replace, n: ast.SampleBy(weight, replace, *n), _SMALL, st.booleans(), count
    )
    keys = _some(st.builds(ast.OrderKey, _SMALL, st.booleans()))
    return st.one_of(
        st.builds(ast.Statement, bodies, keys, _optional(limits), _optional(samples)),
        st.builds(ast.Statement, bodies, st.just(()), limits, _optional(samples)),
        st.builds(ast.Statement, bodies, st.just(()), st.none(), samples),
    )


def _statements(inner: Strategy | None) -> Strategy:
    selects = _selects(inner)
    ordered = _ordered(selects)
    operands = st.one_of(selects, ordered)
    names = st.sampled_from(["union", "intersect", "except"])
    sets = st.recursive(
        st.builds(ast.SetOperation, names, operands, operands, st.booleans()),
        lambda left: st.builds(
            ast.SetOperation, names, st.one_of(left, operands), st.one_of(left, operands), st.booleans()
        ),
        max_leaves=2,
    )
    bodies = st.one_of(selects, sets)
    return st.one_of(st.builds(ast.Statement, bodies), ordered, _ordered(sets), _ordered(ordered))


_STATEMENTS = _named("statements", _statements(_named("inner_statements", _statements(None))))


def expressions() -> Strategy:
    """Expressions of every kind."""
    return _EXPRESSIONS.map(_number_parameters)


def statements() -> Strategy:
    """Statements of every kind, with sub-queries in FROM."""
    return _STATEMENTS.map(_number_parameters)
