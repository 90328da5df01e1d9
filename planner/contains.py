"""Binding of CONTAINS (language reference, section 7): a word, a substring, or an element of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tql import ast
from tql.errors import QueryTypeError
from tql.planner import coercion, json_values, nested_values
from tql.planner.expressions import Column, Constant, Expression, call, cast

if TYPE_CHECKING:
    from tql.planner.expression_binder import ExpressionBinder


def bind_contains(binder: ExpressionBinder, node: ast.Call) -> Expression:
    """`contains(x, y)`; one bool per row.

    Raises:
        QueryTypeError: for kinds of which one cannot contain the other.
        QueryValueError: for an unknown class name.
    """
    x, y = binder.operands(*node.args)
    query = binder.text
    if isinstance(x, Column) and x.type.nested:
        x = nested_values.flat(x)
    coercion.check_usable(x)
    coercion.check_usable(y)
    if json_values.is_json(x) or json_values.is_json(y):
        return json_values.contains(x, y, node.span, query)
    if x.type.class_names is not None and isinstance(y, Constant) and coercion.is_text(y):
        y = coercion.label_constant(x, y, query)
    y = coercion.to_scalar(y, "the second argument of contains", query)
    if coercion.is_text(x) and coercion.is_text(y):
        if not x.type.is_scalar:
            return call("contains", x, y, span=node.span)
        field = binder.field_of(x)
        by_words = field is not None and field.index is not None
        return call("contains_words" if by_words else "contains_text", x, y, span=node.span)
    elements = coercion.comparison_elements(x.type.element, y.type.element)
    if elements is None:
        raise QueryTypeError(
            f"contains cannot look for {coercion.describe(y.type)} in {coercion.describe(x.type)}: "
            f"{coercion.snippet(y, query)}",
            span=y.span,
            hint=_hint(x, y, query),
        )
    x, y = cast(x, elements[0]), cast(y, elements[1])
    if x.type.is_scalar or elements[0] != elements[1]:
        return call("any", call("equal", x, y, span=node.span), span=node.span)
    return call("contains", x, y, span=node.span)


def _hint(x: Expression, y: Expression, query: str) -> str | None:
    if coercion.is_text(y):
        return f"{coercion.snippet(x, query)} has no class names"
    if isinstance(y, Constant):
        return f"a text is written in single quotes: '{coercion.snippet(y, query)}'"
    return None
