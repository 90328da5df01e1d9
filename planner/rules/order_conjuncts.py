from dataclasses import replace

from tql.planner.cost import rank
from tql.planner.logical import Filter, Node
from tql.schema import Schema


def order_conjuncts(node: Filter, schema: Schema) -> Node:
    """Test first what is cheap and drops much.

        where contains(names, 'car') and labels = 5    ->   where labels = 5 and contains(names, 'car')

    Each condition reads only the rows that survived the ones before, so a plain number goes before a ragged
    array, and both before anything that has to be decoded. The order is by cost per dropped row. A condition
    that can end the query with an error goes last, behind those that may guard it.
    """
    if len(node.conjuncts) < 2:
        return node
    ordered = tuple(sorted(node.conjuncts, key=lambda conjunct: rank(conjunct, schema)))
    if all(a is b for a, b in zip(ordered, node.conjuncts, strict=True)):
        return node
    return replace(node, conjuncts=ordered)
