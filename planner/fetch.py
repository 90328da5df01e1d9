"""A limit as the `fetch` of the node below it, which then stops by itself."""

from __future__ import annotations

from dataclasses import replace

from tql.planner.logical import Filter, Limit, Node, Sort


def fetched_below(node: Limit, kind: type[Filter] | type[Sort]) -> Node:
    """The limit over a filter or sort that gives no more rows than it keeps; an offset is left to the limit.

    The same node where the input is of another kind, or where PERCENT or ALL does not say how many rows.
    """
    below = node.input
    if not isinstance(below, kind) or node.count is None or node.percent is not None:
        return node
    rows = node.offset + node.count
    if below.fetch is None or below.fetch > rows:
        below = replace(below, fetch=rows)
    if node.offset == 0:
        return below
    return node if below is node.input else replace(node, input=below)
