"""From expressions to programs: instructions in static single assignment form (docs/plan-format.md)."""

from __future__ import annotations

import math
from typing import Any

from tql.planner.expressions import Call, Column, Computed, Constant, Expression, identity
from tql.planner.physical import PhysicalType, Program
from tql.span import NOWHERE
from tql.types import Type


def compile_program(expression: Expression) -> Program:
    """A program that computes the expression; equal sub-expressions share a register, random ones do not."""
    return _Compiler().compile(expression)


class _Compiler:
    def __init__(self) -> None:
        self._instructions: list[dict[str, Any]] = []
        self._registers: dict[Any, int] = {}

    def compile(self, expression: Expression) -> Program:
        self._register(expression)
        return {"instructions": self._instructions}

    def _register(self, x: Expression) -> int:
        args = [self._register(operand) for operand in x.args]
        key, members = _instruction(x)
        shared = not isinstance(x, Call) or x.function.deterministic
        full_key = (key, tuple(args), x.type.element, x.type.shape, x.type.nullable)
        if shared and full_key in self._registers:
            return self._registers[full_key]
        register = len(self._instructions)
        self._instructions.append({"args": args, "type": physical_type(x.type), **members})
        if shared:
            self._registers[full_key] = register
        return register


def _instruction(x: Expression) -> tuple[Any, dict[str, Any]]:
    """What tells the instruction apart from others over the same arguments, and its members."""
    match x:
        case Column():
            return ("column", x.name, x.facet), {"kernel": "column", "name": x.name, "facet": x.facet}
        case Computed():
            return ("computed", x.id), {"kernel": "computed", "id": x.id}
        case Constant():
            value = _plain(x.value)
            return ("constant", identity(x.value)), {"kernel": "constant", "value": value}
        case Call():
            members: dict[str, Any] = {"kernel": x.kernel}
            for name, value in x.options:
                if (x.kernel, name) in _PLANNING_ONLY:
                    continue
                members[name] = _items(value) if name == "items" else _plain(value)
            if x.span is not NOWHERE:
                members["span"] = [x.span.start, x.span.end]
            return (x.kernel, tuple((n, identity(v)) for n, v in x.options)), members
    raise AssertionError(x)


_PLANNING_ONLY = {("subscript", "extents"), ("subscript", "in_range"), ("cast", "element")}
"""Options that the result type already says."""


def _items(items: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [{"index": True} if item is None else {"slice": list(item)} for item in items]


def _plain(value: Any) -> Any:
    """Nested lists for nested tuples; floats that JSON lacks by name."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def physical_type(type_: Type) -> PhysicalType:
    """The type as the engine reads it: class names are the planner's business alone."""
    shape = None if type_.shape is None else list(type_.shape)
    if type_.nullable:
        return {"element": type_.element, "shape": shape, "nullable": True}
    return {"element": type_.element, "shape": shape}
