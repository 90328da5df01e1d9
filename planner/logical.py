"""The logical plan: what to compute. Frozen nodes, changed by copying.

A node's answer is a relation: source rows in an order, repeats allowed, with the columns that `Project` nodes
below have computed. Source columns stay reachable from every node, so a pure column selection needs no node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from tql.planner.expressions import Column, Computed, Expression
from tql.span import NOWHERE, Span
from tql.types import Type

SetKind = Literal["union", "intersect", "except"]


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
class _Unary(Node):
    input: Node

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.input,)

    def with_inputs(self, *inputs: Node) -> Node:
        return self if inputs[0] is self.input else replace(self, input=inputs[0])


@dataclass(frozen=True)
class Scan(Node):
    """All rows of the source in order."""


@dataclass(frozen=True)
class Filter(_Unary):
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
class Project(_Unary):
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
class Sort(_Unary):
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
class Limit(_Unary):
    """Skips `offset` rows, then keeps `count` rows, or floor(rows of the input * percent / 100)."""

    offset: int = 0
    count: int | None = None
    percent: float | None = None


@dataclass(frozen=True)
class Sample(_Unary):
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
class Distinct(_Unary):
    """The first row of each combination of keys."""

    keys: tuple[Expression, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return self.keys

    def with_expressions(self, *expressions: Expression) -> Node:
        return replace(self, keys=expressions)


@dataclass(frozen=True)
class SetOp(Node):
    """Two relations combined by source row. `ordered` false: ascending rows; true: the left's order first."""

    left: Node
    right: Node
    kind: SetKind
    all: bool = False
    ordered: bool = False

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.left, self.right)

    def with_inputs(self, *inputs: Node) -> Node:
        left, right = inputs
        if left is self.left and right is self.right:
            return self
        return replace(self, left=left, right=right)


@dataclass(frozen=True)
class OutputColumn:
    """A visible column: a source column or a computed one, under a name."""

    name: str
    source: Column | Computed

    @property
    def type(self) -> Type:
        return self.source.type


@dataclass(frozen=True)
class Output(_Unary):
    """The root of a plan: which columns the answer shows."""

    columns: tuple[OutputColumn, ...]
    order_chosen: bool = False


def nodes(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    yield node
    for child in node.inputs:
        yield from nodes(child)


def map_expressions(node: Node, function: Callable[[Expression], Expression]) -> Node:
    """The node with a function applied to each of its expressions; itself where nothing changed."""
    before = node.expressions
    if not before:
        return node
    after = tuple([function(expression) for expression in before])
    if all(a is b for a, b in zip(before, after, strict=True)):
        return node
    return node.with_expressions(*after)


def is_ascending(node: Node) -> bool:
    """Whether the rows surely come in ascending order of source rows."""
    match node:
        case Scan():
            return True
        case Sort() | Sample():
            return False
        case SetOp():
            return not node.ordered
        case _:
            return is_ascending(node.inputs[0])


def has_repeats(node: Node) -> bool:
    """Whether a source row may occur twice."""
    match node:
        case Scan() | Distinct():
            return isinstance(node, Distinct) and has_repeats(node.input)
        case Sample():
            return node.replace or has_repeats(node.input)
        case SetOp(kind="union", all=True):
            return True
        case _:
            return any(has_repeats(child) for child in node.inputs)


def order_is_chosen(node: Node) -> bool:
    """Whether the rows come in an order that the user asked for: a sort that no later draw has undone."""
    match node:
        case Sort():
            return True
        case Sample() | Scan():
            return False
        case SetOp(kind="union"):
            return node.ordered and (order_is_chosen(node.left) or order_is_chosen(node.right))
        case SetOp():
            return node.ordered and order_is_chosen(node.left)
        case _:
            return order_is_chosen(node.inputs[0])


def computed_columns(node: Node) -> dict[str, Type]:
    """Ids and types of the computed columns that a node's answer carries."""
    match node:
        case Project():
            return computed_columns(node.input) | {c.id: c.expression.type for c in node.columns}
        case SetOp():
            right = computed_columns(node.right)
            return {
                id_: type_ for id_, type_ in computed_columns(node.left).items() if right.get(id_) == type_
            }
        case _:
            return {id_: t for child in node.inputs for id_, t in computed_columns(child).items()}
