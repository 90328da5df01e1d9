"""The single table of functions and operators: binder, optimiser, explain and docs read it."""

from __future__ import annotations

from tql.catalogue import (
    arithmetic,
    arrays,
    comparison,
    json,
    logic,
    plan,
    reductions,
    rows,
    similarity,
    text,
)
from tql.catalogue.function import Accepts, Conversion, Function, Nulls, Parameter

LANGUAGE: tuple[Function, ...] = (
    *comparison.FUNCTIONS,
    *arithmetic.FUNCTIONS,
    *logic.FUNCTIONS,
    *text.FUNCTIONS,
    *arrays.FUNCTIONS,
    *reductions.FUNCTIONS,
    *similarity.FUNCTIONS,
    *json.FUNCTIONS,
    *rows.FUNCTIONS,
)
"""Everything that a query can say."""

PLAN: tuple[Function, ...] = (*plan.FUNCTIONS, *json.KERNELS)
"""Kernels that only the planner writes."""

BY_NAME: dict[str, Function] = {
    name: function for function in LANGUAGE for name in (function.name, *function.aliases)
}
"""Functions and operators by every name and symbol that means them."""

_WORDS = ("and", "or", "not", "in", "like", "ilike", "between")

CALLABLE: dict[str, Function] = {
    name: function for name, function in BY_NAME.items() if name.isidentifier() and name not in _WORDS
}
"""What `name(...)` may call."""

BY_KERNEL: dict[str, Function] = {
    kernel: function
    for function in reversed((*LANGUAGE, *PLAN))
    for kernel in (*function.more_kernels, function.kernel)
    if kernel
}
"""The entry that declares a kernel; where two share one, the first."""


def kernel_names() -> frozenset[str]:
    """Every kernel name that the catalogue declares, leaves included."""
    return frozenset(BY_KERNEL) | frozenset(plan.LEAVES)


__all__ = [
    "BY_KERNEL",
    "BY_NAME",
    "CALLABLE",
    "LANGUAGE",
    "PLAN",
    "Accepts",
    "Conversion",
    "Function",
    "Nulls",
    "Parameter",
    "kernel_names",
]
