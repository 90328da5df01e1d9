from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from tql.planner.expressions import Cell, Column, Computed, Expression, walk
from tql.planner.logical import Bm25, Expand, Node, Output, Project, Source, nodes_by_class
from tql.planner.made_sources import Append, Group, Join, Ungroup
from tql.schema import Schema


def remove_dead_columns(node: Output, schema: Schema) -> Node:
    """Compute no column that nobody looks at.

        select a from (select *, dot(e, e) as d)                       ->   select a
        select a from (select *, dot(e, e) as d group by a)            ->   select a group by a
        select t.a from (select a, a + b as c) as t cross join u       ->   ... from (select a) as t ...

    A column lives if it is shown, or if something that lives reads it; also a column that UNGROUP BY cuts,
    for it says into how many rows. Never a column of a source that the other side of a set operation makes
    too: the sides would be rows of different sources.
    """
    if _WITH_COLUMNS.isdisjoint(nodes_by_class(node)):
        return node
    return node.with_inputs(_pruned(node.input, _Needed().reading(c.source for c in node.columns)))


_WITH_COLUMNS = frozenset({Project, Expand, Bm25, Join, Group, Ungroup, Append})


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


def _pruned(node: Node, needed: _Needed) -> Node:
    match node:
        case Project():
            return _project(node, needed)
        case Expand(id=str() as id_) if id_ not in needed.computed:
            return _pruned(replace(node, id=None), needed)
        case Bm25() if node.id not in needed.computed:
            return _pruned(node.input, needed)
        case Bm25():
            below = needed.without([node.id]).reading([node.column])
            return node.with_inputs(_pruned(node.input, below))
        case Join():
            return _join(node, needed)
        case Group():
            return _group(node, needed)
        case Ungroup():
            node = _kept(node, needed)
            return node.with_inputs(_pruned(node.input, _taken(c.source for c in node.columns)))
        case Append():
            node = _kept(node, needed)
            left, right = _taken(c.left for c in node.columns), _taken(c.right for c in node.columns)
            return node.with_inputs(_pruned(node.left, left), _pruned(node.right, right))
        case Source():
            return node
    below = needed.reading(node.expressions)
    return node.with_inputs(*[_pruned(child, below) for child in node.inputs])


def _project(node: Project, needed: _Needed) -> Node:
    kept = tuple([column for column in node.columns if column.id in needed.computed])
    below = needed.without(column.id for column in kept).reading(column.expression for column in kept)
    input_ = _pruned(node.input, below)
    if not kept:
        return input_
    if len(kept) < len(node.columns):
        return replace(node, input=input_, columns=kept)
    return node.with_inputs(input_)


def _join(node: Join, needed: _Needed) -> Node:
    node = _kept(node, needed.reading(node.conditions))
    keys = {"left": node.left_key, "right": node.right_key}
    sides = []
    for side, child in (("left", node.left), ("right", node.right)):
        key = keys[side]
        below = _taken(c.source for c in node.columns if c.side == side).reading([] if key is None else [key])
        sides.append(_pruned(child, below))
    return node.with_inputs(*sides)


def _group(node: Group, needed: _Needed) -> Node:
    node = _kept(node, needed)
    if not node.shared:
        kept = tuple([a for a in node.aggregates if a.id in needed.stored])
        node = node if len(kept) == len(node.aggregates) else replace(node, aggregates=kept)
    below = _taken(c.source for c in node.columns).reading(node.expressions)
    return node.with_inputs(_pruned(node.input, below))


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
