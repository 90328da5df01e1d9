from tql.planner.expressions import Call, Expression, call
from tql.schema import Schema


def merge_subscripts(x: Call, schema: Schema) -> Expression:
    """Take an element in one step.

        where boxes[0][2] > 1          ->   where boxes[0, 2] > 1

    No array is made in between. Only where the inner subscripts are indices, which remove their axes: behind
    a slice, the outer subscript counts along the slice's axis.
    """
    inner = x.operands[0]
    if not isinstance(inner, Call) or inner.kernel != "subscript":
        return x
    if any(item is not None for item in inner.option("items")):
        return x
    options = {
        "items": inner.option("items") + x.option("items"),
        "extents": inner.option("extents") + x.option("extents"),
        "in_range": inner.option("in_range") and x.option("in_range"),
    }
    return call("subscript", *inner.operands, *x.operands[1:], span=x.span, options=options)
