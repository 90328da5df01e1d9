from tql.planner.live_columns import without_dead_columns
from tql.planner.logical import Node, Output
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
    return without_dead_columns(node)
