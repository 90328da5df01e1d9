from dataclasses import replace

from tql.planner.expressions import Call, Constant, Expression, call
from tql.planner.values import narrow
from tql.schema import Schema
from tql.types import BOOL, FLOATS, INTEGERS, Element

_FLIPPED = {
    "equal": "equal", "not_equal": "not_equal", "less": "greater", "less_equal": "greater_equal",
    "greater": "less", "greater_equal": "less_equal",
}  # fmt: skip


def narrow_constants(x: Call, schema: Schema) -> Expression:
    """Compare a column with a constant in the column's own type.

        where i8 = 5                ->   an int8 comparison, no conversion of the column
        where i8 > 2.5              ->   where i8 >= 3
        where i8 < 1000             ->   where true            (never NULL)
        where f32 > 0.1             ->   where f32 >= 0.1      (0.1 rounded up to a float32: the same rows)

    The kernel then reads the column as it is stored: no cast, and as many values per vector as possible. The
    comparison stays exact: language reference, section 6, NaN included. Always-true and always-false answers
    only for scalars that are never NULL; a 64-bit integer against a float from 2^53 on stays as it is, for
    several integers are the same float64 there.
    """
    left, right = x.operands
    if isinstance(left, Constant) and not isinstance(right, Constant) and x.kernel in _FLIPPED:
        x = replace(x, kernel=_FLIPPED[x.kernel], operands=(right, left))
        left, right = right, left
    if not isinstance(right, Constant) or isinstance(right.value, tuple | str):
        return x
    column = _stored(left)
    if column is None or (column is left and left.type.element == right.type.element):
        return x
    kernel = "equal" if x.kernel == "contains" else x.kernel
    narrowed = narrow(kernel, right.value, column.type.element)
    if narrowed is None:
        return x
    if isinstance(narrowed, bool):
        if (
            x.type.is_scalar
            and not column.type.nullable
            and (column.type.is_scalar or x.kernel == "contains")
        ):
            return Constant(BOOL, narrowed, span=x.span)
        return x
    kernel, value = narrowed
    names = right.type.class_names
    constant = Constant(
        replace(right.type, element=column.type.element, class_names=names), value, span=right.span
    )
    return call("contains" if x.kernel == "contains" else kernel, column, constant, span=x.span)


def _stored(x: Expression) -> Expression | None:
    """What a widening cast widens; x itself where the comparison of two integer kinds needed none."""
    if isinstance(x, Call) and x.kernel == "cast":
        inner = x.operands[0]
        return inner if _widens(inner.type.element, x.type.element) else None
    return x if x.type.element in INTEGERS else None


def _widens(narrow_: Element, wide: Element) -> bool:
    """Whether the comparison in the wide kind is the comparison by value that `narrow` assumes."""
    if narrow_ == "bool" or (narrow_ in INTEGERS and wide in INTEGERS):
        return True
    return (narrow_ in INTEGERS or narrow_ in FLOATS) and wide == "float64"
