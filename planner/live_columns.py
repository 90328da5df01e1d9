"""Which columns of a plan are read by something, and the plan without those that are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from tql.planner.expressions import Cell, Column, Computed, Expression, walk
from tql.planner.logical import Bm25, Expand, Node, Output, Project, Source, nodes_by_class
from tql.planner.made_sources import Append, Group, Join, Ungroup

_MAKING = frozenset({Join, Group, Ungroup, Append})
_COMPUTING = frozenset({Project, Expand, Bm25})


def without_dead_columns(plan: Output) -> Output:
    """The plan without columns that nothing reads, computed or declared; itself where all are read."""
    return _prune(plan, _Pruning(True), _MAKING | _COMPUTING)


def without_unread_declarations(plan: Output) -> Output:
    """The plan whose made sources declare the columns alone that something reads; all is still computed.

    A binder cannot know them before it has seen the whole query.
    """
    return _prune(plan, _Pruning(False), _MAKING)


def _prune(plan: Output, pruning: _Pruning, classes: frozenset[type[Node]]) -> Output:
    if classes.isdisjoint(nodes_by_class(plan)):
        return plan
    after = plan.with_inputs(pruning.pruned(plan.input, _Needed().reading(c.source for c in plan.columns)))
    assert isinstance(after, Output)
    return after


@dataclass(frozen=True, slots=True)
class _Needed:
    """Columns that what is above reads: ids of computed ones, names of those of the source."""

    computed: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()

    def reading(self, expressions: Iterable[Expression]) -> _Needed:
        computed, stored = set(self.computed), set(self.stored)
        for expression in expressions:
            for x in walk(expression):
                if isinstance(x, Computed):
                    computed.add(x.id)
                elif isinstance(x, Column | Cell):
                    stored.add(x.name)
        return _Needed(frozenset(computed), frozenset(stored))

    def without(self, ids: Iterable[str]) -> _Needed:
        return replace(self, computed=self.computed - set(ids))


_Made = TypeVar("_Made", Join, Group, Ungroup, Append)


def _kept(node: _Made, needed: _Needed) -> _Made:
    """The node with the columns that live."""
    if node.shared:
        return node
    kept = tuple([c for c in node.columns if c.id in needed.stored or getattr(c, "mode", None) in _CUT])
    return node if len(kept) == len(node.columns) else replace(node, columns=kept)


_CUT = ("element", "part")


def _taken(columns: Iterable[Column | Computed | None]) -> _Needed:
    """What a node that makes a source reads of its input."""
    return _Needed().reading(column for column in columns if column is not None)


@dataclass(frozen=True, slots=True)
class _Pruning:
    """Walks a plan and drops what nothing above reads.

    Attributes:
        computed: whether columns that a node computes are dropped too, not only those that a source declares.
    """

    computed: bool

    def pruned(self, node: Node, needed: _Needed) -> Node:
        match node:
            case Project():
                return self._project(node, needed)
            case Expand(id=str() as id_) if self.computed and id_ not in needed.computed:
                return self.pruned(replace(node, id=None), needed)
            case Bm25() if self.computed and node.id not in needed.computed:
                return self.pruned(node.input, needed)
            case Bm25():
                below = needed.without([node.id]).reading([node.column])
                return node.with_inputs(self.pruned(node.input, below))
            case Join():
                return self._join(node, needed)
            case Group():
                return self._group(node, needed)
            case Ungroup():
                node = _kept(node, needed)
                return node.with_inputs(self.pruned(node.input, _taken(c.source for c in node.columns)))
            case Append():
                node = _kept(node, needed)
                left, right = _taken(c.left for c in node.columns), _taken(c.right for c in node.columns)
                return node.with_inputs(self.pruned(node.left, left), self.pruned(node.right, right))
            case Source():
                return node
        below = needed.reading(node.expressions)
        return node.with_inputs(*[self.pruned(child, below) for child in node.inputs])

    def _project(self, node: Project, needed: _Needed) -> Node:
        kept = node.columns
        if self.computed:
            kept = tuple([column for column in kept if column.id in needed.computed])
        below = needed.without(column.id for column in kept).reading(column.expression for column in kept)
        input_ = self.pruned(node.input, below)
        if not kept:
            return input_
        if len(kept) < len(node.columns):
            return replace(node, input=input_, columns=kept)
        return node.with_inputs(input_)

    def _join(self, node: Join, needed: _Needed) -> Node:
        node = _kept(node, needed.reading(node.conditions))
        keys = {"left": node.left_key, "right": node.right_key}
        sides = []
        for side, child in (("left", node.left), ("right", node.right)):
            key = keys[side]
            below = _taken(c.source for c in node.columns if c.side == side).reading(
                [] if key is None else [key]
            )
            sides.append(self.pruned(child, below))
        return node.with_inputs(*sides)

    def _group(self, node: Group, needed: _Needed) -> Node:
        node = _kept(node, needed)
        if not node.shared:
            kept = tuple([a for a in node.aggregates if a.id in needed.stored])
            node = node if len(kept) == len(node.aggregates) else replace(node, aggregates=kept)
        below = _taken(c.source for c in node.columns).reading(node.expressions)
        return node.with_inputs(self.pruned(node.input, below))
