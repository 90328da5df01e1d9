from dataclasses import replace

from tql.planner.expressions import Call, Constant, Expression, call, is_volatile
from tql.planner.logical import Filter, Node
from tql.schema import Schema
from tql.types import BOOL

_OPPOSITE = {"equal": "not_equal", "not_equal": "equal"}
_OPPOSITE_ORDER = {
    "less": "greater_equal",
    "less_equal": "greater",
    "greater": "less_equal",
    "greater_equal": "less",
}


def simplify_predicates(node: Filter, schema: Schema) -> Node:
    """Write conditions in their simplest form.

        where a and true                ->   where a
        where not not a                 ->   where a
        where a or a                    ->   where a
        where not (a or b)              ->   where not a and not b
        where not (i8 = 5)              ->   where i8 != 5        (i8 is never NULL)
        where not (i8 < 5)              ->   where i8 >= 5        (i8 is an integer and never NULL)

    Fewer kernels per row, and an AND at the top can be split. A condition counts NULL as false, so AND, OR
    and NOT are two-valued and De Morgan holds; a comparison is turned around only where neither NULL nor (for
    orderings) NaN can occur. Only on scalars: arrays may fail to go together. Random conditions stay as they
    are.
    """
    conjuncts = tuple([_condition(c) for c in node.conjuncts])
    if all(a is b for a, b in zip(conjuncts, node.conjuncts, strict=True)):
        return node
    return replace(node, conjuncts=conjuncts)


def _condition(x: Expression) -> Expression:
    """An expression that is true for the same rows; NULL and false may change places."""
    if not isinstance(x, Call) or not x.type.is_scalar or x.type.element != "bool":
        return x
    match x.kernel:
        case "and" | "or":
            return _connective(x)
        case "not":
            return _negation(x)
        case "truth" | "any" | "all" | "all_strict":
            operand = x.operands[0]
            if operand.type.is_scalar and operand.type.element == "bool":
                return _condition(operand)
    return x


def _connective(x: Call) -> Expression:
    if not all(operand.type.is_scalar for operand in x.operands):
        return x
    left, right = (_condition(operand) for operand in x.operands)
    for constant, other in ((left, right), (right, left)):
        if isinstance(constant, Constant):
            return constant if bool(constant.value) == (x.kernel == "or") else other
    if left == right and not is_volatile(left):
        return left
    if left is x.operands[0] and right is x.operands[1]:
        return x
    return call(x.kernel, left, right, span=x.span)


def _negation(x: Call) -> Expression:
    operand = _condition(x.operands[0])
    if isinstance(operand, Constant):
        return Constant(BOOL, not operand.value, span=x.span)
    if isinstance(operand, Call) and operand.type.is_scalar:
        if operand.kernel == "not" and operand.operands[0].type.element == "bool":
            return _condition(operand.operands[0])
        if operand.kernel == "or" and all(o.type.is_scalar for o in operand.operands):
            parts = [_negation(call("not", o, span=x.span)) for o in operand.operands]
            return call("and", *parts, span=x.span)
        turned = _turned(operand)
        if turned is not None:
            return call(turned, *operand.operands, span=x.span)
    return x if operand is x.operands[0] else call("not", operand, span=x.span)


def _turned(x: Call) -> str | None:
    """The comparison that is true exactly where x is not."""
    if any(operand.type.nullable for operand in x.operands):
        return None
    if x.kernel in _OPPOSITE:
        return _OPPOSITE[x.kernel]
    if any(operand.type.is_float for operand in x.operands):
        return None
    return _OPPOSITE_ORDER.get(x.kernel)
