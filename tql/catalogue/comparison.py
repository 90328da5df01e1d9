"""Comparisons: by value, element-wise, NaN unequal to everything."""

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import elementwise_bool

_OPERANDS = (Parameter("a"), Parameter("b"))
_ORDER_NAN = "false"


def _ordering(name: str, kernel: str, text: str) -> Function:
    return Function(
        name, kernel, _OPERANDS, elementwise_bool, text, "comparison", conversion="compare", nan=_ORDER_NAN
    )


FUNCTIONS = (
    Function(
        "=",
        "equal",
        _OPERANDS,
        elementwise_bool,
        "equality, element-wise on arrays; class labels compare with class names",
        "comparison",
        conversion="compare",
        aliases=("==", "equals"),
        nan="false",
    ),
    Function(
        "!=",
        "not_equal",
        _OPERANDS,
        elementwise_bool,
        "inequality, element-wise on arrays",
        "comparison",
        conversion="compare",
        aliases=("<>",),
        nan="true",
    ),
    _ordering("<", "less", "less than; text by UTF-8 bytes"),
    _ordering("<=", "less_equal", "less than or equal; text by UTF-8 bytes"),
    _ordering(">", "greater", "greater than; text by UTF-8 bytes"),
    _ordering(">=", "greater_equal", "greater than or equal; text by UTF-8 bytes"),
    Function(
        "in",
        "in_set",
        (Parameter("x"),),
        elementwise_bool,
        "equal to one of a list of constants, element-wise on arrays",
        "comparison",
        nulls="false",
        nan="false",
        cost=2.0,
    ),
)
