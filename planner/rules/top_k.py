from dataclasses import replace

from tql.planner.logical import Limit, Node, Sort
from tql.schema import Schema


def top_k(node: Limit, schema: Schema) -> Node:
    """Keep the first k rows of an order instead of sorting all.

        select * order by a limit 10 offset 5    ->   the 15 first rows by a heap, then offset 5

    Linear instead of n log n, and memory for k rows. Ties go by input position, as in the stable sort. Not
    with PERCENT, which must count all rows.
    """
    below = node.input
    if not isinstance(below, Sort) or node.count is None or node.percent is not None:
        return node
    rows = node.offset + node.count
    if below.fetch is None or below.fetch > rows:
        below = replace(below, fetch=rows)
    if node.offset == 0:
        return below
    return node if below is node.input else replace(node, input=below)
