"""Arithmetic on numbers and arrays of numbers, element-wise; integers wrap around."""

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import elementwise, floating

_OPERANDS = (Parameter("a", "number"), Parameter("b", "number"))
_X = (Parameter("x", "number"),)

FUNCTIONS = (
    Function(
        "+", "add", _OPERANDS, elementwise, "sum; integers wrap around", "arithmetic", "promote", nan="NaN"
    ),
    Function(
        "-",
        "subtract",
        _OPERANDS,
        elementwise,
        "difference; integers wrap around",
        "arithmetic",
        "promote",
        more_kernels=("negate",),
        nan="NaN",
    ),
    Function(
        "*",
        "multiply",
        _OPERANDS,
        elementwise,
        "product; integers wrap around",
        "arithmetic",
        "promote",
        nan="NaN",
    ),
    Function(
        "/",
        "divide",
        _OPERANDS,
        elementwise,
        "quotient, always a float; by zero: inf, -inf or NaN",
        "arithmetic",
        "divide",
        nan="NaN",
        cost=2.0,
    ),
    Function(
        "%",
        "modulo",
        _OPERANDS,
        elementwise,
        "remainder with the sign of the dividend; an integer by zero is an error",
        "arithmetic",
        "promote",
        nan="NaN",
        fallible=True,
        cost=4.0,
    ),
    Function(
        "abs",
        "abs",
        _X,
        elementwise,
        "absolute value; int8 -128 stays -128",
        "arithmetic",
        "count",
        nan="NaN",
    ),
    Function(
        "sqrt",
        "sqrt",
        _X,
        floating,
        "square root; of a negative number NaN",
        "arithmetic",
        "float",
        nan="NaN",
        cost=2.0,
    ),
)
