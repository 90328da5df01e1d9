"""Constants: evaluated at planning time, and moved between element kinds without changing a comparison.

What is computed here is what the engine would compute, bit for bit; where that is not sure nothing is folded.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from tql.planner.expressions import Call, Constant, Value
from tql.types import FLOATS, Element, Type

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}

_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    **_COMPARE,
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "modulo": np.fmod,
    "negate": np.negative,
    "abs": np.absolute,
    "sqrt": np.sqrt,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
}


def fold(call: Call) -> Constant | None:
    """The value of a call whose operands are all constants; None where it is left to the engine.

    Integer modulo by zero stays, for it is an error only where there are rows.
    """
    operands = [operand for operand in call.operands if isinstance(operand, Constant)]
    if len(operands) != len(call.operands) or not operands or call.type.nullable or call.type.shape is None:
        return None
    value = _evaluate(call, operands)
    return None if value is None else Constant(call.type, value, span=call.span)


def _evaluate(call: Call, operands: list[Constant]) -> Value | None:
    first = operands[0]
    if call.kernel in _COMPARE and all(o.type.is_scalar for o in operands):
        return bool(
            _COMPARE[call.kernel](first.value, operands[1].value)
        )  # also text, also int64 with uint64
    if call.kernel == "contains_text":
        return str(operands[1].value) in str(first.value)
    if call.kernel == "in_set" and first.type.is_scalar:
        return first.value in call.option("values")
    if call.kernel == "subscript":
        return _subscript(call, operands)
    if not all(o.type.is_numeric for o in operands):
        return None
    arrays = [np.array(o.value, dtype=o.type.element) for o in operands]
    if call.kernel == "cast":
        if first.type.is_float and call.type.is_integer:
            return None
        with np.errstate(all="ignore"):
            return _plain(arrays[0].astype(call.type.element))
    if call.kernel == "scalar" or (call.kernel == "truth" and arrays[0].size == 1):
        element = arrays[0].reshape(())
        return _plain(element != 0 if call.kernel == "truth" else element)
    function = _ELEMENTWISE.get(call.kernel)
    if function is None or len({o.type.element for o in operands}) > 1:
        return None
    if call.kernel == "modulo" and first.type.is_integer and not arrays[1].all():
        return None
    try:
        with np.errstate(all="ignore"):
            return _plain(np.asarray(function(*arrays)).astype(call.type.element))
    except ValueError:  # shapes that do not broadcast: a matter of the place the call stands in
        return None


def _subscript(call: Call, operands: list[Constant]) -> Value | None:
    """One element of a constant array, by constant indices that cannot miss."""
    if any(item is not None for item in call.option("items")):
        return None
    value = operands[0].value
    for index in operands[1:]:
        assert isinstance(value, tuple) and isinstance(index.value, int)
        value = value[index.value]
    return value


def _plain(array: Any) -> Value:
    return nested(np.asarray(array).tolist())


def nested(value: Any) -> Value:
    """Lists to tuples, all the way down."""
    return tuple(nested(item) for item in value) if isinstance(value, list | tuple) else value


def leaves(value: Value) -> Iterator[bool | int | float | str]:
    """The elements of a constant in order."""
    if isinstance(value, tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@cache
def integer_range(element: Element) -> tuple[int, int]:
    """Smallest and largest value of an integer element; bool counts as 0 to 1."""
    if element == "bool":
        return 0, 1
    info = np.iinfo(element)
    return int(info.min), int(info.max)


_EXACT_IN_FLOAT64 = 2**53  # below it every integer is a float64 of its own


Narrowed = tuple[str, "bool | int | float"] | bool | None


def narrow(kernel: str, value: bool | int | float, element: Element) -> Narrowed:
    """`x <kernel> value`, compared in a wider kind, as a comparison in the column's own kind.

    Args:
        kernel: a comparison kernel.
        value: the constant, an int (compared by value) or a float (compared in float64).
        element: the kind of x.

    Returns:
        (kernel, constant of `element`); or the truth of the comparison where it is the same for every x, NaN
        included; or None where no such comparison exists.
    """
    if element in FLOATS:
        return _narrow_to_float(kernel, float(value), element)
    if isinstance(value, float):
        if element in ("int64", "uint64") and abs(value) >= _EXACT_IN_FLOAT64 and math.isfinite(value):
            return None  # several integers are the same float64 there
        return _narrow_float_to_integer(kernel, value, element)
    return _narrow_to_integer(kernel, int(value), element)


def _narrow_to_integer(kernel: str, value: int, element: Element) -> Narrowed:
    low, high = integer_range(element)
    if low <= value <= high:
        return kernel, bool(value) if element == "bool" else value
    above = value > high
    match kernel:
        case "equal":
            return False
        case "not_equal":
            return True
        case "less" | "less_equal":
            return above
        case _:
            return not above


def _narrow_float_to_integer(kernel: str, value: float, element: Element) -> Narrowed:
    if math.isnan(value):
        return kernel == "not_equal"
    if math.isinf(value):
        beyond = 2**70 if value > 0 else -(2**70)
        return _narrow_to_integer(kernel, beyond, element)
    if value.is_integer():
        return _narrow_to_integer(kernel, int(value), element)
    match kernel:
        case "equal":
            return False
        case "not_equal":
            return True
        case "less" | "less_equal":
            return _narrow_to_integer("less_equal", math.floor(value), element)
        case _:
            return _narrow_to_integer("greater_equal", math.ceil(value), element)


def _narrow_to_float(kernel: str, value: float, element: Element) -> Narrowed:
    dtype = np.dtype(element).type
    with np.errstate(over="ignore", under="ignore"):
        near = dtype(value)
        below, above = float(np.nextafter(near, dtype(-np.inf))), float(np.nextafter(near, dtype(np.inf)))
    if math.isnan(value) or float(near) == value:
        return kernel, float(near)
    match kernel:
        case "equal":
            return False
        case "not_equal":
            return True
        case "less" | "less_equal":  # x is below iff it is at most the largest representable number below
            return "less_equal", float(near) if float(near) < value else below
        case _:
            return "greater_equal", float(near) if float(near) > value else above


def type_of_value(value: Any) -> Type | None:
    """Type of a Python value that a parameter or literal gives; None where it has none.

    Lists are rectangular arrays of one kind: all bool, all text, all integers (int64, or uint64 where one is
    above
    2**63 - 1 and none is negative) or numbers with a float among them (float64).
    """
    shape = shape_of(value)
    if shape is None:
        return None
    items = list(leaves(value)) if isinstance(value, tuple) else [value]
    if not items:
        return Type("float64", shape)
    if all(isinstance(i, bool) for i in items):
        return Type("bool", shape)
    if all(isinstance(i, str) for i in items):
        return Type("text", shape)
    if any(isinstance(i, bool | str) for i in items) or not all(isinstance(i, int | float) for i in items):
        return None
    if any(isinstance(i, float) for i in items):
        return Type("float64", shape)
    low, high = min(items), max(items)
    for element in ("int64", "uint64"):
        smallest, largest = integer_range(element)
        if smallest <= low and high <= largest:  # type: ignore[operator]
            return Type(element, shape)
    return None


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Shape of nested tuples, None where they are not rectangular."""
    if not isinstance(value, tuple):
        return ()
    shapes = {shape_of(item) for item in value}
    if len(shapes) > 1 or None in shapes:
        return None
    inner = next(iter(shapes), ())
    return None if inner is None else (len(value), *inner)


def convert(value: Value, element: Element) -> Value:
    """A numeric constant with its elements in another kind, as a cast would."""
    if isinstance(value, tuple):
        return tuple(convert(item, element) for item in value)
    with np.errstate(over="ignore"):
        return np.array(value).astype(element).item()  # type: ignore[no-any-return]


FOLDABLE: tuple[str, ...] = (
    *_ELEMENTWISE,
    "cast",
    "scalar",
    "truth",
    "contains_text",
    "in_set",
    "is_null",
    "subscript",
)
"""Kernels that may be evaluated at planning time."""
