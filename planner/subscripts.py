"""Binding of subscripts and slices (language reference, section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tql import ast
from tql.errors import QueryTypeError, QueryValueError, ShapeError, UnsupportedError
from tql.planner import coercion
from tql.planner.expressions import Constant, Expression, call

if TYPE_CHECKING:
    from tql.planner.expression_binder import ExpressionBinder

SliceForm = tuple[bool, bool, bool]
"""Which of start, stop and step are given."""


def bind_subscript(binder: ExpressionBinder, node: ast.Subscript) -> Expression:
    """`x[items]`: an index removes its axis, a slice keeps it, a list of positions gathers.

    Raises:
        QueryTypeError: for a subscript that is no integer.
        ShapeError: for more subscripts than axes, of which a scalar has none.
        QueryValueError: for a slice whose step is 0.
        UnsupportedError: for JSON, and for a list of positions beside other subscripts.
    """
    parts: list[ast.Expr] = [node.operand]
    for item in node.items:
        parts.extend(_expressions(item))
    x, *values = binder.operands(*parts)
    _check_operand(binder, x, node, values)
    if len(node.items) == 1 and not isinstance(node.items[0], ast.Slice) and values[0].type.rank == 1:
        _check_integer(binder, values[0])
        return call("gather", x, values[0], span=node.span)

    remaining = iter(values)
    registers: list[Expression] = []
    items: list[SliceForm | None] = []
    extents: list[int | None] = []
    in_range = True
    for axis, item in enumerate(node.items):
        extent = None if x.type.shape is None else x.type.shape[axis]
        bounds = [_index(binder, next(remaining)) for _ in _expressions(item)]
        registers.extend(bounds)
        if isinstance(item, ast.Slice):
            form = (item.start is not None, item.stop is not None, item.step is not None)
            items.append(form)
            extents.append(_slice_extent(form, bounds, extent))
        else:
            items.append(None)
            extents.append(None)
            in_range = in_range and _is_in_range(bounds[0], extent)
    options: dict[str, Any] = {"items": tuple(items), "extents": tuple(extents), "in_range": in_range}
    return call("subscript", x, *registers, span=node.span, options=options)


def _expressions(item: ast.Expr | ast.Slice) -> list[ast.Expr]:
    if isinstance(item, ast.Slice):
        return [bound for bound in (item.start, item.stop, item.step) if bound is not None]
    return [item]


def _check_operand(
    binder: ExpressionBinder, x: Expression, node: ast.Subscript, values: list[Expression]
) -> None:
    if x.type.element == "json":
        raise UnsupportedError("JSON columns cannot be subscripted yet", span=node.span)
    coercion.check_usable(x)
    typed = coercion.snippet(x, binder.text)
    if x.type.is_scalar:
        raise ShapeError(
            f"a single {coercion.describe(x.type)} has no elements to take: {typed}", span=node.span
        )
    if x.type.rank is not None and len(node.items) > x.type.rank:
        axes = "1 axis" if x.type.rank == 1 else f"{x.type.rank} axes"
        raise ShapeError(
            f"more subscripts than axes: {typed} has {axes}, {len(node.items)} subscripts were given",
            span=node.span,
        )


def _check_integer(binder: ExpressionBinder, x: Expression) -> None:
    if not x.type.is_integer:
        typed = coercion.snippet(x, binder.text)
        raise QueryTypeError(
            f"a subscript must be an integer, not {coercion.describe(x.type)}: {typed}", span=x.span
        )


def _index(binder: ExpressionBinder, x: Expression) -> Expression:
    _check_integer(binder, x)
    if x.type.rank == 1:
        raise UnsupportedError("a list of positions cannot stand beside other subscripts", span=x.span)
    return coercion.to_scalar(x, "a subscript", binder.text)


def _slice_extent(form: SliceForm, bounds: list[Expression], extent: int | None) -> int | None:
    """How many elements a slice keeps, None where it differs from row to row."""
    given = iter(bounds)
    parts = [next(given) if present else None for present in form]
    step = parts[2]
    if isinstance(step, Constant) and step.value == 0:
        raise QueryValueError("the step of a slice cannot be 0", span=step.span)
    numbers: list[int | None] = []
    for part in parts:
        if part is None:
            numbers.append(None)
        elif isinstance(part, Constant) and isinstance(part.value, int):
            numbers.append(part.value)
        else:
            return None
    return None if extent is None else len(range(*slice(*numbers).indices(extent)))


def _is_in_range(index: Expression, extent: int | None) -> bool:
    if extent is None or not isinstance(index, Constant) or not isinstance(index.value, int):
        return False
    return -extent <= index.value < extent
