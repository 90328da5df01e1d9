from tql.planner.expressions import Call, Column, Computed, Constant, Expression, cast
from tql.planner.values import fold
from tql.schema import Schema
from tql.types import BOOL


def fold_constants(x: Call, schema: Schema) -> Expression:
    """Compute at planning time what reads no row.

        where labels = 2 + 3        ->   where labels = 5
        where name is null          ->   where false          (a column that is never NULL; a document may be)

    Done once instead of once per row, and it lets other rules see plain constants. Never for random numbers,
    for an integer modulo by zero (an error only where there are rows), nor where NULL could come out.
    """
    if x.kernel == "is_null":
        operand = x.operands[0]
        is_stored = isinstance(operand, Column | Computed | Constant)
        if is_stored and not operand.type.nullable and operand.type.element != "json":
            return Constant(BOOL, False, span=x.span)
        return x
    if x.kernel == "cast":
        inner = x.operands[0]
        if (
            isinstance(inner, Call)
            and inner.kernel == "cast"
            and x.type.element == inner.operands[0].type.element
        ):
            return x if _loses(inner) else cast(inner.operands[0], x.type.element)
    for operand in x.operands:
        if not isinstance(operand, Constant):
            return x
    return fold(x) or x


def _loses(conversion: Call) -> bool:
    """Whether a cast there and back may change a value."""
    source, target = conversion.operands[0].type, conversion.type
    if source.element == "bool":
        return False
    return not (
        source.is_integer and target.element == "float64" and source.element not in ("int64", "uint64")
    )
