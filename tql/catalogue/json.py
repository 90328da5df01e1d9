"""JSON values: kernels that the planner writes where a query steps into documents or compares them.

A document is a scalar of element `json`; an array of documents is an array of that element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tql.catalogue.function import Function, Nulls, Parameter
from tql.catalogue.result_types import always, bool_scalar, elementwise_bool
from tql.types import Element, Type

_X = (Parameter("x"),)
_XY = (Parameter("x"), Parameter("y"))


def _as(element: Element, *, nullable: bool = False) -> Any:
    """The shape of the argument, another element."""

    def result(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
        return Type(element, types[0].shape, nullable)

    return result


def _kernel(name: str, result: Any, text: str, *, nulls: Nulls = "null", **more: Any) -> Function:
    return Function(name, name, more.pop("parameters", _X), result, text, "plan", nulls=nulls, **more)


def _compare(name: str, text: str) -> Function:
    return _kernel(name, elementwise_bool, text, parameters=_XY, nan="as for numbers", cost=8.0)


FUNCTIONS = (
    _kernel(
        "json_get",
        always(Type("json", (), nullable=True)),
        "the value at a path",
        parameters=(Parameter("x"), Parameter("i", optional=True)),
        variadic=True,
        fallible=True,
        cost=32.0,
    ),
    _kernel("json_of", _as("json"), "numbers, bools and texts as documents", cost=8.0),
    _kernel("json_number", _as("float64", nullable=True), "numbers, else NULL", cost=8.0),
    _kernel("json_text", _as("text", nullable=True), "texts, else NULL", cost=4.0),
    _kernel("json_truth", bool_scalar, "the value as a condition", nulls="false", fallible=True, cost=8.0),
    _kernel("json_elements", always(Type("json", (None,))), "the elements of an array", cost=16.0),
    _kernel("json_shape", always(Type("int64", (None,))), "the length of an array", cost=16.0),
    _kernel(
        "json_keys", always(Type("text", (None,), nullable=True)), "the keys of an object, sorted", cost=32.0
    ),
    _kernel("json_kind", always(Type("int8")), "0 for numbers, 1 for text, 2 for the rest", cost=4.0),
    _kernel("json_canonical", _as("text"), "a text that equal values share", cost=32.0),
    _compare("json_equal", "equal by value, false for different kinds"),
    _compare("json_not_equal", "not equal by value, true for different kinds"),
    _compare("json_less", "numbers by value, texts by bytes, else false"),
    _compare("json_less_equal", "numbers by value, texts by bytes, else false"),
    _compare("json_greater", "numbers by value, texts by bytes, else false"),
    _compare("json_greater_equal", "numbers by value, texts by bytes, else false"),
    _kernel("json_in_set", _as("bool"), "one of some constants", nulls="false", cost=8.0),
    _kernel(
        "json_contains",
        bool_scalar,
        "a part of a text, an element of an array, else equal",
        parameters=_XY,
        nulls="false",
        cost=32.0,
    ),
)
