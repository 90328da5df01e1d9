"""Who reads the groups of a plan: what a rule that changes a Group for the sake of its readers must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from tql.planner.expressions import Column, Computed, Expression
from tql.planner.logical import Node, Output, SetOp, Source, Unary, nodes, nodes_by_class
from tql.planner.made_sources import Group, expression_inputs, references

Change = Callable[[Group, Sequence[Node], Sequence[Expression]], tuple[Group, Sequence[Node]] | None]
"""Given a group, the nodes whose rows are its rows (the topmost first), and what else reads its columns: the
group and the nodes as they shall be, None to leave them alone."""


def change_groups(plan: Output, change: Change) -> Output:
    """The plan with some of its groups changed together with what reads them.

    Left out are groups whose rows are those of an equal node elsewhere, and groups below a set operation,
    which orders and compares rows by their numbers.
    """
    if Group not in nodes_by_class(plan):
        return plan
    seen = Counter(id(node) for node in nodes(plan) if isinstance(node, Group))
    after = _changed(plan, change, seen)
    assert isinstance(after, Output)
    return after


def _changed(top: Node, change: Change, seen: Counter[int]) -> Node:
    inputs = []
    for input_ in top.inputs:
        chain = list(_chain(input_))
        base = chain.pop()
        after = _changed(base, change, seen)
        if (
            isinstance(after, Group)
            and not after.shared
            and seen[id(base)] == 1
            and not isinstance(top, SetOp)
        ):
            found = change(after, chain, list(_read_above(top, input_)))
            if found is not None:
                after, chain = found[0], list(found[1])
        for node in reversed(chain):
            after = node.with_inputs(after)
        inputs.append(after)
    return top.with_inputs(*inputs)


def _chain(node: Node) -> Iterator[Node]:
    """The node and those below it that have rows of the same source, down to the one that makes them."""
    yield node
    while isinstance(node, Unary) and not isinstance(node, Source):
        node = node.input
        yield node


def _read_above(top: Node, input_: Node) -> Iterator[Expression]:
    if isinstance(top, Output):
        yield from (column.source for column in top.columns)
    for below, reference in references(top):
        if below is input_:
            yield reference
    for expression, below in zip(top.expressions, expression_inputs(top), strict=True):
        if below is input_:
            yield expression


def columns_referred(chain: Sequence[Node]) -> Iterator[Column | Computed]:
    """The columns that nodes take over as they are."""
    for node in chain:
        yield from (reference for _, reference in references(node))
