from __future__ import annotations

from dataclasses import replace
from math import isfinite

from tql.planner.expressions import Call, Column, Constant, Expression
from tql.planner.logical import Node, Scan, Sort, VectorSearch
from tql.schema import Schema

_MARGIN = 32


def search_vectors(node: Sort, schema: Schema) -> Node:
    """Ask an index for the rows that may be nearest, in place of all rows.

        select * order by cosine_similarity(e, ARRAY[1, 0]) desc limit 10
        ->  the 10 best, by their exact scores, of 52 candidates that the index of e finds

    Only where the column was declared with such an index, for this metric. Not with a WHERE below, whose rows
    an index over all rows might not find: they are scanned. Twice as many candidates as rows, and some more,
    make up for the nearness that the index knows only roughly.
    """
    if node.fetch is None or node.fetch == 0 or len(node.keys) != 1 or not isinstance(node.input, Scan):
        return node
    wanted = _wanted(node.keys[0].expression, node.keys[0].descending)
    if wanted is None:
        return node
    metric, column, query = wanted
    field = schema.get(column.name)
    if field is None or field.index != f"usearch/{metric}":
        return node
    count = 2 * node.fetch + _MARGIN
    return replace(node, input=VectorSearch(node.input, column.name, metric, query, count, span=node.span))


def _wanted(key: Expression, descending: bool) -> tuple[str, Column, tuple[float, ...]] | None:
    """The metric, the column and the vector of an order by nearness."""
    match key:
        case Call(kernel="cosine_similarity", operands=(x, y)) if descending:
            metric = "cosine"
        case Call(kernel="dot", operands=(x, y)) if descending:
            metric = "dot"
        case Call(kernel="l2_norm", operands=(Call(kernel="subtract", operands=(x, y)),)) if not descending:
            metric = "l2"
        case _:
            return None
    if isinstance(x, Constant):
        x, y = y, x
    if isinstance(x, Call) and x.kernel == "cast":
        (x,) = x.operands
    if not isinstance(x, Column) or x.facet != "values" or not isinstance(y, Constant):
        return None
    query = _numbers(y.value)
    return (metric, x, query) if query else None


def _numbers(value: object) -> tuple[float, ...]:
    """The finite numbers of a vector; nothing for other values."""
    if not isinstance(value, tuple):
        return ()
    numbers = tuple([v for v in value if isinstance(v, int | float) and isfinite(v)])
    return numbers if len(numbers) == len(value) else ()
