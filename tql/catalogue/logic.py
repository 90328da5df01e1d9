"""Truth: two-valued, NULL counts as false and never comes out."""

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import bool_scalar, elementwise_bool, equal_shapes_bool

_TWO = (Parameter("a", "condition"), Parameter("b", "condition"))
_X = (Parameter("x"),)

FUNCTIONS = (
    Function(
        "and",
        "and",
        _TWO,
        elementwise_bool,
        "both hold; element-wise on arrays",
        "logic",
        "bool",
        nulls="false",
        nan="true",
    ),
    Function(
        "or",
        "or",
        _TWO,
        elementwise_bool,
        "one of them holds; element-wise on arrays",
        "logic",
        "bool",
        nulls="false",
        nan="true",
    ),
    Function(
        "not",
        "not",
        (_TWO[0],),
        elementwise_bool,
        "does not hold; NULL counts as false",
        "logic",
        "bool",
        nulls="false",
        nan="true",
    ),
    Function(
        "logical_and",
        "logical_and",
        _TWO,
        equal_shapes_bool,
        "both hold, element by element; arrays of different shapes give false",
        "logic",
        "bool",
        nulls="false",
        nan="true",
    ),
    Function(
        "logical_or",
        "logical_or",
        _TWO,
        equal_shapes_bool,
        "one of them holds, element by element; arrays of different shapes give false",
        "logic",
        "bool",
        nulls="false",
        nan="true",
    ),
    Function(
        "is null",
        "is_null",
        _X,
        bool_scalar,
        "whether the value is NULL; NaN and '' are not",
        "logic",
        nulls="never",
        nan="false",
    ),
)
