from dataclasses import replace

from tql.planner.expressions import is_pinned
from tql.planner.logical import Filter, Limit, Node, Project, SetOp, Sort
from tql.planner.made_sources import Append
from tql.planner.relations import has_repeats
from tql.schema import Schema


def push_down_limit(node: Limit, schema: Schema) -> Node:
    """Take no more rows than are asked for, as early as possible.

        select * from (select *, a + 1 as b) limit 5    ->   compute b for 5 rows only
        select * from (select * limit 9 offset 1) limit 5 offset 2   ->   select * limit 5 offset 3
        ((A) union (B)) limit 5                         ->   ((A limit 5) union (B limit 5)) limit 5

    Never with PERCENT, which must count all rows first; not below computed columns that ask for row_number()
    or random(); into a union only where no operand repeats rows, since removing repeats makes room for
    others. Nor into a source that the other side of a set operation makes too.
    """
    if node.percent is not None:
        return node
    below = node.input
    if node.count is None and node.offset == 0:
        return below
    match below:
        case Limit(percent=None):
            return _merged(node, below)
        case Project() if not any(is_pinned(column.expression) for column in below.columns):
            return below.with_inputs(node.with_inputs(below.input))
        case SetOp(kind="union") if node.count is not None:
            return _into_both(node, below, node.offset + node.count, not below.all)
        case Append(shared=False) if node.count is not None:
            return _into_both(node, below, node.offset + node.count, below.distinct)
    return node


def _merged(outer: Limit, inner: Limit) -> Limit:
    """One limit for two.

    inner offset 1 count 9:   .|---------|        rows 1 to 9
    outer offset 2 count 5:     ..|-----|         of these, rows 3 to 7
    merged:                   ...|-----|          offset 3 count 5
    """
    count = outer.count
    if inner.count is not None:
        left = max(inner.count - outer.offset, 0)
        count = left if count is None else min(count, left)
    return Limit(inner.input, inner.offset + outer.offset, count, span=outer.span)


def _into_both(node: Limit, both: SetOp | Append, rows: int, once: bool) -> Node:
    """`once`: rows that a side repeats come once, so that more of them may be wanted than are kept."""
    if once and (has_repeats(both.left) or has_repeats(both.right)):
        return node
    sides = [_limited(side, rows, node) for side in both.inputs]
    if sides[0] is both.left and sides[1] is both.right:
        return node
    return replace(node, input=both.with_inputs(*sides))


def _limited(node: Node, rows: int, limit: Limit) -> Node:
    bound = _most_rows(node)
    return node if bound is not None and bound <= rows else Limit(node, 0, rows, span=limit.span)


def _most_rows(node: Node) -> int | None:
    """An upper bound of the rows that a plan sets itself."""
    match node:
        case Limit(count=int() as count):
            return count
        case Filter(fetch=int() as fetch) | Sort(fetch=int() as fetch):
            return fetch
        case Project() | Limit() | Filter() | Sort():
            return _most_rows(node.input)
    return None
