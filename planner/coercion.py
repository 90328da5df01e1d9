"""Bringing operands together: promotion, comparison kinds, truth, single elements, class names."""

from __future__ import annotations

from collections.abc import Mapping

from tql import types
from tql.errors import QueryTypeError, QueryValueError, TQLError, UnsupportedError
from tql.planner import json_values
from tql.planner.expressions import Call, Constant, Expression, Value, call, cast
from tql.planner.suggest import listing, near_names
from tql.planner.values import convert, integer_range, leaves
from tql.planner.wording import describe as describe
from tql.planner.wording import snippet as snippet
from tql.planner.wording import snippet_of as snippet_of
from tql.span import Span
from tql.types import Element, Type


def comparison_elements(left: Element, right: Element) -> tuple[Element, Element] | None:
    """Kinds in which two element kinds compare by value; None where they do not compare.

    int64 beside uint64 stays as it is: the kernels compare these two by value.
    """
    if left == right:
        return left, right
    numeric = [e == "bool" or e in types.NUMBERS for e in (left, right)]
    if not all(numeric):
        return None
    if left == "bool" or right == "bool":
        other = right if left == "bool" else left
        return other, other
    both: Element
    if left in types.FLOATS and right in types.FLOATS:
        both = max(left, right, key=types.bits)
    elif left in types.FLOATS or right in types.FLOATS:
        both = "float64"
    elif "uint64" in (left, right) and not (left in types.UNSIGNED and right in types.UNSIGNED):
        return ("uint64", "int64") if left == "uint64" else ("int64", "uint64")
    else:
        both = types.promote(left, right)
    return both, both


def check_usable(x: Expression) -> None:
    """Raise QueryTypeError or UnsupportedError for values that no expression can use."""
    if x.type.element == "bytes":
        raise QueryTypeError("raw bytes can be selected, but not used in expressions", span=x.span)
    if x.type.nested:
        raise UnsupportedError(
            f"the values of one row may be NULL or differ in shape here: {describe(x.type)}",
            span=x.span,
            hint="compute with them before the rows are grouped, in a sub-query",
        )


# --- class names --------------------------------------------------------------------------------------------


def label_constant(
    labels: Expression, text: Constant, query: str, positions: Mapping[str, int] | None = None
) -> Constant:
    """A class name, or an array of them, as indices of the classes of `labels`.

    Args:
        labels: the class labels.
        text: the constant.
        query: the query text.
        positions: the index of each name, for callers with many constants.

    Raises:
        QueryValueError: for a text that is no class name.
    """
    names = labels.type.class_names
    assert names is not None
    if positions is None:
        positions = {name: index for index, name in enumerate(names)}

    def index_of(value: Value) -> Value:
        if isinstance(value, tuple):
            return tuple(index_of(item) for item in value)
        if value not in positions:
            raise unknown_class(str(value), names, labels, text.span, query)
        return positions[str(value)]

    indices = index_of(text.value)
    element = labels.type.element
    if any(int(i) > integer_range(element)[1] for i in leaves(indices)):
        element = "int64"
    return Constant(Type(element, text.type.shape, class_names=names), indices, span=text.span)


def unknown_class(name: str, names: tuple[str, ...], labels: Expression, span: Span, query: str) -> TQLError:
    return QueryValueError(
        f"'{name}' is not a valid value for {snippet(labels, query)}",
        span=span,
        candidates=near_names(name, names),
        hint=f"class names: {listing(names)}" if names else "it has no class names",
    )


def is_text(x: Expression) -> bool:
    return x.type.element == "text"


def resolve_labels(left: Expression, right: Expression, query: str) -> tuple[Expression, Expression]:
    """Class names on one side become indices of the other side's classes."""
    if left.type.class_names is not None and isinstance(right, Constant) and is_text(right):
        return left, label_constant(left, right, query)
    if right.type.class_names is not None and isinstance(left, Constant) and is_text(left):
        return label_constant(right, left, query), right
    return left, right


# --- element kinds ------------------------------------------------------------------------------------------


def compare(kernel: str, left: Expression, right: Expression, span: Span, query: str) -> Expression:
    """`left <kernel> right`, both sides in one kind.

    Raises:
        QueryTypeError: for kinds that do not compare.
        QueryValueError: for an unknown class name.
    """
    check_usable(left)
    check_usable(right)
    if json_values.is_json(left) or json_values.is_json(right):
        return json_values.compare(kernel, left, right, span, query)
    left, right = resolve_labels(left, right, query)
    elements = comparison_elements(left.type.element, right.type.element)
    if elements is None:
        raise _not_comparable(left, right, span, query)
    return call(kernel, cast(left, elements[0]), cast(right, elements[1]), span=span)


def _not_comparable(left: Expression, right: Expression, span: Span, query: str) -> TQLError:
    text, other = (left, right) if is_text(left) else (right, left)
    hint = None
    if isinstance(text, Constant) and isinstance(text.value, str):
        number = _as_number(text.value)
        if number is not None:
            hint = f"without quotes it is a number: {number}"
        elif other.type.element == "bool" and text.value.lower() in ("true", "false"):
            hint = f"without quotes it is a bool: {text.value.lower()}"
        elif other.type.is_integer:
            hint = f"{snippet(other, query)} has no class names"
    elif isinstance(other, Constant) and not isinstance(other.value, tuple):
        hint = f"a text is written in single quotes: '{snippet(other, query)}'"
    elif other.type.class_names is not None:
        hint = "a class label compares with a number or with a class name in single quotes"
    return QueryTypeError(
        f"cannot compare {describe(left.type)} with {describe(right.type)}: {snippet_of(span, query)}",
        span=span,
        hint=hint,
    )


def _as_number(text: str) -> str | None:
    try:
        float(text)
    except ValueError:
        return None
    return text.strip() if text.strip().lower() not in ("nan", "inf", "-inf", "infinity") else None


def promote(elements: list[Element]) -> Element:
    """The element kind of an arithmetic result, int64 for bools alone."""
    result = elements[0] if len(elements) > 1 else types.promote(elements[0], elements[0])
    for element in elements[1:]:
        result = types.promote(result, element)
    return result


def to_float(element: Element) -> Element:
    """The kind in which a division of this kind is done."""
    return element if element in types.FLOATS else "float64"


def to_similar(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Vectors of one kind; an array literal takes the float type of the column beside it."""
    for literal, other in ((left, right), (right, left)):
        if isinstance(literal, Constant) and not isinstance(other, Constant) and other.type.is_float:
            converted = Constant(
                literal.type.with_element(other.type.element),
                convert(literal.value, other.type.element),
                span=literal.span,
            )
            return (converted, right) if literal is left else (left, converted)
    element = promote([left.type.element, right.type.element])
    return cast(left, element), cast(right, element)


# --- truth and single elements ------------------------------------------------------------------------------


def to_bool(x: Expression) -> Expression:
    """Elements by truth: bool as it is, a number is true where it is not zero."""
    if x.type.element == "bool":
        return x
    if json_values.is_json(x):
        return json_values.truth(x, "a condition", "") if x.type.is_scalar else json_values.truth_elements(x)
    zero = Constant(Type(x.type.element), 0.0 if x.type.is_float else 0, span=x.span)
    return call("not_equal", x, zero, span=x.span)


def truth(x: Expression, place: str, query: str) -> Expression:
    """The row as a condition (language reference, section 4).

    Args:
        x: the bound expression.
        place: how a message calls the place, for example "where".
        query: the query text.

    Raises:
        QueryTypeError: for text, and for arrays whose rows have more than one element. Where the number of
            elements differs from row to row, the engine checks each row.
    """
    if is_text(x):
        typed = snippet(x, query)
        example = f"{typed} = 'cat'" if x.type.is_scalar else f"contains({typed}, 'cat')"
        raise QueryTypeError(
            f"{place} needs a condition, not {describe(x.type)}: {typed}",
            span=x.span,
            hint=f"compare it with something, for example {example}",
        )
    if x.type.nested:
        raise _ambiguous(x, place, query)
    check_usable(x)
    if json_values.is_json(x):
        return json_values.truth(x, place, query)
    if x.type.is_scalar:
        return x if x.type.element == "bool" else call("truth", x, span=x.span)
    if not _has_several(x.type):
        return call("truth", x, span=x.span)
    raise _ambiguous(_array_below(x), place, query)


def _ambiguous(x: Expression, place: str, query: str) -> TQLError:
    typed = snippet(x, query)
    return QueryTypeError(
        f"the truth of an array is ambiguous, use ANY or ALL: {typed}",
        span=x.span,
        hint=f"{place} needs one value per row; this is {describe(x.type)}: write any({typed})",
    )


def _has_several(type_: Type) -> bool:
    """Whether a row that is not empty surely has more than one element."""
    shape = type_.shape or ()
    return 0 not in shape and any(extent is not None and extent > 1 for extent in shape)


def _array_below(x: Expression) -> Expression:
    """The operand of AND, OR, NOT that makes the whole an array."""
    while isinstance(x, Call) and x.kernel in ("and", "or", "not"):
        x = next(operand for operand in x.operands if _has_several(operand.type))
    return x


def to_scalar(x: Expression, what: str, query: str) -> Expression:
    """The value where one is required: an array of exactly one element is that element, an empty one NULL.

    Raises:
        QueryTypeError: for arrays whose rows have more than one element. Where the number of elements differs
            from row to row, the engine checks each row.
    """
    if x.type.is_scalar:
        return x
    if not _has_several(x.type):
        return call("scalar", x, span=x.span)
    raise QueryTypeError(
        f"{what} needs one value per row, not an array: {snippet(x, query)}",
        span=x.span,
        hint=f"it is {describe(x.type)}: take one element, for example {snippet(x, query)}[0], or reduce it",
    )
