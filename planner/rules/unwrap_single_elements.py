from tql.catalogue import BY_KERNEL
from tql.catalogue.result_types import elementwise, elementwise_bool, floating
from tql.planner.expressions import Call, Expression, call
from tql.schema import Schema
from tql.types import Type

_ELEMENTWISE = frozenset(
    kernel
    for kernel, function in BY_KERNEL.items()
    if function.result in (elementwise, elementwise_bool, floating) or kernel == "cast"
)


def unwrap_single_elements(x: Call, schema: Schema) -> Expression:
    """Compute with the one element of rows that have exactly one.

        where labels = 5            ->   the same on plain numbers      (labels of shape [1])
        where any(labels = 5)       ->   where labels = 5
        where contains(labels, 5)   ->   where labels = 5

    Columns of shape [1] are what older datasets call scalars; on plain numbers every kernel takes its fastest
    loop. Only where the shape is sure: an empty row or a longer one has a meaning of its own.
    """
    operand = x.operands[0]
    if x.kernel == "contains":
        if not operand.type.is_single or operand.type.element == "text":
            return x
        inner = call("equal", scalar(operand), x.operands[1], span=x.span)
        return truth(inner, x)
    if not operand.type.is_single or x.option("axis") is not None:
        return x
    if x.kernel == "scalar":
        taken = scalar(operand)
        return x if taken == x else taken
    return truth(scalar(operand), x)


def scalar(x: Expression) -> Expression:
    """The one element of every row, taken as early as possible."""
    if x.type.is_scalar:
        return x
    if isinstance(x, Call) and x.kernel in _ELEMENTWISE and all(o.type.is_single for o in x.operands):
        operands = [scalar(operand) for operand in x.operands]
        return call(x.kernel, *operands, span=x.span, options=dict(x.options))
    return call("scalar", x, span=x.span)


def truth(x: Expression, place: Call) -> Expression:
    """The scalar as a condition that is never NULL."""
    if x.type == Type("bool"):
        return x
    if place.kernel == "truth" and place.operands[0] is x:
        return place
    return call("truth", x, span=place.span)
