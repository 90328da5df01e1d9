from tql.planner.expressions import Call, Constant, Expression, Value, call, is_volatile
from tql.schema import Schema
from tql.types import BOOL, Type


def in_list(x: Call, schema: Schema) -> Expression:
    """Bring lists of values into one sorted list without repeats.

        where x in (3, 1, 3)            ->   where x in (1, 3)
        where x in (5)                  ->   where x = 5          (x is never NULL)
        where x = 1 or x = 2 or x = 3   ->   where x in (1, 2, 3) (x is never NULL)

    The kernel looks a value up in a bitset, or by halving, instead of comparing with each. With NULL the
    forms differ outside of conditions: `x = 5` may be NULL, `x in (5)` never is.
    """
    if x.kernel == "or":
        return _from_or(x)
    operand, values = x.operands[0], x.option("values")
    if not values and operand.type.is_scalar:
        return Constant(BOOL, False, span=x.span)
    if len(values) == 1 and not operand.type.nullable:
        return call("equal", operand, _constant(operand, values[0], x), span=x.span)
    ordered = _ordered(values)
    return x if ordered == values else _membership(operand, ordered, x)


def _from_or(x: Call) -> Expression:
    left, right = (_values(operand) for operand in x.operands)
    if left is None or right is None or left[0] != right[0] or is_volatile(left[0]):
        return x
    return _membership(left[0], _ordered(left[1] + right[1]), x)


def _values(x: Expression) -> tuple[Expression, tuple[Value, ...]] | None:
    """The operand and the values of `operand = value` and `operand in (...)`."""
    if not isinstance(x, Call):
        return None
    if x.kernel == "in_set":
        return x.operands[0], x.option("values")
    if x.kernel != "equal" or not isinstance(x.operands[1], Constant):
        return None
    operand, constant = x.operands
    assert isinstance(constant, Constant)
    if not constant.type.is_scalar or operand.type.nullable or constant.type.element != operand.type.element:
        return None
    return operand, (constant.value,) if constant.value == constant.value else ()


def _ordered(values: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(sorted(set(values)))  # of one kind: numbers, bools or texts


def _constant(operand: Expression, value: Value, x: Call) -> Constant:
    type_ = operand.type
    return Constant(Type(type_.element, (), class_names=type_.class_names), value, span=x.span)


def _membership(operand: Expression, values: tuple[Value, ...], x: Call) -> Expression:
    return call("in_set", operand, span=x.span, options={"values": values})
