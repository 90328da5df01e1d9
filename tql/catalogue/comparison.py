"""Comparisons: by value, element-wise, NaN unequal to everything."""

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import elementwise_bool

_OPERANDS = (Parameter("a"), Parameter("b"))


def _ordering(name: str, kernel: str, text: str) -> Function:
    return Function(
        name,
        kernel,
        _OPERANDS,
        elementwise_bool,
        text,
        "comparison",
        conversion="compare",
        nan="false",
        section=6,
        returns="bool, element-wise",
        example=f"select * where score {name} 0.5",
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
        section=6,
        returns="bool, element-wise",
        example="select * where labels = 'cat'",
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
        section=6,
        returns="bool, element-wise",
        example="select * where labels != 'cat'",
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
        section=6,
        returns="bool, element-wise",
        example="select * where labels in ('cat', 'dog')",
        forms=("x in (a, b, ...)", "x not in (a, b, ...)"),
    ),
    Function(
        "between",
        "",
        (Parameter("x"), Parameter("low"), Parameter("high")),
        elementwise_bool,
        "x >= low and x <= high, element-wise on arrays; nothing lies between where low > high",
        "comparison",
        nulls="false",
        nan="false",
        section=6,
        returns="bool, element-wise",
        example="select * where score between 0.5 and 0.9",
        forms=("x between low and high", "x not between low and high"),
    ),
)
