"""ROW_NUMBER() of ORDER BY and SAMPLE BY: the position among the rows of the source, not among those left."""

from __future__ import annotations

from collections.abc import Callable

from tql.planner.expressions import Call, Computed, Expression, transform, walk
from tql.planner.logical import ComputedColumn, Node, Project, Sample, Sort, map_expressions
from tql.planner.made_sources import Group


def count_before_clauses(node: Node, source: Node, fresh_id: Callable[[str], str]) -> Node:
    """Compute row numbers on `source` where a clause above asks for them behind another one.

    Args:
        node: the last clause's node; a chain of nodes of one input leads down to `source`.
        source: the rows that FROM gives.
        fresh_id: gives an unused id for a computed column.
    """
    chain: list[Node] = []
    while node is not source:
        chain.append(node)
        (node,) = node.inputs
    calls = [x for clause in chain if _is_late(clause, source) for x in _row_numbers(clause)]
    if not calls:
        return chain[0] if chain else source
    number = Computed(calls[0].type, fresh_id("row_number"), span=calls[0].span)
    node = Project(source, (ComputedColumn(number.id, calls[0]),), span=calls[0].span)

    def read(x: Expression) -> Expression:
        return number if isinstance(x, Call) and x.kernel == "row_number" else x

    for clause in reversed(chain):
        late = _is_late(clause, source)
        node = clause.with_inputs(node)
        if late:
            node = map_expressions(node, lambda expression: transform(expression, read))
    return node


def _is_late(clause: Node, source: Node) -> bool:
    return isinstance(clause, Sort | Sample | Group) and clause.input is not source


def _row_numbers(clause: Node) -> list[Call]:
    found = [x for expression in clause.expressions for x in walk(expression)]
    return [x for x in found if isinstance(x, Call) and x.kernel == "row_number"]
