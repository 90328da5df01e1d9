from dataclasses import replace

from tql.planner.expressions import Computed, computed_of
from tql.planner.logical import Node, Output, Project
from tql.schema import Schema


def remove_dead_columns(node: Output, schema: Schema) -> Node:
    """Compute no column that nobody looks at.

        select a from (select *, dot(e, e) as d)    ->   select a

    A column lives if it is shown, or if something that lives reads it.
    """
    needed = {column.source.id for column in node.columns if isinstance(column.source, Computed)}
    return node.with_inputs(_pruned(node.input, needed))


def _pruned(node: Node, needed: set[str]) -> Node:
    if isinstance(node, Project):
        kept = tuple([column for column in node.columns if column.id in needed])
        needed = needed - {column.id for column in kept}
        for column in kept:
            needed = needed | computed_of(column.expression)
        input_ = _pruned(node.input, needed)
        if not kept:
            return input_
        if len(kept) < len(node.columns):
            return replace(node, input=input_, columns=kept)
        return node.with_inputs(input_)
    for expression in node.expressions:
        needed = needed | computed_of(expression)
    inputs = node.inputs
    return node.with_inputs(*[_pruned(child, needed) for child in inputs]) if inputs else node
