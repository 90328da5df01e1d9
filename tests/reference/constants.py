"""Constants: literals, ARRAY[...], parameters, and arithmetic on them (sections 2, 11, 13 and 17)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.operators import arithmetic, negate
from reference.table import number, text
from tql import ast
from tql.errors import QueryTypeError, QueryValueError, ShapeError


def is_constant(expr: ast.Expr) -> bool:
    """Whether the expression is made of literals, parameters and arithmetic only."""
    match expr:
        case ast.Literal() | ast.Parameter():
            return True
        case ast.ArrayLiteral(items):
            return all(is_constant(item) for item in items)
        case ast.Unary("-", operand):
            return is_constant(operand)
        case ast.Binary("+" | "-" | "*" | "/" | "%", left, right):
            return is_constant(left) and is_constant(right)
    return False


def constant(expr: ast.Expr, parameters: Sequence[Any]) -> NDArray[Any]:
    """The value of a constant expression."""
    match expr:
        case ast.Literal(value):
            return literal(value)
        case ast.Parameter(index):
            return literal(parameters[index])
        case ast.ArrayLiteral(items):
            return literal([constant(item, parameters).tolist() for item in items])
        case ast.Unary("-", ast.Literal(int() as value)) if value == 2**63 and not isinstance(value, bool):
            return np.array(-(2**63), dtype=np.int64)
        case ast.Unary("-", operand):
            negated = negate(_number(constant(operand, parameters)))
            assert isinstance(negated, np.ndarray)
            return negated
        case ast.Binary("+" | "-" | "*" | "/" | "%" as operator, left, right):
            result = arithmetic(
                operator, _number(constant(left, parameters)), _number(constant(right, parameters))
            )
            assert isinstance(result, np.ndarray)
            return result
    raise QueryTypeError("a constant is needed here", span=expr.span)


def literal(value: Any) -> NDArray[Any]:
    """A Python value as TQL sees it; a list by content: int64, float64, bool or text."""
    if isinstance(value, str):
        return text(value)
    if not isinstance(value, list | tuple):
        return number(value)
    flat = list(_flatten(value))
    kinds = {type(item) for item in flat}
    if kinds == {str}:
        array = np.array(value, dtype=object)
    elif kinds == {bool}:
        array = np.array(value, dtype=np.bool_)
    elif kinds == {int}:
        array = np.array(_rectangular(value), dtype=np.int64 if max(flat) < 2**63 else np.uint64)
    elif kinds == {int, float} or kinds == {float}:
        array = np.array(_rectangular(value), dtype=np.float64)
    else:
        raise QueryTypeError("the items of an array must be of one kind")
    return array


def _flatten(value: Any) -> Any:
    for item in value:
        if isinstance(item, list | tuple):
            yield from _flatten(item)
        else:
            yield item


def _rectangular(value: Any) -> Any:
    try:
        np.array(value)
    except ValueError:
        raise ShapeError("an ARRAY must be rectangular") from None
    return value


def _number(value: NDArray[Any]) -> NDArray[Any]:
    if value.dtype == object:
        raise QueryTypeError("arithmetic on text")
    return value


def count(expr: ast.Expr, parameters: Sequence[Any]) -> int:
    """The number of a LIMIT, OFFSET or sample: a float is truncated, a negative one is an error."""
    return int(_not_negative(expr, parameters))


def percent(expr: ast.Expr, parameters: Sequence[Any]) -> float:
    """The number before PERCENT."""
    return float(_not_negative(expr, parameters))


def rows_of_percent(rows: int, per_cent: float) -> int:
    """floor(rows * p / 100)."""
    return math.floor(rows * per_cent / 100)


def _not_negative(expr: ast.Expr, parameters: Sequence[Any]) -> float | int:
    if not is_constant(expr):
        raise QueryTypeError("a constant is needed here", span=expr.span)
    value = constant(expr, parameters)
    if value.size != 1 or value.dtype == object or value.dtype == np.bool_:
        raise QueryTypeError("a number is needed here", span=expr.span)
    plain: float | int = value.reshape(()).item()
    if math.isnan(plain) or math.isinf(plain) or plain < 0:
        raise QueryValueError("a count must not be negative", span=expr.span)
    return plain
