"""Constants moved between types: every comparison must come out as it was, checked value by value."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tql.planner.expressions import Constant, call
from tql.planner.values import fold, narrow, nested, type_of_value
from tql.types import FLOAT64, INT64, Element, Type

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}
CONSTANTS = [
    0, 1, -1, 5, 127, 128, -128, -129, 255, 256, 65504, 2**31, 2**53 - 1, 2**63 - 1, 2**63, 2**64 - 1,
    0.0, -0.0, 0.5, -0.5, 1.0, 0.1, -0.1, 2.5, 126.99, 127.0, 127.5, 1e-8, 6e-8, 65504.0, 65519.0, 65520.0,
    1e10, -1e300, math.inf, -math.inf, math.nan,
]  # fmt: skip


def every(element: Element) -> NDArray[Any]:
    """Every value of a small type."""
    if element == "bool":
        return np.array([False, True])
    if element == "float16":
        return np.arange(2**16, dtype=np.uint16).view(np.float16)
    info = np.iinfo(element)
    return np.arange(info.min, info.max + 1, dtype=element)


@pytest.mark.parametrize("kernel", COMPARISONS)
@pytest.mark.parametrize("element", ["bool", "int8", "uint8", "float16"])
def test_narrowing_keeps_every_comparison(element: Element, kernel: str) -> None:
    values = every(element)
    for constant in CONSTANTS:
        in_floats = isinstance(constant, float) or element == "float16"
        wide = values.astype(np.float64) if in_floats else values.astype(object) + 0
        expected = COMPARISONS[kernel](wide, float(constant) if in_floats else constant).astype(bool)
        narrowed = narrow(kernel, constant, element)
        assert narrowed is not None
        if isinstance(narrowed, bool):
            assert (expected == narrowed).all(), constant
        else:
            own = np.array(narrowed[1], dtype=element)
            assert (COMPARISONS[narrowed[0]](values, own) == expected).all(), constant


def same(kernel: str, value: float, constant: float, element: Element) -> bool:
    """Whether the narrowed comparison of one value is what the wide one says."""
    in_floats = isinstance(constant, float) or element == "float32"
    expected = COMPARISONS[kernel](float(value) if in_floats else value, constant)
    narrowed = narrow(kernel, constant, element)
    if narrowed is None:
        return element == "int64" and isinstance(constant, float) and abs(constant) >= 2**53
    if isinstance(narrowed, bool):
        return bool(narrowed == expected)
    own = np.dtype(element).type
    return bool(COMPARISONS[narrowed[0]](own(value), own(narrowed[1])) == expected)


FLOATS = st.one_of(
    st.floats(),
    st.floats(width=32).map(lambda x: math.nextafter(x, math.inf)),
    st.sampled_from([2.0**53 - 1, 2.0**53, 2.0**53 + 2, -(2.0**53), 0.1]),
)
INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(2**53 - 3, 2**53 + 3))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(COMPARISONS)), st.floats(width=32), FLOATS)
def test_narrowing_to_float32(kernel: str, value: float, constant: float) -> None:
    assert same(kernel, value, constant, "float32")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(COMPARISONS)), INTEGERS, st.one_of(FLOATS, st.integers(-(2**63), 2**64 - 1)))
def test_narrowing_to_int64(kernel: str, value: int, constant: float) -> None:
    assert same(kernel, value, constant, "int64")


def folded(kernel: str, *values: Any, element: Element = "int64") -> Any:
    result = fold(call(kernel, *[Constant(Type(element), value) for value in values]))
    return None if result is None else result.value


def test_integers_wrap_around_in_their_type() -> None:
    assert folded("add", 100, 100, element="int8") == -56
    assert folded("multiply", 200, 2, element="uint8") == 144
    assert folded("negate", -128, element="int8") == -128
    assert folded("abs", -128, element="int8") == -128


def test_modulo_has_the_sign_of_the_dividend() -> None:
    assert folded("modulo", -7, 3) == -1
    assert folded("modulo", 7, -3) == 1
    assert folded("modulo", -7.5, 2.0, element="float64") == -1.5
    assert folded("modulo", 7, 0) is None


def test_division_by_zero() -> None:
    assert folded("divide", 1.0, 0.0, element="float64") == math.inf
    assert folded("divide", 1.0, -0.0, element="float64") == -math.inf
    assert math.isnan(folded("divide", 0.0, 0.0, element="float64"))


def test_nan_compares_false_but_is_unequal() -> None:
    assert folded("equal", math.nan, math.nan, element="float64") is False
    assert folded("not_equal", math.nan, math.nan, element="float64") is True
    assert folded("less", math.nan, 1.0, element="float64") is False


def test_constants_compare_by_value_across_signedness() -> None:
    result = fold(call("less", Constant(INT64, -1), Constant(Type("uint64"), 2**64 - 1)))
    assert result is not None
    assert result.value is True


def test_a_plan_tells_zeros_and_types_apart() -> None:
    assert Constant(FLOAT64, 0.0) != Constant(FLOAT64, -0.0)
    assert Constant(FLOAT64, math.nan) == Constant(FLOAT64, math.nan)
    assert hash(Constant(FLOAT64, math.nan)) == hash(Constant(FLOAT64, math.nan))
    assert Constant(FLOAT64, 1.0) != Constant(INT64, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "bool"),
        (2**63 - 1, "int64"),
        (2**63, "uint64"),
        ([1, 2], "int64[2]"),
        ([[1.0], [2.0]], "float64[2,1]"),
        (["a"], "text[1]"),
        ([1, "a"], None),
        ([1, True], None),
        ([[1], [1, 2]], None),
        ([-1, 2**63], None),
        (2**64, None),
    ],
)
def test_types_of_python_values(value: Any, expected: str | None) -> None:
    type_ = type_of_value(nested(value))
    assert (None if type_ is None else str(type_)) == expected
