"""Registering functions of the host, and binding calls of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from golden.schema_text import DEFAULT, parse_schema
from tql import registered
from tql.errors import ArgumentError, UnknownFunctionError
from tql.planner import plan
from tql.types import Type

SCHEMA = parse_schema(DEFAULT)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    for name in registered.names():
        registered.unregister_function(name)


def type_of(expression: str) -> Type:
    return plan(f"select {expression} as x", SCHEMA).schema.type_of("x")


def annotated(x: Any) -> float:
    return float(x)


@pytest.mark.parametrize(
    ("function", "returns", "expected"),
    [
        (lambda x: x, None, "json?"),
        (annotated, None, "float64"),
        (annotated, "int8?", "int8?"),
        (lambda x: x, "float32[,4]", "float32[,4]"),
        (lambda x: x, Type("text"), "text"),
        (len, None, "json?"),
    ],
)
def test_the_declared_type_is_the_type_of_a_call(
    function: Callable[..., Any], returns: Any, expected: str
) -> None:
    registered.register_function("score_of", function, returns)
    assert type_of("SCORE_OF(images, name, 3)") == Type.parse(expected)


@pytest.mark.parametrize(
    "name", ["", "my function", "1st", "_hidden", "contains", "Mean", "SELECT", "max_weight", "größe", "a.b"]
)
def test_names_that_queries_cannot_call_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError):
        registered.register_function(name, len)


def test_a_name_is_registered_once() -> None:
    registered.register_function("twice", len)
    with pytest.raises(ArgumentError, match="registered already"):
        registered.register_function("TWICE", len)
    registered.unregister_function("Twice")
    registered.register_function("twice", len)


@pytest.mark.parametrize("returns", ["nothing", 3, "bytes", "float32?[]", "class_label"])
def test_types_that_no_function_can_give_are_refused(returns: Any) -> None:
    with pytest.raises(ArgumentError):
        registered.register_function("f", len, returns)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ArgumentError):
        registered.register_function("f", 3)  # type: ignore[arg-type]


def test_registering_changes_the_version() -> None:
    before = registered.version()
    registered.register_function("f", len)
    between = registered.version()
    registered.unregister_function("f")
    assert len({before, between, registered.version()}) == 3


def test_an_unregistered_function_is_unknown() -> None:
    registered.register_function("sharpness", len)
    with pytest.raises(UnknownFunctionError) as raised:
        plan("select sharpnes(images) as x", SCHEMA)
    assert raised.value.candidates[0] == "sharpness"
    registered.unregister_function("sharpness")
    with pytest.raises(UnknownFunctionError):
        plan("select sharpness(images) as x", SCHEMA)
    with pytest.raises(ArgumentError):
        registered.unregister_function("sharpness")


def test_a_call_is_neither_shared_nor_folded() -> None:
    registered.register_function("f", lambda x: x, "int64")
    (column,) = plan("select f(1) + f(1) as x", SCHEMA).physical["root"]["columns"]
    kernels = [i["kernel"] for i in column["program"]["instructions"]]
    assert kernels.count("registered") == 2


def test_the_key_of_a_call_tells_documents_from_texts() -> None:
    registered.register_function("f", lambda x, y: x, "int64")
    (column,) = plan("select f(name, meta) as x", SCHEMA).physical["root"]["columns"]
    assert column["program"]["instructions"][-1]["function"] == "f(value,json)"


def test_calls_stand_wherever_expressions_do() -> None:
    registered.register_function("good", lambda x: True, "bool")
    registered.register_function("parts", lambda x: x, "float32[]")
    plan(
        "select * where good(images) and any(parts(name) > 1) order by good(name) sample by good(i8)", SCHEMA
    )
