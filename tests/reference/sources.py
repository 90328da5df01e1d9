"""Section 13: what FROM gives: a dataset, a sub-query, or a join."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reference.relations import Relation, drawn
from reference.scope import Column, HostFunction, Row, Scope
from reference.table import Table
from tql import ast
from tql.errors import SourceNotFoundError

BOUND = ""
"""The key of the dataset that the query is called on."""


class ReferenceGapError(Exception):
    """The query uses what the reference engine does not cover: a draw below the top, two levels of groups."""


@dataclass(frozen=True)
class Context:
    """What a whole query is evaluated with; see `evaluate`."""

    table: Table | None
    sources: Mapping[str, Table]
    parameters: Sequence[Any]
    functions: Mapping[str, HostFunction]
    tolerated: set[str] = field(default_factory=set)
    unsaid: set[str] = field(default_factory=set)

    def scope(self, columns: Sequence[Column]) -> Scope:
        return Scope(
            tuple(columns),
            parameters=self.parameters,
            functions=self.functions,
            tolerated=self.tolerated,
            unsaid=self.unsaid,
        )


@dataclass(frozen=True)
class Input:
    """The rows that a SELECT starts from.

    Attributes:
        columns: in the order of `*`.
        rows: in order.
        source: what they are rows of, as in `Relation`.
        arranged: as in `Relation`.
        grouped: as in `Relation`.
    """

    columns: tuple[Column, ...]
    rows: list[Row]
    source: Hashable
    arranged: bool = False
    grouped: bool = False


def table_input(
    source: ast.TableName | ast.SubQuery | None, context: Context, ask: Callable[[ast.Statement], Relation]
) -> Input:
    """A dataset, or what `ask` answers to a sub-query.

    Raises:
        SourceNotFoundError: if there is no such dataset.
        ReferenceGapError: if a sub-query leaves something to chance.
    """
    match source:
        case None:
            if context.table is None:
                raise SourceNotFoundError("no dataset to ask")
            return _dataset(context.table, BOUND, None)
        case ast.TableName(name, alias):
            if name not in context.sources:
                raise SourceNotFoundError(f"no dataset {name!r}", span=source.span)
            table = context.sources[name]
            return _dataset(table, BOUND if table is context.table else name, alias)
        case ast.SubQuery(statement, alias):
            inner = settled(ask(statement))
            columns = tuple(replace(column, alias=alias) for column in inner.columns.values())
            return Input(columns, inner.rows, inner.source, inner.arranged, inner.grouped)


def settled(relation: Relation) -> Relation:
    """The relation with its draw made, where only one draw is possible."""
    if relation.sample is None:
        return relation
    rows = drawn(relation.rows, relation.sample)
    if rows is None:
        raise ReferenceGapError("a sample below the top")
    return replace(relation, rows=rows, sample=None)


def _dataset(table: Table, key: str, alias: str | None) -> Input:
    columns = tuple(
        Column(name, type_, name, alias, table.indexes.get(name), table.cells[name])
        for name, type_ in table.columns.items()
    )
    rows = [
        Row(key, number, {name: cells[number] for name, cells in table.cells.items()}, number)
        for number in range(table.num_rows)
    ]
    return Input(columns, rows, key)
