"""From the optimised logical plan to the physical plan: nodes numbered, programs compiled (programs.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tql.planner.expressions import Column, Computed, Expression
from tql.planner.logical import (
    MAX_ROWS,
    Bm25,
    Distinct,
    Expand,
    Filter,
    Limit,
    Node,
    Output,
    Project,
    Sample,
    Scan,
    SetOp,
    Sort,
    VectorSearch,
)
from tql.planner.made_sources import Append, Group, GroupAggregate, Join, MadeSource, Ungroup
from tql.planner.physical import VERSION, PhysicalNode, PhysicalPlan, Program
from tql.planner.programs import compile_program, physical_type
from tql.planner.relations import is_repeatable


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
        self._made: dict[Node, int] = {}
        self._numbers: dict[int, int] = {}  # of made sources, by identity

    def node(self, node: Node) -> PhysicalNode:
        physical: PhysicalNode = {"id": self._next_id}
        self._next_id += 1
        physical |= _members(node)
        if isinstance(node, MadeSource):
            physical["made"] = self._number(node)
        for member, child in zip(_INPUTS[len(node.inputs)], node.inputs, strict=True):
            physical[member] = self.node(child)
        return physical

    def _number(self, node: MadeSource) -> int:
        """Equal nodes have equal numbers, unless two runs may differ; then only one and the same node has."""
        number = self._numbers.get(id(node))
        if number is None:
            fresh = len(self._numbers)
            is_one = node.shared or is_repeatable(node)
            number = self._made.setdefault(node, fresh) if is_one else fresh
            self._numbers[id(node)] = number
        return number


_INPUTS: tuple[tuple[str, ...], ...] = ((), ("input",), ("left", "right"))


def _members(node: Node) -> PhysicalNode:
    """What the plan says of a node beside its number and its inputs."""
    match node:
        case Scan():
            return {"op": "scan", "source": node.key} if node.key else {"op": "scan"}
        case Filter():
            return {"op": "filter", "conjuncts": _programs(node.conjuncts), "fetch": _rows(node.fetch)}
        case Sort():
            keys = [{"program": compile_program(k.expression), "descending": k.descending} for k in node.keys]
            return {"op": "sort", "keys": keys, "fetch": _rows(node.fetch)}
        case Limit():
            return {
                "op": "limit",
                "offset": _rows(node.offset),
                "count": _rows(node.count),
                "percent": _float(node.percent),
            }
        case Sample():
            return {
                "op": "sample",
                "weight": compile_program(node.weight),
                "replace": node.replace,
                "count": _rows(node.count),
                "percent": _float(node.percent),
            }
        case SetOp():
            return {"op": "set_op", "kind": node.kind, "all": node.all, "ordered": node.ordered}
        case Distinct():
            return {"op": "distinct", "keys": _programs(node.keys)}
        case Project():
            columns = [{"id": c.id, "program": compile_program(c.expression)} for c in node.columns]
            return {"op": "project", "columns": columns}
        case Expand():
            return {
                "op": "expand",
                "conjuncts": _programs(node.conjuncts),
                "before": _rows(node.before),
                "after": _rows(node.after),
                "overlap": node.overlap,
                "computes": node.id,
            }
        case Bm25():
            return {"op": "bm25", "computes": node.id, "column": node.column.name, "query": node.query}
        case VectorSearch():
            return {
                "op": "vector_search",
                "column": node.column,
                "metric": node.metric,
                "query": [_float(number) for number in node.query],
                "count": _rows(node.count),
            }
        case Join() | Group() | Ungroup() | Append():
            return _made_source(node)
    raise AssertionError(node)


def _made_source(node: MadeSource) -> PhysicalNode:
    columns: list[dict[str, Any]] = [{"id": c.id, "type": physical_type(c.type)} for c in node.columns]
    match node:
        case Join():
            for member, joined in zip(columns, node.columns, strict=True):
                member |= {"side": joined.side, **_taken(joined.source)}
            keys = [None if key is None else compile_program(key) for key in (node.left_key, node.right_key)]
            return {
                "op": "join",
                "kind": node.kind,
                "left_key": keys[0],
                "right_key": keys[1],
                "conditions": _programs(node.conditions),
                "columns": columns,
            }
        case Group():
            for member, grouped in zip(columns, node.columns, strict=True):
                member |= {"from": "size"} if grouped.source is None else _taken(grouped.source)
                if grouped.first is not None:
                    member["first"] = True
            physical = {"op": "group", "keys": _programs(node.keys), "columns": columns}
            if node.aggregates:
                physical["aggregates"] = [_aggregate(aggregate) for aggregate in node.aggregates]
            return physical
        case Ungroup():
            for member, cut in zip(columns, node.columns, strict=True):
                taken = (
                    {"from": "position"} if cut.source is None else {**_taken(cut.source), "mode": cut.mode}
                )
                member |= taken
            how: dict[str, Any] = {"split": True}
            if node.parts is not None:
                how = {"parts": _rows(node.parts)}
            elif node.lengths is not None:
                how = {"lengths": _lengths(node.lengths)}
            return {"op": "ungroup", **how, "columns": columns}
        case Append():
            for member, both in zip(columns, node.columns, strict=True):
                member |= {"left": _taken(both.left), "right": _taken(both.right)}
            return {"op": "append", "distinct": node.distinct, "columns": columns}


def _aggregate(aggregate: GroupAggregate) -> dict[str, Any]:
    return {
        "id": aggregate.id,
        "type": physical_type(aggregate.type),
        "function": aggregate.function,
        "program": compile_program(aggregate.expression),
    }


def _taken(column: Column | Computed) -> dict[str, Any]:
    """Which column of an input it is."""
    if isinstance(column, Computed):
        return {"from": "computed", "column": column.id}
    return {"from": "source", "column": column.name}


def _programs(expressions: tuple[Expression, ...]) -> list[Program]:
    return [compile_program(expression) for expression in expressions]


def _rows(number: int | None) -> int | None:
    """How many rows, where sums of what the query says may be more than there can be."""
    return None if number is None else min(number, MAX_ROWS)


def _lengths(lengths: Iterable[int]) -> list[int]:
    """Runs that are no longer together than a row can be; such a sum is an error wherever there is a row."""
    left, cut = MAX_ROWS, []
    for length in lengths:
        cut.append(min(length, left))
        left -= cut[-1]
    return cut


def _float(number: float | None) -> float | None:
    return None if number is None else float(number)
