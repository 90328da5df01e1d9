"""Sections 3, 5 and 6: arithmetic, comparison, AND, OR, NOT, IN and BETWEEN on the values of one row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import elements
from reference.json_values import canonical, number_of
from reference.nested import each
from reference.table import Json, Value
from reference.values import broadcast, plain, truth_of_elements
from tql.errors import QueryRuntimeError
from tql.types import Element

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,  # the sign of the dividend, for integers as in C
}


def element_of(array: NDArray[Any]) -> Element:
    return array.dtype.name  # type: ignore[return-value]


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """`left operator right`; NULL if one of them is NULL, or JSON that is no number."""
    return each(lambda a, b: _arithmetic(operator, a, b), left, right)


def numeric(value: Value) -> NDArray[Any] | None:
    """An operand of arithmetic; of JSON the number as float64."""
    return number_of(value) if isinstance(value, Json) else plain(value)


def _arithmetic(operator: str, left: Value, right: Value) -> Value:
    a, b = numeric(left), numeric(right)
    if a is None or b is None:
        return None
    result = elements.divided if operator == "/" else elements.promoted
    dtype = result(element_of(a), element_of(b))
    a, b = broadcast(a, b)
    if operator == "%" and dtype not in ("float16", "float32", "float64") and bool(np.any(b == 0)):
        raise QueryRuntimeError("integer modulo by zero")
    with np.errstate(all="ignore"):
        return np.asarray(_ARITHMETIC[operator](a.astype(dtype), b.astype(dtype)), dtype=dtype)


def negate(operand: Value) -> Value:
    """`-x`; integers wrap around, so int8 -128 stays."""
    return each(_negate, operand)


def _negate(operand: Value) -> Value:
    array = numeric(operand)
    if array is None:
        return None
    dtype = elements.negated(element_of(array))
    zero = np.zeros(array.shape, dtype=dtype)
    if dtype in ("float16", "float32", "float64"):
        return np.asarray(np.negative(array.astype(dtype)))
    return np.asarray(np.subtract(zero, array.astype(dtype)))


def compare(operator: str, left: Value, right: Value) -> Value:
    """`left operator right`, element by element, by value; NULL if one of them is NULL."""
    if left is None or right is None:
        return None
    return each(lambda a, b: _compare(operator, a, b), left, right)


def _compare(operator: str, left: Value, right: Value) -> Value:
    a, b = plain(left), plain(right)
    if a is None or b is None:
        return None
    a, b = broadcast(a, b)
    result = np.zeros(a.shape, dtype=np.bool_)
    for place in np.ndindex(a.shape):
        result[place] = compare_items(operator, _item(a, place), _item(b, place))
    return result


def _item(array: NDArray[Any], place: tuple[int, ...]) -> Any:
    value = array[place]
    return value.item() if isinstance(value, np.generic) else value


def compare_items(operator: str, left: Any, right: Any) -> bool:
    """Two Python scalars: numbers and bools by value, an integer meets a float as float64, text by bytes.

    A mismatch of kinds can only come from JSON: `=` is false, `!=` true, orderings are false.
    Documents (lists and dicts) have equality only.
    """
    if isinstance(left, int | float) and isinstance(right, int | float):
        if isinstance(left, float) or isinstance(right, float):
            left, right = float(left), float(right)
    elif isinstance(left, str) and isinstance(right, str):
        left, right = left.encode(), right.encode()
    elif type(left) is type(right) and operator in ("=", "!="):
        return bool((canonical(left) == canonical(right)) == (operator == "="))
    else:
        return operator == "!="
    match operator:
        case "=":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
    raise AssertionError(operator)


def conjunction(left: Value, right: Value) -> Value:
    """`left AND right`, element by element; NULL counts as false."""
    return each(_conjunction, left, right)


def _conjunction(left: Value, right: Value) -> Value:
    a, b = broadcast(truth_of_elements(left), truth_of_elements(right))
    return np.asarray(a & b)


def disjunction(left: Value, right: Value) -> Value:
    """`left OR right`, element by element; NULL counts as false."""
    return each(_disjunction, left, right)


def _disjunction(left: Value, right: Value) -> Value:
    a, b = broadcast(truth_of_elements(left), truth_of_elements(right))
    return np.asarray(a | b)


def negation(operand: Value) -> Value:
    """`NOT x`, element by element; NULL counts as false, so NOT NULL is true."""
    return each(lambda x: np.asarray(~truth_of_elements(x)), operand)


def between(operand: Value, low: Value, high: Value) -> Value:
    """`x >= low AND x <= high`."""
    return conjunction(compare(">=", operand, low), compare("<=", operand, high))


def is_in(operand: Value, items: Sequence[Value]) -> Value:
    """True where `x = item` for some item; NULL is in no list, NaN neither."""
    return each(lambda x: _is_in(x, items), operand)


def _is_in(operand: Value, items: Sequence[Value]) -> Value:
    result: Value = truth_of_elements(None)
    for item in items:
        result = disjunction(result, compare("=", operand, item))
    array = plain(operand)
    return result if array is None or items else np.zeros(array.shape, dtype=np.bool_)


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
