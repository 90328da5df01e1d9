"""Joins: pairs of rows, how ON and USING find them, and the names of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from tql import ast, types
from tql.errors import AmbiguousColumnError, UnknownColumnError, UnsupportedError
from tql.planner import coercion, json_values
from tql.planner.context import Context
from tql.planner.expressions import (
    Call,
    Column,
    Computed,
    Expression,
    call,
    cast,
    is_pinned,
    moved,
    walk,
)
from tql.planner.logical import ComputedColumn, Node, Project
from tql.planner.made_sources import Join, JoinColumn, Side, unused_name
from tql.planner.scope import Failed, Scope, Table
from tql.planner.suggest import listing, near_names
from tql.span import Span

Moves = Mapping[Column | Computed, Column | Computed]


@dataclass(frozen=True, slots=True)
class Source:
    """A bound FROM: its rows and what can be seen of them."""

    node: Node
    scope: Scope


def bind_join(context: Context, join: ast.Join, bind_side: Callable[[ast.FromSource], Source]) -> Source:
    """The pairs that a join makes, and their columns under the names of both sides.

    Raises:
        AmbiguousColumnError: if both sides have one name.
        UnsupportedError: if ON has no equality between the sides.
        QueryTypeError: for keys that do not compare.
    """
    left = context.attempt(bind_side, join.left)
    right = context.attempt(bind_side, join.right)
    if left is None or right is None:
        raise Failed
    _check_names(join, left.scope, right.scope)
    columns, to_left, to_right = _columns(join, left.scope, right.scope)
    node = Join(left.node, right.node, join.kind, columns, span=join.span)
    scope = _both(
        left.scope.moved(to_left, node.schema), right.scope.moved(to_right, node.schema), join.using
    )
    if join.using is not None:
        return _using(context, join, node, scope, (left.scope, to_left), (right.scope, to_right))
    if join.on is None:
        return Source(node, scope)
    return Source(_on(context, join.on, node, scope), scope)


def _check_names(join: ast.Join, left: Scope, right: Scope) -> None:
    names = {table.name for table in left.tables if table.name is not None}
    for table in right.tables:
        if table.name in names:
            raise AmbiguousColumnError(
                f"two sources are called '{table.name}'",
                span=join.right.span,
                hint="give one of them another alias with AS",
            )


def _columns(join: ast.Join, left: Scope, right: Scope) -> tuple[tuple[JoinColumn, ...], Moves, Moves]:
    """The columns of the pairs, and which of them stand for those of each side."""
    columns: list[JoinColumn] = []
    used: set[str] = set()
    moves: list[Moves] = []
    sides: tuple[tuple[Side, Scope, bool], ...] = (
        ("left", left, join.kind in ("right", "full")),
        ("right", right, join.kind in ("left", "full")),
    )
    for side, scope, optional in sides:
        to: dict[Column | Computed, Column | Computed] = {}
        for name, table, source in scope.every_column():
            joined = JoinColumn(unused_name(name, table, used), side, source, optional)
            columns.append(joined)
            to[source] = Column(joined.type, joined.id)
        moves.append(to)
    return tuple(columns), moves[0], moves[1]


def _both(left: Scope, right: Scope, using: str | None) -> Scope:
    """What can be seen of pairs; names that both sides have are ambiguous."""
    ambiguous = dict(left.ambiguous)
    columns = dict(left.columns)
    for name, column in right.columns.items():
        if name in ambiguous:
            ambiguous[name] += _having(name, right)
        elif name in columns and name != using:
            ambiguous[name] = _having(name, left) + _having(name, right)
            del columns[name]
        elif name not in columns:
            columns[name] = column
    for name, tables in right.ambiguous.items():
        ambiguous[name] = ambiguous.get(name, ()) + tables
        if name in columns:
            ambiguous[name] = _having(name, left) + tables
            del columns[name]
    return Scope(columns, left.tables + right.tables, ambiguous, schema=left.schema)


def _having(name: str, scope: Scope) -> tuple[Table, ...]:
    return tuple([table for table in scope.tables if name in table.columns])


# --- USING --------------------------------------------------------------------------------------------------


def _using(
    context: Context,
    join: ast.Join,
    node: Join,
    scope: Scope,
    left: tuple[Scope, Moves],
    right: tuple[Scope, Moves],
) -> Source:
    """Pairs that agree in a column; it is seen once, and has a value wherever one of the sides has."""
    assert join.using is not None
    name = ast.Name(join.using, span=_last_parenthesis(join.span, context.text))
    a = context.attempt(_side_column, name, "left", *left)
    b = context.attempt(_side_column, name, "right", *right)
    equality = None
    if a is not None and b is not None:
        equality = context.attempt(coercion.compare, "equal", a, b, name.span, context.text)
    keys = None if equality is None else context.attempt(_keys, context, equality, node, *equality.args)
    if a is None or b is None or keys is None:
        return Source(node, scope)
    node = replace(node, left_key=keys[0], right_key=keys[1], conditions=keys[2])
    if join.kind != "full":
        return Source(node, scope.with_column(join.using, b if join.kind == "right" else a))
    elements = [x.type.element for x in (a, b)]
    element = elements[0] if elements[0] == elements[1] else types.promote(*elements)
    merged = call("coalesce", cast(a, element), cast(b, element), span=name.span)
    column = Computed(merged.type, context.fresh_id(join.using), span=name.span)
    project = Project(node, (ComputedColumn(column.id, merged),), span=join.span)
    return Source(project, scope.with_column(join.using, column))


def _side_column(name: ast.Name, side: Side, scope: Scope, to: Moves) -> Column | Computed:
    """The column of the pairs that stands for one of a side."""
    if name.name not in scope.columns and name.name not in scope.ambiguous:
        raise UnknownColumnError(
            f"the {side} side of the join has no column named '{name.name}'",
            span=name.span,
            candidates=near_names(name.name, scope.columns),
            hint=f"USING names a column of both sides; columns of the {side} side: {listing(scope.columns)}",
        )
    column = scope.resolve(name)
    assert isinstance(column, Column | Computed)
    return replace(to[column], span=name.span)


def _last_parenthesis(span: Span, text: str) -> Span:
    """What stands inside of it: the column of USING."""
    start = text.rfind("(", span.start, span.end) + 1
    end = text.find(")", start, span.end)
    inside = text[start:end]
    start += len(inside) - len(inside.lstrip())
    return Span(start, start + len(inside.strip()))


# --- ON -----------------------------------------------------------------------------------------------------


def _on(context: Context, on: ast.Expr, node: Join, scope: Scope) -> Node:
    """Pairs by the first equality of the two sides in ON; the rest of ON is tested on each such pair."""
    keys: tuple[Expression, Expression] | None = None
    conditions: list[Expression] = []
    failed = False  # then it goes on without: the mistakes behind ON are of interest too
    for part in _parts(on):
        bound = context.attempt(_predicate, context, part, scope)
        if bound is None:
            failed = True
            continue
        sides = _sides(bound, node) if keys is None else None
        if sides is None:
            condition = context.attempt(coercion.truth, bound, "on", context.text)
            conditions += [] if condition is None else [condition]
            continue
        found = context.attempt(_keys, context, bound, node, *sides)
        failed = failed or found is None
        if found is not None:
            keys = found[:2]
            conditions += found[2]
    if keys is not None:
        return replace(node, left_key=keys[0], right_key=keys[1], conditions=tuple(conditions))
    if not failed:
        context.record(
            UnsupportedError(
                f"ON needs an equality of a value of each side: {coercion.snippet_of(on.span, context.text)}",
                span=on.span,
                hint="for any other condition write CROSS JOIN ... WHERE"
                if node.kind == "inner"
                else "further conditions may stand beside it: ON a.id = b.id AND ...",
            )
        )
    return node


def _parts(on: ast.Expr) -> Iterator[ast.Expr]:
    """The parts of an AND, left to right."""
    waiting = [on]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Binary) and part.operator == "and":
            waiting += [part.right, part.left]
        else:
            yield part


def _predicate(context: Context, part: ast.Expr, scope: Scope) -> Expression:
    bound = context.expressions.bind(part, scope)
    if is_pinned(bound):
        raise UnsupportedError(
            f"ON cannot depend on chance or on a row's position: {coercion.snippet(bound, context.text)}",
            span=part.span,
            hint="compute it in a sub-query first: ... join (select *, row_number() as n from ...) on ...",
        )
    return bound


def _sides(equality: Expression, node: Join) -> tuple[Expression, Expression] | None:
    """The operand over the left side and that over the right side; None if the operands are not such."""
    if not isinstance(equality, Call) or equality.kernel not in _EQUALITIES:
        return None
    sides = {column.id: column.side for column in node.columns}
    used = [{sides[x.name] for x in walk(o) if isinstance(x, Column)} for o in equality.operands]
    if used == [{"left"}, {"right"}]:
        return equality.operands[0], equality.operands[1]
    if used == [{"right"}, {"left"}]:
        return equality.operands[1], equality.operands[0]
    return None


_EQUALITIES = ("equal", "json_equal")


def _keys(
    context: Context, equality: Expression, node: Join, left: Expression, right: Expression
) -> tuple[Expression, Expression, tuple[Expression, ...]]:
    """The two sides of an equality as keys of one kind, and what must be tested beside them."""
    left, right = (coercion.to_scalar(x, "a join key", context.text) for x in (left, right))
    conditions: tuple[Expression, ...] = ()
    if left.type.element == "json" or left.type.element != right.type.element:
        conditions = (coercion.truth(equality, "on", context.text),)
        left, right = _coarser(context, equality, left, right)
    sources = {column.id: column.source for column in node.columns}
    return moved(left, sources), moved(right, sources), conditions


def _coarser(
    context: Context, equality: Expression, left: Expression, right: Expression
) -> tuple[Expression, Expression]:
    """Keys of one kind that are equal wherever the values are, and perhaps elsewhere."""
    if "json" not in (left.type.element, right.type.element):
        return cast(left, "int64"), cast(right, "int64")  # int64 beside uint64: equal values have equal bits
    for document, plain in ((left, right), (right, left)):
        if isinstance(plain, Call) and plain.kernel == "json_of":
            value = plain.operands[0]
            is_text = value.type.element == "text"
            key = json_values.text(document) if is_text else json_values.number(document)
            other = value if is_text else cast(value, "float64")
            return (key, other) if document is left else (other, key)
    raise UnsupportedError(
        f"a join compares JSON with plain values only: {coercion.snippet(equality, context.text)}",
        span=equality.span,
        hint="compute one side as a plain value in a sub-query first",
    )
