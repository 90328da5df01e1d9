"""The logical plan: what to compute. Frozen nodes, changed by copying.

A node's answer is a relation: rows of one source in an order, repeats allowed, with the columns that nodes
below have computed. Source columns stay reachable from every node above, so a pure column selection needs no
node. The nodes that make a source of their own are in made_sources.py; what can be said of a relation is in
relations.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tql.planner.expressions import Column, Computed, Expression
from tql.schema import Schema
from tql.span import NOWHERE, Span
from tql.types import Type

SetKind = Literal["union", "intersect", "except"]

MAX_ROWS = 2**63 - 1
"""What an engine can count. Members that count rows may be more; the physical plan then says this."""


@dataclass(frozen=True)
class Node:
    """Base of every node."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)

    @property
    def inputs(self) -> tuple[Node, ...]:
        return ()

    def with_inputs(self, *inputs: Node) -> Node:
        """The same node over other inputs; itself where they are the same objects."""
        return self

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return ()

    def with_expressions(self, *expressions: Expression) -> Node:
        """The same node with other expressions, in the order of `expressions`."""
        return self


@dataclass(frozen=True)
class Source(Node):
    """Base of the nodes whose rows are rows of their own: they come in order, each once."""

    @property
    def schema(self) -> Schema:
        """The columns that its rows have."""
        raise NotImplementedError


@dataclass(frozen=True)
class Unary(Node):
    input: Node

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.input,)

    def with_inputs(self, *inputs: Node) -> Node:
        return self if inputs[0] is self.input else replace(self, input=inputs[0])


@dataclass(frozen=True)
class Binary(Node):
    left: Node
    right: Node

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.left, self.right)

    def with_inputs(self, *inputs: Node) -> Node:
        left, right = inputs
        if left is self.left and right is self.right:
            return self
        return replace(self, left=left, right=right)


@dataclass(frozen=True)
class Scan(Source):
    """All rows of a stored source in order: the bound one, or a named one under its key.

    Attributes:
        columns: of the source.
        key: what the caller of the engine hands it over by; "" for the bound one.
        name: as the query calls it.
    """

    columns: Schema = field(repr=False)
    key: str = ""
    name: str = field(default="", compare=False)

    @property
    def schema(self) -> Schema:
        return self.columns


@dataclass(frozen=True)
class Filter(Unary):
    """Rows for which every conjunct is true, in the order of the input; only the first `fetch` of them."""

    conjuncts: tuple[Expression, ...]
    fetch: int | None = None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return self.conjuncts

    def with_expressions(self, *expressions: Expression) -> Node:
        return replace(self, conjuncts=expressions)


@dataclass(frozen=True)
class ComputedColumn:
    """A column that a `Project` adds."""

    id: str
    expression: Expression


@dataclass(frozen=True)
class Project(Unary):
    """The same rows, with computed columns added."""

    columns: tuple[ComputedColumn, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(column.expression for column in self.columns)

    def with_expressions(self, *expressions: Expression) -> Node:
        columns = [ComputedColumn(c.id, e) for c, e in zip(self.columns, expressions, strict=True)]
        return replace(self, columns=tuple(columns))


@dataclass(frozen=True)
class SortKey:
    """A scalar to order by."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True)
class Sort(Unary):
    """Stable; NaN, then NULL last in both directions; only the first `fetch` rows where set (top-k)."""

    keys: tuple[SortKey, ...]
    fetch: int | None = None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(key.expression for key in self.keys)

    def with_expressions(self, *expressions: Expression) -> Node:
        keys = [SortKey(e, k.descending) for k, e in zip(self.keys, expressions, strict=True)]
        return replace(self, keys=tuple(keys))


@dataclass(frozen=True)
class Limit(Unary):
    """Skips `offset` rows, then keeps `count` rows, or floor(rows of the input * percent / 100)."""

    offset: int = 0
    count: int | None = None
    percent: float | None = None


@dataclass(frozen=True)
class Sample(Unary):
    """Weighted draw; as many rows as came in where neither `count` nor `percent` is set."""

    weight: Expression
    replace: bool = True
    count: int | None = None
    percent: float | None = None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return (self.weight,)

    def with_expressions(self, *expressions: Expression) -> Node:
        return replace(self, weight=expressions[0])


@dataclass(frozen=True)
class Expand(Unary):
    """Rows that pass the conjuncts with their neighbours in the input, window after window.

    Attributes:
        conjuncts: all must be true for a row to open a window.
        before: how many rows in front of it belong to the window.
        after: how many behind it.
        overlap: rows of several windows repeat; otherwise each row comes once, in the order of the input.
        id: of the computed column that numbers the windows, or None.
    """

    conjuncts: tuple[Expression, ...]
    before: int
    after: int
    overlap: bool = True
    id: str | None = None

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return self.conjuncts

    def with_expressions(self, *expressions: Expression) -> Node:
        return replace(self, conjuncts=expressions)


@dataclass(frozen=True)
class Bm25(Unary):
    """The same rows with a float64 column: how well a text column goes with the words of a query."""

    id: str
    column: Column
    query: str


@dataclass(frozen=True)
class VectorSearch(Unary):
    """Rows of a source that an index finds near a vector: `count` of them, or all if there are no more.

    Attributes:
        metric: "cosine", "dot" or "l2".
    """

    column: str
    metric: str
    query: tuple[float, ...]
    count: int


@dataclass(frozen=True)
class Distinct(Unary):
    """The first row of each combination of keys."""

    keys: tuple[Expression, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return self.keys

    def with_expressions(self, *expressions: Expression) -> Node:
        return replace(self, keys=expressions)


@dataclass(frozen=True)
class SetOp(Binary):
    """Two relations combined by source row. `ordered` false: ascending rows; true: the left's order first."""

    kind: SetKind
    all: bool = False
    ordered: bool = False


@dataclass(frozen=True)
class OutputColumn:
    """A visible column: a source column or a computed one, under a name."""

    name: str
    source: Column | Computed

    @property
    def type(self) -> Type:
        return self.source.type


@dataclass(frozen=True)
class Output(Unary):
    """The root of a plan: which columns the answer shows."""

    columns: tuple[OutputColumn, ...]
    order_chosen: bool = False


def nodes(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        todo += reversed(node.inputs)


def nodes_by_class(plan: Node) -> Mapping[type[Node], Sequence[Node]]:
    """The plan and all nodes below it, each once, by their classes."""
    found: dict[type[Node], list[Node]] = {}
    seen: set[int] = set()
    todo = [plan]
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            found.setdefault(type(node), []).append(node)
            todo += node.inputs
    return found


def map_expressions(node: Node, function: Callable[[Expression], Expression]) -> Node:
    """The node with a function applied to each of its expressions; itself where nothing changed."""
    before = node.expressions
    if not before:
        return node
    after = tuple([function(expression) for expression in before])
    if all(a is b for a, b in zip(before, after, strict=True)):
        return node
    return node.with_expressions(*after)


def source_of(node: Node) -> Source:
    """The node that makes the rows which the rows of `node` are."""
    path: list[Node] = []
    while not isinstance(node, Source):
        found = node.__dict__.get(_SOURCE)
        if found is not None:
            node = found
            break
        path.append(node)
        node = node.inputs[0]
    for passed in path:  # kept beside the fields, where neither comparisons nor copies see it
        passed.__dict__[_SOURCE] = node
    assert isinstance(node, Source)
    return node


def schema_of(node: Node) -> Schema:
    """The columns of the source that the rows of `node` belong to."""
    return source_of(node).schema


_SOURCE = "_source"
