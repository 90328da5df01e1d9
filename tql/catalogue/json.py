"""JSON documents: paths into them and what is computed with them, whatever kind they are of in a row.

A document is a scalar of element `json`; a list of documents is an array of that element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tql.catalogue.function import Function, Nulls, Parameter, ResultType
from tql.catalogue.result_types import always, bool_scalar, elementwise_bool, with_element
from tql.types import JSON, TEXT, Type

_X = (Parameter("x"),)
_TWO = (Parameter("x"), Parameter("y"))


def _nullable(result: ResultType) -> ResultType:
    """A document may be `null` though its column is never NULL, so NULL may always come out."""

    def nullable(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
        return replace(result(types, options), nullable=True)

    return nullable


def _kernel(name: str, result: ResultType, text: str, *, nulls: Nulls = "null", **more: Any) -> Function:
    return Function(name, name, more.pop("parameters", _X), result, text, "plan", nulls=nulls, **more)


def _compare(name: str, text: str) -> Function:
    return _kernel(name, _nullable(elementwise_bool), text, parameters=_TWO, cost=8.0)


FUNCTIONS = (
    Function(
        "keys",
        "json_keys",
        (Parameter("x", "json"),),
        _nullable(always(TEXT.with_shape((None,)))),
        "keys of a JSON object in the order of their bytes; of anything else NULL",
        "json",
        cost=32.0,
        section=10,
        returns="list of text",
        example="select * where any(keys(meta) = 'author')",
    ),
)

KERNELS = (
    _kernel(
        "json_get",
        _nullable(always(JSON)),
        "the value at a path",
        variadic=True,
        fallible=True,
        cost=32.0,
    ),
    _kernel("json_of", with_element("json"), "numbers, bools and texts as documents", cost=8.0),
    _kernel("json_number", _nullable(with_element("float64")), "numbers, else NULL", cost=8.0),
    _kernel("json_text", _nullable(with_element("text")), "texts, else NULL", cost=4.0),
    _kernel("json_truth", bool_scalar, "the value as a condition", nulls="false", fallible=True, cost=8.0),
    _kernel(
        "json_elements", _nullable(always(JSON.with_shape((None,)))), "the elements of an array", cost=16.0
    ),
    _kernel("json_shape", _nullable(always(Type("int64", (None,)))), "the length of an array", cost=16.0),
    _kernel(
        "json_kind", _nullable(always(Type("int8"))), "0 for numbers, 1 for text, 2 for the rest", cost=4.0
    ),
    _kernel("json_canonical", _nullable(with_element("text")), "a text that equal values share", cost=32.0),
    _compare("json_equal", "equal by value, false for different kinds"),
    _compare("json_not_equal", "not equal by value, true for different kinds"),
    _compare("json_less", "numbers by value, texts by bytes, else false"),
    _compare("json_less_equal", "numbers by value, texts by bytes, else false"),
    _compare("json_greater", "numbers by value, texts by bytes, else false"),
    _compare("json_greater_equal", "numbers by value, texts by bytes, else false"),
    _kernel("json_in_set", elementwise_bool, "one of some constants", nulls="false", cost=8.0),
    _kernel(
        "json_contains",
        bool_scalar,
        "a part of a text, an element of an array, else equal",
        parameters=_TWO,
        nulls="false",
        cost=32.0,
    ),
)
