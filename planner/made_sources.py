"""Logical nodes that make a source: their rows are new rows, and their columns are columns of that source.

Each declares its columns: what they are called, which column of which input they take, and hence their type.
`shared` says that the rows are those of an equal node elsewhere in the plan, on the other side of a set
operation: what a rule did to one of them for the sake of what is above would make them different sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from tql.planner.expressions import Column, Computed, Expression
from tql.planner.logical import Binary, Bm25, Node, Source, Unary, schema_of
from tql.schema import Field, Schema
from tql.types import INT64, Type

JoinKind = Literal["inner", "left", "right", "full", "cross"]
Side = Literal["left", "right"]


@dataclass(frozen=True)
class JoinColumn:
    """A column of one side under its name in the pairs; NULL may occur where the side may be missing."""

    id: str
    side: Side
    source: Column | Computed
    optional: bool = False

    @property
    def type(self) -> Type:
        return replace(self.source.type, nullable=True) if self.optional else self.source.type


@dataclass(frozen=True)
class Join(Source, Binary):
    """Pairs of rows.

    Attributes:
        left: its rows give the order.
        right: partners come in its order.
        kind: what becomes of rows without a partner.
        columns: of the pairs.
        left_key: one scalar per row of the left side; None for a cross join.
        right_key: its partner, of the same element kind.
        conditions: further conditions, over the columns of the pairs.
    """

    kind: JoinKind
    columns: tuple[JoinColumn, ...]
    left_key: Expression | None = None
    right_key: Expression | None = None
    conditions: tuple[Expression, ...] = ()
    shared: bool = False

    @property
    def expressions(self) -> tuple[Expression, ...]:
        keys = () if self.left_key is None or self.right_key is None else (self.left_key, self.right_key)
        return keys + self.conditions

    def with_expressions(self, *expressions: Expression) -> Node:
        if self.left_key is None:
            return replace(self, conditions=expressions)
        left, right, *conditions = expressions
        return replace(self, left_key=left, right_key=right, conditions=tuple(conditions))

    @cached_property
    def _schema(self) -> Schema:
        schemas = {"left": schema_of(self.left), "right": schema_of(self.right)}
        return Schema([_field(c.id, c.type, c.source, schemas[c.side]) for c in self.columns])

    @property
    def schema(self) -> Schema:
        return self._schema


@dataclass(frozen=True)
class GroupColumn:
    """The values of a column in a group; without a source column: how many rows the group has.

    Attributes:
        id: its name.
        source: of the values; None for the number of rows.
        first: the type as which the value of the group's first row alone is wanted; None for all values.
    """

    id: str
    source: Column | Computed | None
    first: Type | None = None

    @property
    def type(self) -> Type:
        if self.source is None:
            return INT64
        return self.source.type.in_sequence if self.first is None else self.first


GroupFunction = Literal["sum", "avg", "amin", "amax"]


@dataclass(frozen=True)
class GroupAggregate:
    """What is computed of a group's rows without listing them.

    Attributes:
        id: its name.
        function: the kernel that computes the same of a list.
        expression: a scalar per row; NULL is left out.
        type: of the result.
    """

    id: str
    function: GroupFunction
    expression: Expression
    type: Type


@dataclass(frozen=True)
class Group(Source, Unary):
    """A row per distinct combination of keys, in order of first appearance."""

    keys: tuple[Expression, ...]
    columns: tuple[GroupColumn, ...]
    aggregates: tuple[GroupAggregate, ...] = ()
    shared: bool = False

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return (*self.keys, *[aggregate.expression for aggregate in self.aggregates])

    def with_expressions(self, *expressions: Expression) -> Node:
        keys, of_rows = expressions[: len(self.keys)], expressions[len(self.keys) :]
        aggregates = [replace(a, expression=e) for a, e in zip(self.aggregates, of_rows, strict=True)]
        return replace(self, keys=keys, aggregates=tuple(aggregates))

    @property
    def made_columns(self) -> tuple[GroupColumn | GroupAggregate, ...]:
        """All columns of the groups."""
        return (*self.columns, *self.aggregates)

    @property
    def has_lists(self) -> bool:
        """Whether a column holds all values of a group."""
        return any(c.source is not None and c.first is None for c in self.columns)

    @cached_property
    def _schema(self) -> Schema:
        return Schema([Field(c.id, c.type) for c in self.made_columns])

    @property
    def schema(self) -> Schema:
        return self._schema


UngroupMode = Literal["element", "part", "repeat", "position"]


@dataclass(frozen=True)
class UngroupColumn:
    """A column of the rows that a row is cut into.

    Attributes:
        id: its name.
        source: what is cut or repeated; None for a position.
        mode: `element`: one entry of the first axis per row made; `part`: a run of entries; `repeat`: the
            value as it is; `position`: the place of the row made among those of its row.
    """

    id: str
    source: Column | Computed | None
    mode: UngroupMode

    @property
    def type(self) -> Type:
        if self.source is None:
            return INT64
        type_ = self.source.type
        if self.mode == "repeat":
            return type_
        if self.mode == "element":
            return replace(type_.entry, nullable=type_.nested > 0 or type_.nullable)
        return replace(type_, shape=None if type_.shape is None else (None, *type_.shape[1:]))


@dataclass(frozen=True)
class Ungroup(Source, Unary):
    """Rows cut into rows: one per entry, or so many consecutive parts, or runs of these lengths."""

    columns: tuple[UngroupColumn, ...]
    parts: int | None = None
    lengths: tuple[int, ...] | None = None
    shared: bool = False

    @cached_property
    def _schema(self) -> Schema:
        below = schema_of(self.input)
        return Schema(
            [
                _field(c.id, c.type, c.source, below)
                if c.source and c.mode == "repeat"
                else Field(c.id, c.type)
                for c in self.columns
            ]
        )

    @property
    def schema(self) -> Schema:
        return self._schema


@dataclass(frozen=True)
class AppendColumn:
    """A column that both sides have, of one element kind; `type` is one that both sides' types fit."""

    id: str
    type: Type
    left: Column | Computed
    right: Column | Computed


@dataclass(frozen=True)
class Append(Source, Binary):
    """The rows of one relation behind those of another, of another source.

    Attributes:
        left: comes first.
        right: comes behind it.
        columns: of both.
        distinct: a source row that a side repeats comes once.
    """

    columns: tuple[AppendColumn, ...]
    distinct: bool = False
    shared: bool = False

    @cached_property
    def _schema(self) -> Schema:
        left, right = schema_of(self.left), schema_of(self.right)
        fields = []
        for column in self.columns:
            known = _field(column.id, column.type, column.left, left)
            other = _field(column.id, column.type, column.right, right)
            fields.append(known if known == other else Field(column.id, column.type))
        return Schema(fields)

    @property
    def schema(self) -> Schema:
        return self._schema


MadeSource = Join | Group | Ungroup | Append


def references(node: Node) -> Iterator[tuple[Node, Column | Computed]]:
    """The columns that a node takes over as they are, each with the input that has it."""
    match node:
        case Join():
            for joined in node.columns:
                yield node.left if joined.side == "left" else node.right, joined.source
        case Append():
            for appended in node.columns:
                yield node.left, appended.left
                yield node.right, appended.right
        case Group() | Ungroup():
            for taken in node.columns:
                if taken.source is not None:
                    yield node.input, taken.source
        case Bm25():
            yield node.input, node.column


def expression_inputs(node: Node) -> tuple[Node, ...]:
    """For each of a node's expressions the node whose answer it reads."""
    if not isinstance(node, Join):
        return node.inputs[:1] * len(node.expressions)
    keys = () if node.left_key is None else (node.left, node.right)
    return keys + (node,) * len(node.conditions)


def unused_name(name: str, table: str | None, used: set[str]) -> str:
    """A name in the source that is made: the column's own, with its source's before it where it is taken."""
    return fresh_name(name if name not in used or table is None else f"{table}.{name}", used)


def fresh_name(stem: str, used: set[str]) -> str:
    """The stem, or the stem with the next number where it is taken; it counts as used from now on."""
    name = stem
    if stem in used:
        taken, free = 1, 2
        while f"{stem}:{free}" in used:
            taken, free = free, 2 * free
        while free - taken > 1:  # thousands of one name must not look at all of each other
            middle = (taken + free) // 2
            taken, free = (middle, free) if f"{stem}:{middle}" in used else (taken, middle)
        name = f"{stem}:{free}"
    used.add(name)
    return name


def _field(id_: str, type_: Type, source: Column | Computed, below: Schema) -> Field:
    """What is known of the storage of a value that is handed on as it is."""
    if not isinstance(source, Column):
        return Field(id_, type_)
    return replace(below[source.name], name=id_, type=type_)
