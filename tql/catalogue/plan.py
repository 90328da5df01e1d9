"""Kernels that no query names: the planner writes them where types or places ask for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import bool_scalar
from tql.types import Type

_X = (Parameter("x"),)


def _cast(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    return Type(options["element"], types[0].shape, sequence=types[0].sequence)


def _scalar(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    x = types[0]
    return Type(x.element, (), not x.is_single, x.class_names)


def _entry(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    return replace(types[0].entry, nullable=True)


def _first(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    return replace(types[0], nullable=all(t.nullable for t in types))


def _declared(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    declared: Type = options["type"]
    return declared


FUNCTIONS = (
    Function("cast", "cast", _X, _cast, "the same values in another element kind", "plan", cost=0.5),
    Function(
        "scalar",
        "scalar",
        _X,
        _scalar,
        "the one element of a row of one element, else NULL",
        "plan",
        cost=0.1,
    ),
    Function(
        "truth",
        "truth",
        _X,
        bool_scalar,
        "the row as a condition",
        "plan",
        nulls="false",
        nan="true",
        cost=0.1,
    ),
    Function(
        "column_item",
        "column_item",
        (Parameter("x", "column"), Parameter("i")),
        _entry,
        "one entry of a row of values that may be NULL or differ in shape",
        "plan",
        cost=2.0,
    ),
    Function(
        "coalesce",
        "coalesce",
        (Parameter("x"), Parameter("y")),
        _first,
        "the first of two values that is not NULL",
        "plan",
        nulls="never",
        cost=0.5,
    ),
    Function(
        "registered",
        "registered",
        _X,
        _declared,
        "a function of the host",
        "plan",
        nulls="never",
        deterministic=False,
        fallible=True,
        cost=200.0,
        variadic=True,
    ),
)

LEAVES = ("column", "cell", "computed", "constant")
"""Kernels that read a value instead of computing one."""
