"""Columns whose rows are lists of values that may be NULL or differ in shape, as GROUP BY makes them.

The engine reads their shapes, all their elements in one list (facet "flat"), and single entries. What needs
more is computed before the rows are grouped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tql.catalogue import BY_KERNEL
from tql.catalogue.result_types import elementwise, elementwise_bool, equal_shapes_bool, floating
from tql.errors import UnsupportedError
from tql.planner.expressions import Call, Column, Constant, Expression, call
from tql.planner.wording import snippet, snippet_of
from tql.span import Span
from tql.types import INT64, Type

_ELEMENTWISE = frozenset(
    kernel
    for kernel, function in BY_KERNEL.items()
    if function.result in (elementwise, elementwise_bool, equal_shapes_bool, floating)
    or kernel in ("cast", "json_number", "json_text", "json_of")
    or kernel.startswith(("json_equal", "json_not", "json_less", "json_greater"))
)


def refuse(x: Expression, whole: Span, query: str) -> UnsupportedError:
    """The error for a nested column where the engine has no way to compute `whole` with it."""
    typed, name = snippet_of(whole, query), snippet(x, query)
    work = typed if typed != name else f"f({name})"
    return UnsupportedError(
        f"the values of {name} may be NULL or differ in shape within one row: {typed}",
        span=x.span,
        hint="compute it before the rows are grouped, in a sub-query: "
        f"select ... from (select *, {work} as y) group by ...",
    )


def flat(x: Column) -> Column:
    """All elements of all entries as one list; entries that are NULL are left out."""
    type_ = Type(x.type.element, (None,), x.type.nullable, x.type.class_names)
    return Column(type_, x.name, "flat", span=x.span)


def shape(x: Column) -> Column:
    """The number of entries, as the one element of an array."""
    return Column(Type("int64", (1,), x.type.nullable), x.name, "shape", span=x.span)


def length(x: Column) -> Expression:
    """The number of entries."""
    options = {"items": (None,), "extents": (None,), "in_range": True}
    return call("subscript", shape(x), Constant(INT64, 0, span=x.span), span=x.span, options=options)


def check_flat(x: Expression, columns: Mapping[str, Expression], query: str) -> Column | None:
    """The one nested column whose elements an argument of ANY, SUM and their like is computed from.

    Args:
        x: the argument, bound.
        columns: what the names of the query stand for.
        query: the query text.

    Raises:
        UnsupportedError: where leaving out the entries that are NULL would change the answer: beside another
            array, or under NOT, which makes NULL true.
    """
    arrays = dict.fromkeys(_array_leaves(x))
    nested = [leaf for leaf in arrays if isinstance(leaf, Column) and leaf.facet == "flat"]
    if not nested:
        return None
    negated = any(isinstance(part, Call) and part.kernel == "not" for part in _elementwise_parts(x))
    if len(arrays) > 1 or negated:
        raise refuse(nested[0], x.span, query)
    column = next(c for c in columns.values() if isinstance(c, Column) and c.name == nested[0].name)
    return replace(column, span=nested[0].span)


def no_entry_is_null(column: Column, every: Expression, whole: Span, query: str) -> Expression:
    """`every`, which looks at the elements that are there, and that there is one for each entry.

    Raises:
        UnsupportedError: if the entries are arrays, of which the elements do not tell how many are NULL.
    """
    if column.type.rank != 1:
        raise refuse(column, whole, query)
    there = call("count", flat(column), span=whole)
    return call("and", every, call("equal", there, length(column), span=whole), span=whole)


def _elementwise_parts(x: Expression) -> Iterator[Expression]:
    yield x
    if isinstance(x, Call) and x.kernel in _ELEMENTWISE:
        for operand in x.operands:
            yield from _elementwise_parts(operand)


def _array_leaves(x: Expression) -> Iterator[Expression]:
    """The arrays that element-wise operators bring together."""
    for part in _elementwise_parts(x):
        if not part.type.is_scalar and not (isinstance(part, Call) and part.kernel in _ELEMENTWISE):
            yield part
