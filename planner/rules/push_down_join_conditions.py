from dataclasses import replace

from tql.planner.join_sides import filtered, one_side
from tql.planner.logical import Node
from tql.planner.made_sources import Join
from tql.schema import Schema


def push_down_join_conditions(node: Join, schema: Schema) -> Node:
    """Drop rows that can have no partner before partners are looked for.

        t join u on t.id = u.id and u.b         ->   t join (u where b) on t.id = u.id
        t left join u on t.id = u.id and u.b    ->   t left join (u where b) on t.id = u.id

    Fewer rows to hash and fewer pairs to test. Not on a side whose rows appear without a partner too (the
    left side of a LEFT JOIN, both sides of a FULL JOIN), nor a condition that can fail or depends on chance.
    """
    staying = []
    for condition in node.conditions:
        side = one_side(condition, node)
        alone = node.kind == "full" or node.kind == side
        if side is None or alone:
            staying.append(condition)
        else:
            node = filtered(node, side, [condition], condition.span)
    return node if len(staying) == len(node.conditions) else replace(node, conditions=tuple(staying))
