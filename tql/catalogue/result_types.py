"""Result types as functions of argument types: the vocabulary of the catalogue's `result` fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tql.catalogue.function import ResultType
from tql.types import BOOL, FLOAT64, INT64, Element, Type

Shape = tuple[int | None, ...] | None


def broadcast_shapes(left: Shape, right: Shape) -> Shape:
    """Shape of an element-wise result by the NumPy rule; None where it differs from row to row or conflicts.

    An extent that differs from row to row is either 1 or the other side's extent in every row that has a
    result, so a known extent above 1 wins.
    """
    if left == () or left == right:
        return right
    if right == ():
        return left
    if left is None or right is None:
        return None
    if len(left) < len(right):
        left, right = right, left
    axes = list(left)
    for i in range(1, len(right) + 1):
        a, b = left[-i], right[-i]
        if a == b or b == 1:
            continue
        if a == 1 or a is None:
            axes[-i] = b
        elif b is not None:
            return None
    return tuple(axes)


def shapes_may_conflict(left: Shape, right: Shape) -> bool:
    """Whether some row's shapes may refuse to broadcast."""
    if left == () or right == ():
        return False
    if left is None or right is None:
        return True
    return any(
        a != 1 and b != 1 and (a is None or a != b) for a, b in zip(left[::-1], right[::-1], strict=False)
    )


def _broadcast(types: Sequence[Type]) -> Shape:
    shape = types[0].shape
    for i in range(1, len(types)):
        shape = broadcast_shapes(shape, types[i].shape)
    return shape


def _sequence(types: Sequence[Type], shape: Shape) -> int:
    """How many axes of an element-wise result of this shape still count steps: those of an operand do."""
    alike = [t for t in types if t.shape is None or shape is None or len(t.shape) == len(shape)]
    return max([t.sequence for t in alike], default=0)


def always(type_: Type) -> ResultType:
    """The same type whatever comes in."""
    return lambda types, options: type_


def elementwise(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """The (one) element kind of the arguments, shapes broadcast."""
    shape = _broadcast(types)
    return Type(types[0].element, shape, sequence=_sequence(types, shape) if shape != () else 0)


def elementwise_bool(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """Bool, shapes broadcast."""
    shape = _broadcast(types)
    return BOOL if shape == () else Type("bool", shape, sequence=_sequence(types, shape))


def with_element(element: Element) -> ResultType:
    """The shape of the first argument with elements of one kind."""
    return lambda types, options: Type(element, types[0].shape, sequence=types[0].sequence)


def equal_shapes_bool(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """Bool of the common shape; rows of unequal shapes give a scalar, so a doubtful shape is unknown."""
    left, right = types[0].shape, types[1].shape
    if left == () or right == () or (left == right and left is not None and None not in left):
        shape = right if left == () else left
        return Type("bool", shape, sequence=_sequence(types, shape))
    if left is not None and right is not None and _surely_differ(left, right):
        return BOOL
    return Type("bool", None)


def _surely_differ(left: tuple[int | None, ...], right: tuple[int | None, ...]) -> bool:
    if len(left) != len(right):
        return True
    return any(a is not None and b is not None and a != b for a, b in zip(left, right, strict=True))


def reduced(element: Element | None = None, *, empty_is_null: bool = False) -> ResultType:
    """Without an axis a scalar, with one the shape without it.

    Args:
        element: element kind of the result, None for that of the argument.
        empty_is_null: whether a row without elements gives NULL.
    """

    def result(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
        x = types[0]
        axis = options.get("axis")
        shape: Shape = ()
        if axis is not None:
            shape = (
                None
                if x.shape is None
                else tuple(n for i, n in enumerate(x.shape) if i != axis % len(x.shape))
            )
        may_be_empty = x.shape is None or any(not extent for extent in x.shape)
        return Type(element or x.element, shape, nullable=empty_is_null and may_be_empty)

    return result


def floating(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """The argument's float type and shape (after conversion)."""
    return Type(types[0].element, types[0].shape, sequence=types[0].sequence)


def scalar_of_element(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """A scalar of the arguments' element kind."""
    return Type(types[0].element)


def shape_vector(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """One int64 per axis."""
    return Type("int64", (types[0].rank,))


def positions(types: Sequence[Type], options: Mapping[str, Any]) -> Type:
    """A list of int64 of any length; of an array with several axes a list of index tuples."""
    rank = types[0].rank
    return Type("int64", None if rank is None else (None,) if rank == 1 else (None, rank))


int64_scalar: ResultType = always(INT64)
float64_scalar: ResultType = always(FLOAT64)
bool_scalar: ResultType = always(BOOL)
