from tql.planner.fetch import fetched_below
from tql.planner.logical import Filter, Limit, Node
from tql.schema import Schema


def stop_early_at_limit(node: Limit, schema: Schema) -> Node:
    """Stop reading once enough rows match.

        select * where a limit 10 offset 5    ->   the filter stops behind 15 rows

    Turns a scan of everything into a scan up to the last row needed. Not with PERCENT, which must count all
    rows.
    """
    return fetched_below(node, Filter)
