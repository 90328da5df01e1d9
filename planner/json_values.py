"""JSON in expressions: a document counts as what it is in each row, so no static type can be wrong.

A path gives a document again. Inside ANY, SUM and their like (the binder's array mode) a document counts as
the list of its elements.
"""

from __future__ import annotations

from typing import Any

from tql.errors import QueryTypeError, UnsupportedError
from tql.planner.expressions import Call, Constant, Expression, Value, call
from tql.planner.values import leaves
from tql.planner.wording import describe, snippet
from tql.span import Span
from tql.types import INT64, Type


def is_json(x: Expression) -> bool:
    """Whether it is a document, or a list of documents."""
    return x.type.element == "json"


def get(x: Expression, items: tuple[Any, ...], registers: tuple[Expression, ...], span: Span) -> Expression:
    """The value at a path; a path behind a path is one path.

    Args:
        x: a document.
        items: for each step a key, `KEY_OF`, None for an index, or the form of a slice.
        registers: what the steps compute, in order.
    """
    if isinstance(x, Call) and x.kernel == "json_get":
        items = (*x.option("items"), *items)
        registers = (*x.operands[1:], *registers)
        x = x.operands[0]
    return call("json_get", x, *registers, span=span, options={"items": items})


def elements(x: Expression) -> Expression:
    """A document as the list of its elements; anything else as it is."""
    return call("json_elements", x, span=x.span) if is_json(x) and x.type.is_scalar else x


def number(x: Expression) -> Expression:
    """A document as the number that it is, else NULL; anything else as it is."""
    return call("json_number", x, span=x.span) if is_json(x) else x


def text(x: Expression) -> Expression:
    """A document as the text that it is, else NULL; anything else as it is."""
    return call("json_text", x, span=x.span) if is_json(x) else x


def document(x: Expression, query: str) -> Expression:
    """A plain value as a document.

    Raises:
        QueryTypeError: for raw bytes.
        UnsupportedError: for an array of several axes.
    """
    if is_json(x):
        return x
    if x.type.element == "bytes":
        raise QueryTypeError("raw bytes can be selected, but not used in expressions", span=x.span)
    if x.type.rank is None or x.type.rank > 1:
        raise UnsupportedError(
            f"JSON compares with single values and arrays of one axis, not with {describe(x.type)}: "
            f"{snippet(x, query)}",
            span=x.span,
        )
    return call("json_of", x, span=x.span)


def compare(kernel: str, left: Expression, right: Expression, span: Span, query: str) -> Expression:
    """A comparison of which at least one side is JSON: by the kinds that meet in each row."""
    return call(f"json_{kernel}", document(left, query), document(right, query), span=span)


def in_list(x: Expression, values: list[Value], span: Span) -> Expression:
    """Whether a document equals one of the values. No document is NaN or infinite."""
    items = tuple([item for value in values for item in leaves(value) if _is_finite(item)])
    return call("json_in_set", x, span=span, options={"values": items})


def _is_finite(value: bool | int | float | str) -> bool:
    return not isinstance(value, float) or abs(value) < float("inf")


def truth(x: Expression, place: str, query: str) -> Expression:
    """A document as a condition; what a document cannot say is a matter of the row.

    Raises:
        QueryTypeError: for a list of documents.
    """
    if not x.type.is_scalar:
        typed = snippet(x, query)
        raise QueryTypeError(
            f"the truth of an array is ambiguous, use ANY or ALL: {typed}",
            span=x.span,
            hint=f"{place} needs one value per row; this is {describe(x.type)}: write any({typed})",
        )
    return call("json_truth", x, span=x.span)


def truth_elements(x: Expression) -> Expression:
    """The documents of a list as conditions: numbers other than 0 and true; all else is false."""
    zero = call("json_of", Constant(INT64, 0, span=x.span), span=x.span)
    below, above = (call(f"json_{kernel}", x, zero, span=x.span) for kernel in ("less", "greater"))
    return call("or", below, above, span=x.span)


def contains(x: Expression, y: Expression, span: Span, query: str) -> Expression:
    """CONTAINS of which at least one side is JSON (language reference, section 7)."""
    if not y.type.is_scalar:
        raise QueryTypeError(
            f"contains looks for a single value, not {describe(y.type)}: {snippet(y, query)}", span=y.span
        )
    if x.type == Type("text", (), x.type.nullable) and is_json(y):
        return call("contains_text", x, text(y), span=span)
    if is_json(x) and x.type.is_scalar:
        return call("json_contains", x, document(y, query), span=span)
    return call("any", compare("equal", x, y, span, query), span=span)


def json_order_keys(x: Expression) -> tuple[Expression, ...]:
    """Sort keys that order documents: numbers, then texts, then the rest, each kind by its values.

    All of them take the direction of the one that they stand for; anything but a document is its own key.
    """
    if not is_json(x):
        return (x,)
    return call("json_kind", x, span=x.span), number(x), text(x)


def grouping_key(x: Expression, span: Span) -> Expression:
    """A key that is equal for equal values: of documents their canonical text, else the value itself.

    Args:
        x: the value.
        span: the clause that asks for the key, for a value that `*` brought has no place of its own.
    """
    return call("json_canonical", x, span=span) if is_json(x) else x
