from dataclasses import replace

from tql.planner.logical import Filter, Limit, Node
from tql.schema import Schema


def stop_early_at_limit(node: Limit, schema: Schema) -> Node:
    """Stop reading once enough rows match.

        select * where a limit 10 offset 5    ->   the filter stops behind 15 rows

    Turns a scan of everything into a scan up to the last row needed. Not with PERCENT, which must count all
    rows.
    """
    below = node.input
    if not isinstance(below, Filter) or node.count is None or node.percent is not None:
        return node
    rows = node.offset + node.count
    if below.fetch is None or below.fetch > rows:
        below = replace(below, fetch=rows)
    if node.offset == 0:
        return below
    return node if below is node.input else replace(node, input=below)
