"""Reductions: many numbers to one, over all elements or along one axis."""

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import reduced

_X = (Parameter("x", "number"), Parameter("axis", "axis", optional=True))

FUNCTIONS = (
    Function(
        "sum",
        "sum",
        _X,
        reduced(),
        "sum of the elements, of nothing 0; integers wrap around",
        "reduction",
        "count",
        nan="NaN",
        spreads=True,
    ),
    Function(
        "prod",
        "prod",
        _X,
        reduced(),
        "product of the elements, of nothing 1; integers wrap around",
        "reduction",
        "count",
        nan="NaN",
        spreads=True,
    ),
    Function(
        "avg",
        "avg",
        _X,
        reduced("float64", empty_is_null=True),
        "mean of the elements, of nothing NULL",
        "reduction",
        aliases=("mean",),
        nan="NaN",
        spreads=True,
    ),
    Function(
        "amin",
        "amin",
        _X,
        reduced(empty_is_null=True),
        "smallest element, of nothing NULL",
        "reduction",
        aliases=("min",),
        nan="NaN",
        spreads=True,
    ),
    Function(
        "amax",
        "amax",
        _X,
        reduced(empty_is_null=True),
        "largest element, of nothing NULL",
        "reduction",
        aliases=("max",),
        nan="NaN",
        spreads=True,
    ),
    Function(
        "count",
        "count",
        (Parameter("x"),),
        reduced("int64"),
        "number of elements",
        "reduction",
        nan="counts",
        cost=0.5,
        spreads=True,
    ),
)
