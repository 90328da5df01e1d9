"""From the optimised logical plan to the physical plan: nodes numbered, expressions compiled to programs."""

from __future__ import annotations

import math
from typing import Any

from tql.planner.expressions import Call, Column, Computed, Constant, Expression, identity
from tql.planner.logical import Distinct, Filter, Limit, Node, Output, Project, Sample, Scan, SetOp, Sort
from tql.planner.physical import VERSION, PhysicalNode, PhysicalPlan, PhysicalType, Program
from tql.span import NOWHERE
from tql.types import Type


def lower(plan: Output) -> PhysicalPlan:
    """The physical plan (docs/plan-format.md) of a logical plan. The same plan always gives the same data."""
    return {
        "tql_plan": VERSION,
        "root": _Lowering().node(plan.input),
        "output": [_output(column.name, column.source) for column in plan.columns],
        "order_chosen": plan.order_chosen,
    }


def _output(name: str, source: Column | Computed) -> dict[str, Any]:
    if isinstance(source, Computed):
        return {"name": name, "from": "computed", "column": source.id}
    column: dict[str, Any] = {"name": name, "from": "source"}
    if source.name != name:
        column["column"] = source.name
    return column


class _Lowering:
    """Numbers the nodes: parents before inputs, left before right."""

    def __init__(self) -> None:
        self._next_id = 0

    def node(self, node: Node) -> PhysicalNode:
        physical: PhysicalNode = {"id": self._next_id}
        self._next_id += 1
        match node:
            case Scan():
                physical |= {"op": "scan"}
            case Filter():
                conjuncts = [compile_program(c) for c in node.conjuncts]
                physical |= {"op": "filter", "conjuncts": conjuncts, "fetch": node.fetch}
            case Sort():
                keys = [
                    {"program": compile_program(k.expression), "descending": k.descending} for k in node.keys
                ]
                physical |= {"op": "sort", "keys": keys, "fetch": node.fetch}
            case Limit():
                percent = None if node.percent is None else float(node.percent)
                physical |= {"op": "limit", "offset": node.offset, "count": node.count, "percent": percent}
            case Sample():
                percent = None if node.percent is None else float(node.percent)
                physical |= {
                    "op": "sample",
                    "weight": compile_program(node.weight),
                    "replace": node.replace,
                    "count": node.count,
                    "percent": percent,
                }
            case SetOp():
                physical |= {"op": "set_op", "kind": node.kind, "all": node.all, "ordered": node.ordered}
                physical["left"] = self.node(node.left)
                physical["right"] = self.node(node.right)
                return physical
            case Distinct():
                physical |= {"op": "distinct", "keys": [compile_program(key) for key in node.keys]}
            case Project():
                columns = [{"id": c.id, "program": compile_program(c.expression)} for c in node.columns]
                physical |= {"op": "project", "columns": columns}
            case _:
                raise AssertionError(node)
        if node.inputs:
            physical["input"] = self.node(node.inputs[0])
        return physical


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
