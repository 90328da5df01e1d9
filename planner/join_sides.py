"""Conditions over pairs that can be asked of one side alone, before there are pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tql.planner.expressions import Expression, columns_of, computed_of, is_pinned, may_fail, moved
from tql.planner.logical import Filter, Node
from tql.planner.made_sources import Join, Side
from tql.span import Span


def one_side(condition: Expression, join: Join) -> Side | None:
    """The side whose columns a condition reads, where it can be asked of more rows than have a partner.

    None if it reads both sides or none, and for a condition that may end the query with an error or depends
    on chance or on the place of the pair.
    """
    if is_pinned(condition) or may_fail(condition) or computed_of(condition):
        return None
    names = columns_of(condition)
    sides = {column.side for column in join.columns if column.id in names}
    return sides.pop() if len(sides) == 1 else None


def filtered(join: Join, side: Side, conditions: Sequence[Expression], span: Span) -> Join:
    """The join with conditions over its columns asked of one side."""
    columns = {column.id: column.source for column in join.columns if column.side == side}
    own = tuple([moved(condition, columns) for condition in conditions])
    below: Node = Filter(join.left if side == "left" else join.right, own, span=span)
    return replace(join, left=below) if side == "left" else replace(join, right=below)
