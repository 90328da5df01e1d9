from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tql.planner.expressions import Cell, Column, Computed, Expression, walk
from tql.planner.group_readers import change_groups
from tql.planner.logical import Node, Output, Sort, SortKey
from tql.planner.made_sources import Group, GroupColumn, unused_name
from tql.schema import Schema


def sort_groups(node: Output, schema: Schema) -> Node:
    """Order groups instead of all rows.

        group by kind order by kind        ->   groups of rows as they come, then ordered by kind
        group by a, b order by b desc      ->   the same

    The rows of a group are equal in what they are ordered by, so they keep their order. Only by columns that
    are keys; not where a limit between takes the first rows; not below a set operation or a reference to one
    cell, for which the numbers of the groups count.
    """
    return change_groups(node, _sorted_later)


def _sorted_later(
    group: Group, chain: Sequence[Node], above: Sequence[Expression]
) -> tuple[Group, Sequence[Node]] | None:
    below = group.input
    if not isinstance(below, Sort) or below.fetch is not None:
        return None
    read = [*above, *(expression for node in chain for expression in node.expressions)]
    if any(isinstance(x, Cell) for expression in read for x in walk(expression)):
        return None
    used = {column.id for column in group.made_columns}
    columns, keys = list(group.columns), []
    for key in below.keys:
        source = key.expression
        if not isinstance(source, Column | Computed) or source not in group.keys:
            return None
        name = source.name if isinstance(source, Column) else source.id
        first = GroupColumn(unused_name(f"{name}[0]", None, used), source, source.type)
        columns.append(first)
        keys.append(SortKey(Column(first.type, first.id, span=source.span), key.descending))
    grouped = replace(group, input=below.input, columns=tuple(columns))
    return grouped, (*chain, replace(below, input=grouped, keys=tuple(keys)))
