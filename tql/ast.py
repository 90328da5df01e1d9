"""The abstract syntax tree: frozen nodes, each with the span of its text.

Spans do not count in comparisons, so two texts of one meaning give equal trees. Nothing here knows a schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal as OneOf

from tql.quick import quick
from tql.span import NOWHERE, Span

BinaryOperator = OneOf["or", "and", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"]


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """Base of every node. Comparing, hashing and printing a tree takes no recursion, however deep it is."""

    span: Span = field(default=NOWHERE, compare=False, kw_only=True, repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        pairs: list[tuple[object, object]] = [(self, other)]
        while pairs:
            a, b = pairs.pop()
            if a is b:
                continue
            if type(a) is not type(b):  # 1, 1.0 and TRUE are different literals
                return False
            if isinstance(a, Node) and isinstance(b, Node):
                pairs += zip(_compared(a), _compared(b), strict=True)
            elif isinstance(a, tuple) and isinstance(b, tuple):
                if len(a) != len(b):
                    return False
                pairs += zip(a, b, strict=True)
            elif a != b:
                return False
        return True

    def __hash__(self) -> int:
        found: list[object] = []
        todo: list[object] = [self]
        while todo:
            value = todo.pop()
            if isinstance(value, Node):
                found.append(type(value))
                todo += _compared(value)
            elif isinstance(value, tuple):
                found.append(len(value))
                todo += value
            else:
                found.append(value)
        return hash(tuple(found))

    def __repr__(self) -> str:
        text: list[str] = []
        todo: list[object] = [self]
        while todo:
            value = todo.pop()
            match value:
                case _Text():
                    text.append(value)
                case Node():
                    pieces: list[object] = [_Text(f"{type(value).__name__}(")]
                    for name, member in _shown(value):
                        pieces += [_Text(f"{name}="), member, _Text(", ")]
                    todo += reversed([*(pieces[:-1] if len(pieces) > 1 else pieces), _Text(")")])
                case tuple():
                    pieces = [piece for item in value for piece in (item, _Text(", "))]
                    todo += reversed([_Text("("), *(pieces[:-1] if len(value) > 1 else pieces), _Text(")")])
                case _:
                    text.append(repr(value))
        return "".join(text)


class _Text(str):
    """A piece of a `repr` that is finished."""


def _compared(node: Node) -> list[object]:
    return [getattr(node, name) for name, field_ in node.__dataclass_fields__.items() if field_.compare]


def _shown(node: Node) -> list[tuple[str, object]]:
    return [(name, getattr(node, name)) for name, field_ in node.__dataclass_fields__.items() if field_.repr]


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in the order of its fields."""
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from value


def levels(root: Node) -> Iterator[list[Node]]:
    """The nodes of a tree by their distance from the root."""
    level = [root]
    while level:
        yield level
        below: list[Node] = []
        for node in level:
            if type(node) in _LEAVES:
                continue
            for value in node.__dict__.values():
                if isinstance(value, Node):
                    below.append(value)
                elif isinstance(value, tuple):
                    below += value
        level = below


def depth(root: Node) -> int:
    """How many levels a tree has."""
    return sum(1 for _ in levels(root))


# --- expressions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Expr(Node):
    """Base of every expression."""


@quick
@dataclass(frozen=True, eq=False, repr=False)
class Literal(Expr):
    """A number, bool or text. Integers are unsigned here: a sign is a `Unary`."""

    value: bool | int | float | str


@dataclass(frozen=True, eq=False, repr=False)
class ArrayLiteral(Expr):
    """`ARRAY[...]`; nested for higher rank."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Parameter(Expr):
    """`?`; `index` counts from 0 through the whole text."""

    index: int


@quick
@dataclass(frozen=True, eq=False, repr=False)
class Name(Expr):
    """A column, perhaps qualified by a source's alias. `quoted` says how it was written, no more."""

    name: str
    qualifier: str | None = None
    quoted: bool = field(default=False, compare=False)


@quick
@dataclass(frozen=True, eq=False, repr=False)
class Unary(Expr):
    """`NOT x` or `-x`."""

    operator: OneOf["not", "-"]
    operand: Expr


@quick
@dataclass(frozen=True, eq=False, repr=False)
class Binary(Expr):
    """`left operator right`; `==` is "=" and `<>` is "!=" here."""

    operator: BinaryOperator
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False, repr=False)
class Between(Expr):
    """`x [NOT] BETWEEN low AND high`."""

    operand: Expr
    low: Expr
    high: Expr
    negated: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class InList(Expr):
    """`x [NOT] IN (a, b, ...)` and `x IN ARRAY[...]`."""

    operand: Expr
    items: tuple[Expr, ...]
    negated: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Like(Expr):
    """`x [NOT] LIKE pattern`, or ILIKE where `ignore_case`."""

    operand: Expr
    pattern: Expr
    ignore_case: bool = False
    negated: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class IsNull(Expr):
    """`x IS [NOT] NULL`, `x ISNULL`."""

    operand: Expr
    negated: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Slice(Node):
    """`[start] : [stop] [: [step]]` inside a subscript."""

    start: Expr | None = None
    stop: Expr | None = None
    step: Expr | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Subscript(Expr):
    """`x[i]`, `x[a:b, ::2]`."""

    operand: Expr
    items: tuple[Expr | Slice, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Call(Expr):
    """`name(args)`; the name in lower case. `name_span` underlines the name alone."""

    function: str
    args: tuple[Expr, ...]
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, eq=False, repr=False)
class CountStar(Expr):
    """`COUNT(*)`."""


@dataclass(frozen=True, eq=False, repr=False)
class WeightCase(Node):
    """`condition: weight`."""

    condition: Expr
    weight: Expr


@dataclass(frozen=True, eq=False, repr=False)
class WeightCases(Expr):
    """`MAX_WEIGHT(c: w, ...)` or `SUM_WEIGHT(c: w, ...)`."""

    function: OneOf["max_weight", "sum_weight"]
    cases: tuple[WeightCase, ...]


# --- select ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Star(Node):
    """`*` or `alias.*` as a select item."""

    qualifier: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SelectItem(Node):
    """`expr [AS alias]`."""

    expr: Expr
    alias: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class TableName(Node):
    """A source named in FROM."""

    name: str
    alias: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SubQuery(Node):
    """`(statement) [AS alias]` in FROM."""

    statement: Statement
    alias: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Join(Node):
    """`left JOIN right`; one of `on` and `using` is set, none for a cross join."""

    kind: OneOf["inner", "left", "right", "full", "cross"]
    left: TableName | SubQuery | Join
    right: TableName | SubQuery
    on: Expr | None = None
    using: str | None = None


FromSource = TableName | SubQuery | Join


@dataclass(frozen=True, eq=False, repr=False)
class Expand(Node):
    """`EXPAND BY before [, after] [OVERLAP bool] [AS name]`; one number means both sides."""

    before: int
    after: int
    overlap: bool = True
    alias: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class GroupBy(Node):
    """`GROUP BY keys [HAVING expr] [ACROSS TIME | SPACE]`."""

    keys: tuple[Expr, ...]
    having: Expr | None = None
    across: OneOf["time", "space"] = "time"


@dataclass(frozen=True, eq=False, repr=False)
class Ungroup(Node):
    """`UNGROUP BY SPLIT` where `by` is None, else `UNGROUP BY expr`."""

    by: Expr | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Select(Node):
    """One SELECT up to UNGROUP BY; what follows belongs to the `Statement`."""

    items: tuple[SelectItem | Star, ...]
    source: FromSource | None = None
    where: Expr | None = None
    expand: Expand | None = None
    group_by: GroupBy | None = None
    ungroup: Ungroup | None = None
    top: int | None = None
    distinct: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class SetOperation(Node):
    """`left UNION | INTERSECT | EXCEPT [ALL] right`; left-associative, equal precedence."""

    operator: OneOf["union", "intersect", "except"]
    left: Select | SetOperation | Statement
    right: Select | SetOperation | Statement
    all: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class OrderKey(Node):
    """`expr [ASC | DESC]`."""

    expr: Expr
    descending: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Limit(Node):
    """`LIMIT count [PERCENT] [OFFSET offset]`; `count` is None for ALL or a bare OFFSET."""

    count: Expr | None = None
    percent: bool = False
    offset: Expr | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SampleBy(Node):
    """`SAMPLE BY weight [REPLACE bool] [LIMIT count [PERCENT]]`."""

    weight: Expr
    replace: bool = True
    count: Expr | None = None
    percent: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Statement(Node):
    """A whole query, or a parenthesised operand or sub-query.

    Parentheses leave no trace where they change nothing, so equal queries have equal trees: `(statement)` as
    an operand or as a whole query is its body, unless it orders, limits or samples. Hence an operand is a
    `Statement` only where that one has such a clause, and a body only where the outer one has one too:
    `(select * limit 5) order by x`.
    """

    body: Select | SetOperation | Statement
    order_by: tuple[OrderKey, ...] = ()
    limit: Limit | None = None
    sample: SampleBy | None = None


_LEAVES = (Literal, Name, Parameter, Star)
"""Nodes that never have one below them."""
