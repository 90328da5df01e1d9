"""From the optimised logical plan to the physical plan: nodes numbered, programs compiled (programs.py)."""

from __future__ import annotations

from typing import Any

from tql.planner.expressions import Column, Computed
from tql.planner.logical import Distinct, Filter, Limit, Node, Output, Project, Sample, Scan, SetOp, Sort
from tql.planner.physical import VERSION, PhysicalNode, PhysicalPlan
from tql.planner.programs import compile_program


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
                physical |= {"op": "scan"} | ({"source": node.key} if node.key else {})
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
