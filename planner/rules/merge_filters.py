from dataclasses import replace

from tql.planner.expressions import is_positional
from tql.planner.logical import Filter, Node
from tql.schema import Schema


def merge_filters(node: Filter, schema: Schema) -> Node:
    """Test all conditions in one pass.

        select * from (select * where a) where b    ->   select * where a and b

    All conjuncts can then be ordered by cost together. Not where the inner filter stops early (the outer one
    sees only those rows), nor where the outer one asks for row_number(), which counts the inner one's rows.
    """
    inner = node.input
    if not isinstance(inner, Filter) or inner.fetch is not None or any(map(is_positional, node.conjuncts)):
        return node
    return replace(node, input=inner.input, conjuncts=inner.conjuncts + node.conjuncts)
