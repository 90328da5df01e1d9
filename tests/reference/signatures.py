"""Section 12: what each function takes and gives, as static types."""

from __future__ import annotations

from collections.abc import Sequence

from reference import elements
from reference.constants import constant, is_constant
from reference.scope import Scope
from tql import ast
from tql.errors import QueryTypeError, ShapeError
from tql.types import BOOL, FLOAT64, INT64, Element, Type

_ARITY: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("any", "all", "sum", "prod", "avg", "mean", "amin", "min", "amax", "max"), (1, 2)),
    **dict.fromkeys(("all_strict", "shape", "nonzero", "keys", "count", "abs", "sqrt"), (1, 1)),
    **dict.fromkeys(("l1_norm", "l2_norm", "linf_norm"), (1, 1)),
    **dict.fromkeys(("logical_and", "logical_or", "contains", "equals", "data"), (2, 2)),
    **dict.fromkeys(("cosine_similarity", "dot", "hamming_distance", "maxsim", "bm25_similarity"), (2, 2)),
    **dict.fromkeys(("row_number", "random"), (0, 0)),
}


_OF_ELEMENTS = ("abs", "sqrt")


_OF_ARRAYS = (
    "any", "all", "all_strict", "sum", "prod", "avg", "mean", "amin", "min", "amax", "max", "count",
    "nonzero", "l1_norm", "l2_norm", "linf_norm", "dot", "cosine_similarity", "hamming_distance",
)  # fmt: skip


def is_document(type_: Type) -> bool:
    """A JSON value, whose kind only a row knows."""
    return type_.element == "json" and type_.is_scalar


def reads_arrays(function: str) -> bool:
    """Whether a JSON argument counts as the array of its elements."""
    return function in _OF_ARRAYS


def works_on_elements(function: str) -> bool:
    """Whether the function is element-wise, so that what is around it says how JSON is read."""
    return function in _OF_ELEMENTS


def arity_of(function: str) -> tuple[int, int] | None:
    """The fewest and the most arguments; None if there is no such function."""
    return _ARITY.get(function)


def axis_of(call: ast.Call, scope: Scope) -> int | None:
    """The `axis` argument of a reduction: an integer constant."""
    if len(call.args) < 2:
        return None
    axis = call.args[1]
    if not is_constant(axis):
        raise QueryTypeError("the axis must be an integer constant", span=axis.span)
    value = constant(axis, scope.parameters)
    if value.ndim != 0 or value.dtype.kind not in "iu":
        raise QueryTypeError("the axis must be an integer constant", span=axis.span)
    return int(value)


def never_of_one_shape(first: Type, second: Type) -> bool:
    """Whether two types of arrays differ in rank, or in an extent that both tell."""
    if first.shape is None or second.shape is None or not first.shape or not second.shape:
        return False
    if len(first.shape) != len(second.shape):
        return True
    return any(None not in (a, b) and a != b for a, b in zip(first.shape, second.shape, strict=True))


def type_of_call(call: ast.Call, types: Sequence[Type], scope: Scope) -> Type:
    """The result type, given the types of the arguments (of the right number)."""
    match call.function:
        case "row_number":
            return INT64
        case "random":
            return Type("int32")
        case "shape":
            return Type("int64", (None if is_document(types[0]) else types[0].rank,))
        case "count":
            return INT64
        case "contains":
            return _contains(call, types)
        case "keys":
            if types[0].element != "json":
                raise QueryTypeError("KEYS needs JSON", span=call.span)
            return Type("text", (None,))
        case "data":
            return _data(call, types)
    for type_ in types:
        if not type_.is_numeric and type_.element != "json":
            raise QueryTypeError(f"{call.function} needs numbers", span=call.span)
    first = types[0]
    match call.function:
        case "any" | "all":
            return _reduced(call, first, "bool", scope)
        case "sum" | "prod":
            return _reduced(call, first, elements.summed(first.element), scope)
        case "avg" | "mean":
            return _reduced(call, first, "float64", scope)
        case "amin" | "min" | "amax" | "max":
            return _reduced(call, first, elements.number(first.element), scope)
        case "all_strict":
            return BOOL
        case "logical_and" | "logical_or":
            return BOOL if never_of_one_shape(*types) else Type("bool", None)
        case "nonzero":
            if first.rank == 0:
                raise QueryTypeError("NONZERO needs an array", span=call.span)
            return Type("int64", (None,) if first.rank == 1 else (None, first.rank))
        case "abs":
            return first.with_element(elements.summed(first.element))
        case "sqrt":
            return first.with_element("float32" if first.element == "float32" else "float64")
        case "l1_norm" | "l2_norm" | "linf_norm" | "cosine_similarity":
            return FLOAT64
        case "dot":
            for this, other in ((0, 1), (1, 0)):  # section 11: a literal has the column's float type
                if is_constant(call.args[this]) and types[other].is_float:
                    return Type(types[other].element)
            return Type(elements.promoted(first.element, types[1].element))
        case "hamming_distance":
            return INT64
        case "maxsim":
            if any(type_.rank not in (2, None) for type_ in types):
                raise ShapeError("MAXSIM needs arrays of rank 2", span=call.span)
            return FLOAT64
    raise AssertionError(call.function)


def _reduced(call: ast.Call, type_: Type, element: Element, scope: Scope) -> Type:
    axis = axis_of(call, scope)
    if axis is None:
        return Type(element)
    if type_.shape is None:
        return Type(element, None)
    if not -len(type_.shape) <= axis < len(type_.shape):
        raise ShapeError(f"axis {axis} is out of range for {type_}", span=call.span)
    axis %= len(type_.shape)
    return Type(element, type_.shape[:axis] + type_.shape[axis + 1 :])


def _contains(call: ast.Call, types: Sequence[Type]) -> Type:
    haystack, needle = types
    kinds = {"number" if t.is_numeric else t.element for t in types}
    if "json" not in kinds and len(kinds) > 1:
        raise QueryTypeError(f"contains does not look for {needle} in {haystack}", span=call.span)
    if needle.is_fixed and not needle.is_single and 0 not in (needle.shape or ()):
        raise QueryTypeError("contains looks for one value", span=call.span)
    return BOOL


def _data(call: ast.Call, types: Sequence[Type]) -> Type:
    if not isinstance(call.args[0], ast.Name):
        raise QueryTypeError("DATA needs a column", span=call.span)
    if not types[1].is_integer or not types[1].is_single:
        raise QueryTypeError("DATA needs a row number", span=call.span)
    return types[0]
