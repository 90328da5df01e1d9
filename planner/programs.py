"""From expressions to programs: instructions in static single assignment form (docs/plan-format.md)."""

from __future__ import annotations

import math
from typing import Any

from tql.planner.expressions import KEY_OF, Call, Cell, Column, Computed, Constant, Expression, identity
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
        args = [self._register(operand) for operand in _arguments(x)]
        type_ = x.type
        key = (_identity(x), tuple(args), type_.element, type_.shape, type_.nullable, type_.nested)
        if type(x) is Call and not x.function.deterministic:
            return self._append(x, args)
        register = self._registers.get(key)
        if register is None:
            register = self._registers[key] = self._append(x, args)
        return register

    def _append(self, x: Expression, args: list[int]) -> int:
        self._instructions.append({"args": args, "type": physical_type(x.type), **_members(x)})
        return len(self._instructions) - 1


def _identity(x: Expression) -> Any:
    """What tells the instruction apart from others of its type over the same arguments."""
    if isinstance(x, Call):
        if not x.options and x.kernel != "column_item":
            return x.kernel
        owner = _nested_column(x).name if x.kernel == "column_item" else None
        return (x.kernel, owner, tuple([(name, identity(value)) for name, value in x.options]))
    if isinstance(x, Column):
        return ("column", x.name, x.facet)
    if isinstance(x, Constant):
        return ("constant", identity(x.value))
    if isinstance(x, Cell):
        return ("cell", x.name, x.row)
    assert isinstance(x, Computed), x
    return ("computed", x.id)


def _members(x: Expression) -> dict[str, Any]:
    """What the plan says of an instruction beside its arguments and its type."""
    match x:
        case Column():
            return {"kernel": "column", "name": x.name, "facet": x.facet}
        case Cell():
            return {"kernel": "cell", "name": x.name, "row": x.row, **_span(x)}
        case Computed():
            return {"kernel": "computed", "id": x.id}
        case Constant():
            return {"kernel": "constant", "value": _plain(x.value)}
        case Call():
            members: dict[str, Any] = {"kernel": x.kernel}
            if x.kernel == "column_item":
                members["name"] = _nested_column(x).name
            for name, value in x.options:
                if (x.kernel, name) in _PLANNING_ONLY:
                    continue
                members[name] = _items(value) if name == "items" else _plain(value)
            return members | _span(x)
    raise AssertionError(x)


def _span(x: Expression) -> dict[str, Any]:
    """Where the query says it, for errors at run time."""
    return {} if x.span is NOWHERE else {"span": [x.span.start, x.span.end]}


def _arguments(x: Expression) -> tuple[Expression, ...]:
    """What is computed before x; the column of a `column_item` is a member of the instruction."""
    return x.args[1:] if isinstance(x, Call) and x.kernel == "column_item" else x.args


def _nested_column(x: Call) -> Column:
    column = x.operands[0]
    assert isinstance(column, Column)
    return column


_PLANNING_ONLY = {
    ("subscript", "extents"),
    ("subscript", "in_range"),
    ("cast", "element"),
    ("registered", "type"),
}
"""Options that the result type already says."""


def _items(items: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [_item(item) for item in items]


def _item(item: Any) -> dict[str, Any]:
    if item is None:
        return {"index": True}
    if item == KEY_OF:
        return {"key_of": True}
    return {"key": item} if isinstance(item, str) else {"slice": list(item)}


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
    data: PhysicalType = {"element": type_.element, "shape": shape}
    if type_.nullable:
        data["nullable"] = True
    if type_.nested:
        data["nested"] = True
    return data
