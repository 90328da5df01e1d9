"""Binding of subscripts and slices (language reference, sections 9 and 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tql import ast
from tql.errors import QueryTypeError, QueryValueError, ShapeError, UnsupportedError
from tql.planner import coercion, json_values, nested_values
from tql.planner.expressions import KEY_OF, Column, Constant, Expression, call
from tql.span import Span

if TYPE_CHECKING:
    from tql.planner.expression_binder import ExpressionBinder

SliceForm = tuple[bool, bool, bool]
"""Which of start, stop and step are given."""

Part = tuple[ast.Expr | ast.Slice, list[Expression]]
"""One item between the brackets, and what its bounds compute."""


def bind_subscript(binder: ExpressionBinder, node: ast.Subscript) -> Expression:
    """`x[items]`: an index removes its axis, a slice keeps it, a list gathers, a key leads into JSON.

    Raises:
        QueryTypeError: for a subscript that is no integer.
        ShapeError: for more subscripts than axes, of which a scalar has none.
        QueryValueError: for a slice whose step is 0.
        UnsupportedError: for what cannot be taken in one step, see the message.
    """
    bounds = [bound for item in node.items for bound in _expressions(item)]
    x, *values = binder.operands(node.operand, *bounds)
    remaining = iter(values)
    parts: list[Part] = [(item, [next(remaining) for _ in _expressions(item)]) for item in node.items]
    if json_values.is_json(x) and x.type.is_scalar:
        return _path(binder, x, parts, node.span)
    _check_operand(binder, x, node)
    _check_keys(binder, x, parts, node.span)
    if isinstance(x, Column) and x.type.nested:
        return _entry(binder, x, parts, node.span)
    return _take(binder, x, parts, node.span)


def _expressions(item: ast.Expr | ast.Slice) -> list[ast.Expr]:
    if isinstance(item, ast.Slice):
        return [bound for bound in (item.start, item.stop, item.step) if bound is not None]
    return [item]


# --- arrays -------------------------------------------------------------------------------------------------


def _take(binder: ExpressionBinder, x: Expression, parts: list[Part], span: Span) -> Expression:
    """The elements of an array; a list of positions among the subscripts is a step of its own."""
    lists = [place for place, part in enumerate(parts) if _is_list(part)]
    if not lists:
        return _subscript(binder, x, parts, span)
    place = lists[0]
    before, (_, (positions,)), behind = parts[:place], parts[place], parts[place + 1 :]
    if len(lists) > 1 or any(isinstance(item, ast.Slice) for item, _ in before):
        raise UnsupportedError(
            f"a list of positions may follow single positions only: {coercion.snippet_of(span, binder.text)}",
            span=positions.span,
            hint="take it in two steps: x[list][...] subscripts along the axis of the list",
        )
    _check_integer(binder, positions)
    if before:
        x = _subscript(binder, x, before, span)
    x = call("gather", x, positions, span=span)
    return _subscript(binder, x, [(ast.Slice(), []), *behind], span) if behind else x


def _is_list(part: Part) -> bool:
    item, values = part
    return not isinstance(item, ast.Slice) and values[0].type.rank == 1


def _subscript(binder: ExpressionBinder, x: Expression, parts: list[Part], span: Span) -> Expression:
    registers: list[Expression] = []
    items: list[SliceForm | None] = []
    extents: list[int | None] = []
    in_range = True
    for axis, (item, values) in enumerate(parts):
        extent = None if x.type.shape is None else x.type.shape[axis]
        bounds = [_index(binder, value) for value in values]
        registers.extend(bounds)
        if isinstance(item, ast.Slice):
            form = _form(item)
            items.append(form)
            extents.append(_slice_extent(form, bounds, extent))
        else:
            items.append(None)
            extents.append(None)
            in_range = in_range and _is_in_range(bounds[0], extent)
    options: dict[str, Any] = {"items": tuple(items), "extents": tuple(extents), "in_range": in_range}
    return call("subscript", x, *registers, span=span, options=options)


def _form(item: ast.Slice) -> SliceForm:
    return item.start is not None, item.stop is not None, item.step is not None


def _check_operand(binder: ExpressionBinder, x: Expression, node: ast.Subscript) -> None:
    if not x.type.nested:
        coercion.check_usable(x)
    typed = coercion.snippet(x, binder.text)
    if x.type.is_scalar:
        raise ShapeError(
            f"a single {coercion.describe(x.type)} has no elements to take: {typed}",
            span=node.span,
            hint=f"the beginning of a text is a pattern: {typed} like 'a*'" if coercion.is_text(x) else None,
        )
    if x.type.rank is not None and len(node.items) > x.type.rank:
        axes = "1 axis" if x.type.rank == 1 else f"{x.type.rank} axes"
        raise ShapeError(
            f"more subscripts than axes: {typed} has {axes}, {len(node.items)} subscripts were given",
            span=node.span,
        )


def _check_keys(binder: ExpressionBinder, x: Expression, parts: list[Part], span: Span) -> None:
    """Raise QueryTypeError for a key where there is an array, not a document."""
    for item, values in parts:
        if isinstance(item, ast.Slice) or not coercion.is_text(values[0]):
            continue
        typed, key = coercion.snippet(x, binder.text), coercion.snippet(values[0], binder.text)
        if not json_values.is_json(x):
            message = f"a key leads into JSON only, and {typed} is {coercion.describe(x.type)}: {key}"
            raise QueryTypeError(message, span=values[0].span)
        raise QueryTypeError(
            f"{typed} is a list of documents and has no key: {key}",
            span=values[0].span,
            hint=f"take one of them first, {typed}[0][{key}], or compute {typed}[{key}] in a sub-query "
            "before the rows are grouped",
        )


def _check_integer(binder: ExpressionBinder, x: Expression) -> None:
    if not x.type.is_integer:
        typed = coercion.snippet(x, binder.text)
        is_condition = x.type.element == "bool" and not x.type.is_scalar
        raise QueryTypeError(
            f"a subscript must be an integer, not {coercion.describe(x.type)}: {typed}",
            span=x.span,
            hint=f"the positions where it is true: nonzero({typed})" if is_condition else None,
        )


def _index(binder: ExpressionBinder, x: Expression) -> Expression:
    _check_integer(binder, x)
    return coercion.to_scalar(x, "a subscript", binder.text)


def _slice_extent(form: SliceForm, bounds: list[Expression], extent: int | None) -> int | None:
    """How many elements a slice keeps, None where it differs from row to row."""
    given = iter(bounds)
    parts = [next(given) if present else None for present in form]
    _check_step(parts[2])
    numbers: list[int | None] = []
    for part in parts:
        if part is None:
            numbers.append(None)
        elif isinstance(part, Constant) and isinstance(part.value, int):
            numbers.append(part.value)
        else:
            return None
    return None if extent is None else len(range(*slice(*numbers).indices(extent)))


def _check_step(step: Expression | None) -> None:
    if isinstance(step, Constant) and step.value == 0:
        raise QueryValueError("the step of a slice cannot be 0", span=step.span)


def _is_in_range(index: Expression, extent: int | None) -> bool:
    if extent is None or not isinstance(index, Constant) or not isinstance(index.value, int):
        return False
    return -extent <= index.value < extent


# --- documents and nested columns ---------------------------------------------------------------------------


def _path(binder: ExpressionBinder, x: Expression, parts: list[Part], span: Span) -> Expression:
    """A step into a document for each subscript: a key, an index or a slice."""
    items: list[Any] = []
    registers: list[Expression] = []
    for item, values in parts:
        if items and isinstance(items[-1], tuple) and items[-1] != KEY_OF:
            raise UnsupportedError(
                "behind a slice of a JSON array nothing can be taken from each of its elements: "
                f"{coercion.snippet_of(span, binder.text)}",
                span=values[0].span if values else span,
                hint="a subscript in brackets of its own takes from the slice: [1:][0]",
            )
        if isinstance(item, ast.Slice):
            form = _form(item)
            _check_step(values[-1] if form[2] else None)
            items.append(form)
            registers.extend(_index(binder, value) for value in values)
        elif isinstance(values[0], Constant) and isinstance(values[0].value, str):
            items.append(values[0].value)
        else:
            key = _step(binder, values[0])
            items.append(KEY_OF if coercion.is_text(key) else None)
            registers.append(key)
    return json_values.get(x, tuple(items), tuple(registers), span)


def _step(binder: ExpressionBinder, x: Expression) -> Expression:
    """A computed key or index."""
    if not coercion.is_text(x) and not x.type.is_integer:
        typed = coercion.snippet(x, binder.text)
        hint = "whether it is a key or an index differs from row to row" if json_values.is_json(x) else None
        raise QueryTypeError(
            f"a step into JSON is a key in single quotes or an integer, not {coercion.describe(x.type)}: "
            f"{typed}",
            span=x.span,
            hint=hint,
        )
    if not x.type.is_single:
        typed = coercion.snippet(x, binder.text)
        raise UnsupportedError(
            f"a step into JSON is one key or index, not a list of them: {typed}",
            span=x.span,
            hint="a run of positions is a slice: [0:3]" if x.type.is_integer else None,
        )
    return coercion.to_scalar(x, "a step into JSON", binder.text)


def _entry(binder: ExpressionBinder, x: Column, parts: list[Part], span: Span) -> Expression:
    """One entry of a nested column, and what is taken from it."""
    (item, values), behind = parts[0], parts[1:]
    if isinstance(item, ast.Slice) or _is_list(parts[0]) or x.type.nested > 1:
        raise nested_values.refuse(x, span, binder.text)
    entry = call("column_item", x, _index(binder, values[0]), span=span)
    if not behind:
        return entry
    if json_values.is_json(entry) and entry.type.is_scalar:
        return _path(binder, entry, behind, span)
    return _take(binder, entry, behind, span)
