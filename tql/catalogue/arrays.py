"""Arrays: membership, shape, positions, subscripts."""

from collections.abc import Mapping, Sequence
from typing import Any

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import bool_scalar, positions, reduced, shape_vector
from tql.types import Type

_X = Parameter("x")
_CONDITIONS = (Parameter("x", "condition"), Parameter("axis", "axis", optional=True))


def subscript(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """Type of `x[items]`: an index removes its axis, a slice keeps it; extents known where all is constant.

    `options["items"]` is a tuple of `None` for an index and `(has_start, has_stop, has_step)` for a slice;
    `options["extents"]`, where given, is a tuple with the resulting extent of each slice (None where
    unknown), and `options["in_range"]` says that no index can miss.
    """
    x = types[0]
    items: tuple[Any, ...] = options["items"]
    nullable = x.nullable or any(t.nullable for t in types[1:]) or not options.get("in_range", False)
    sequence = x.sequence if items[0] is not None else max(0, x.sequence - 1)
    if x.shape is None:
        return Type(x.element, None, nullable, x.class_names, sequence)
    extents = options.get("extents") or (None,) * len(items)
    kept = tuple(extent for item, extent in zip(items, extents, strict=True) if item is not None)
    return Type(x.element, kept + x.shape[len(items) :], nullable, x.class_names, sequence)


def gathered(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """Type of `x[y]` with a list of positions y: one entry per position; a miss gives NULL."""
    x, y = types
    shape = None if x.shape is None or y.shape is None else y.shape + x.shape[1:]
    return Type(x.element, shape, True, x.class_names, x.sequence)


FUNCTIONS = (
    Function(
        "any",
        "any",
        _CONDITIONS,
        reduced("bool"),
        "some element is true; of nothing false",
        "array",
        "bool",
        nulls="false",
        nan="true",
        spreads=True,
        section=8,
        returns="bool; with axis a bool array",
        example="select * where any(boxes[:, 2] > 100)",
    ),
    Function(
        "all",
        "all",
        _CONDITIONS,
        reduced("bool"),
        "every element is true; of nothing true",
        "array",
        "bool",
        nulls="false",
        nan="true",
        spreads=True,
        section=8,
        returns="bool; with axis a bool array",
        example="select * where all(values >= 0)",
    ),
    Function(
        "all_strict",
        "all_strict",
        (Parameter("x", "condition"),),
        reduced("bool"),
        "every element is true and there is one",
        "array",
        "bool",
        nulls="false",
        nan="true",
        spreads=True,
        section=8,
        returns="bool",
        example="select * where all_strict(values > 0)",
    ),
    Function(
        "contains",
        "contains",
        (_X, Parameter("y")),
        bool_scalar,
        "some element of an array equals y, or y is a part of a text",
        "array",
        more_kernels=("contains_text", "contains_words"),
        nulls="false",
        nan="no element equals NaN",
        cost=4.0,
        section=7,
        returns="bool",
        example="select * where contains(categories, 'car')",
    ),
    Function(
        "shape",
        "shape",
        (_X,),
        shape_vector,
        "extents of the axes; empty for a scalar",
        "array",
        cost=0.5,
        section=8,
        returns="int64 array",
        example="select * where shape(images)[0] > 20",
    ),
    Function(
        "nonzero",
        "nonzero",
        (Parameter("x", "numeric array"),),
        positions,
        "positions of the non-zero elements",
        "array",
        nan="counts as non-zero",
        spreads=True,
        section=8,
        returns="int64 array",
        example="select nonzero(values > 3) as positions",
    ),
    Function(
        "[]",
        "subscript",
        (Parameter("x", "array"),),
        subscript,
        "element or slice; out of range NULL",
        "array",
        variadic=True,
        section=9,
        returns="the element or part",
        example="select * where boxes[0, 2] > 100",
        forms=("x[i]", "x[start:stop:step]", "x[i, start:stop]", "json['key']"),
    ),
    Function(
        "[list]",
        "gather",
        (Parameter("x", "array"), Parameter("positions", "array")),
        gathered,
        "elements at a list of positions",
        "array",
        cost=2.0,
        section=9,
        returns="the elements",
        example="select values[nonzero(values)] as nonzero_values",
        forms=("x[positions]",),
    ),
)
