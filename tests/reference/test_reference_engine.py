"""The reference engine on trees built by hand: the few things that everything else in it rests on."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from reference import Table, evaluate
from reference.elements import promoted
from reference.patterns import like
from reference.signatures import arity_of
from reference.statements import ReferenceResult
from tql import ast
from tql.catalogue import CALLABLE
from tql.errors import QueryTypeError, UnknownColumnError
from tql.types import Element, Type

TABLE = Table(
    {
        "i": (Type("int8"), [3, 100, -1, 3]),
        "x": (Type("float32", nullable=True), [nan, 1.5, None, -inf]),
        "v": (Type("int16", (None,)), [[1, 2], [], [7], [2, 2, 2]]),
    }
)
INT, X, V = ast.Name("i"), ast.Name("x"), ast.Name("v")


def ask(where: ast.Expr | None = None, **columns: ast.Expr) -> ReferenceResult:
    items = tuple(ast.SelectItem(expr, name) for name, expr in columns.items()) or (ast.Star(),)
    return evaluate(ast.Statement(ast.Select(items, where=where)), TABLE)


def number(value: bool | int | float) -> ast.Literal:
    return ast.Literal(value)


def test_where_keeps_the_order() -> None:
    assert ask(ast.Binary("=", INT, number(3))).rows == [0, 3]


def test_nan_and_null_are_in_no_ordering_but_under_not() -> None:
    below = ast.Binary("<", X, number(2))
    assert ask(below).rows == [1, 3]
    assert ask(ast.Unary("not", below)).rows == [0, 2]


def test_integers_wrap_around_in_the_result_type() -> None:
    doubled = ask(d=ast.Binary("+", INT, INT)).columns["d"]
    assert [(value.dtype, value.item()) for value in doubled if isinstance(value, np.ndarray)] == [
        (np.int8, 6), (np.int8, -56), (np.int8, -2), (np.int8, 6),
    ]  # fmt: skip


def test_an_index_out_of_range_is_null() -> None:
    last = ask(last=ast.Subscript(V, (number(2),))).columns["last"]
    assert [None if value is None else value.tolist() for value in last] == [None, None, None, 2]


def test_any_of_nothing_is_false() -> None:
    assert ask(ast.Call("any", (V,))).rows == [0, 2, 3]
    assert ask(ast.Call("all", (V,))).rows == [0, 1, 2, 3]


def test_rows_whose_shapes_conflict_do_not_match() -> None:
    pair = ast.ArrayLiteral((number(1), number(2)))
    assert ask(ast.Call("any", (ast.Binary("=", V, pair),))).rows == [0]


def test_order_puts_nan_then_null_last_in_both_directions() -> None:
    for descending, rows in ((False, [3, 1, 0, 2]), (True, [1, 3, 0, 2])):
        order = (ast.OrderKey(X, descending),)
        statement = ast.Statement(ast.Select((ast.Star(),)), order_by=order)
        assert evaluate(statement, TABLE).rows == rows


def test_equal_keys_keep_their_order_in_both_directions() -> None:
    for descending, rows in ((False, [2, 0, 3, 1]), (True, [1, 0, 3, 2])):
        order = (ast.OrderKey(INT, descending),)
        statement = ast.Statement(ast.Select((ast.Star(),)), order_by=order)
        assert evaluate(statement, TABLE).rows == rows


def test_set_operations_combine_by_source_row() -> None:
    threes = ast.Select((ast.SelectItem(INT),), where=ast.Binary("=", INT, number(3)))
    union = ast.SetOperation("union", threes, ast.Select((ast.SelectItem(INT),)))
    assert evaluate(ast.Statement(union), TABLE).rows == [0, 1, 2, 3]


def test_mistakes_are_found_without_rows() -> None:
    empty = Table({"i": (Type("int8"), [])})
    for expr, error in (
        (ast.Binary("=", INT, ast.Literal("3")), QueryTypeError),
        (ast.Binary("=", ast.Name("j"), number(3)), UnknownColumnError),
    ):
        with pytest.raises(error):
            evaluate(ast.Statement(ast.Select((ast.Star(),), where=expr)), empty)


def test_every_function_has_a_definition() -> None:
    for name in CALLABLE:
        assert arity_of(name) is not None or name in ("max_weight", "sum_weight"), name


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ("bool", "bool", "int64"), ("bool", "float16", "float16"), ("int8", "uint8", "int16"),
        ("uint32", "int64", "int64"), ("uint32", "int8", "int64"), ("uint64", "int8", "float64"),
        ("uint8", "uint64", "uint64"), ("int16", "float32", "float32"), ("int32", "float32", "float64"),
        ("int8", "float16", "float64"), ("float16", "float32", "float32"),
    ],
)  # fmt: skip
def test_promotion(left: Element, right: Element, result: Element) -> None:
    assert promoted(left, right) == promoted(right, left) == result


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("abc", "a*", True), ("abc", "a", False), ("abc", "?b?", True), ("", "*", True), ("", "?", False),
        ("a_c", "a_c", True), ("abc", "a_c", False), ("a*", "a\\*", True), ("ab", "a\\*", False),
        ("b", "[a-c]", True), ("-", "[a-c]", False), ("[a", "[a", True), ("a\nc", "a%c", True),
    ],
)  # fmt: skip
def test_patterns(text: str, pattern: str, matches: bool) -> None:
    assert like(text, pattern) == matches
