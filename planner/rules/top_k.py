from tql.planner.fetch import fetched_below
from tql.planner.logical import Limit, Node, Sort
from tql.schema import Schema


def top_k(node: Limit, schema: Schema) -> Node:
    """Keep the first k rows of an order instead of sorting all.

        select * order by a limit 10 offset 5    ->   the 15 first rows by a heap, then offset 5

    Linear instead of n log n, and memory for k rows. Ties go by input position, as in the stable sort. Not
    with PERCENT, which must count all rows.
    """
    return fetched_below(node, Sort)
