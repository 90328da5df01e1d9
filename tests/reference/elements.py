"""Section 3: element types of results (promotion), and the static shape of a broadcast."""

from __future__ import annotations

from tql.types import Element, Type

Shape = tuple[int | None, ...] | None

_SIGNED: tuple[Element, ...] = ("int8", "int16", "int32", "int64")
_UNSIGNED: tuple[Element, ...] = ("uint8", "uint16", "uint32", "uint64")
_FLOATS: tuple[Element, ...] = ("float16", "float32", "float64")


def number(element: Element) -> Element:
    """What arithmetic sees: JSON numbers are float64."""
    return "float64" if element == "json" else element


def promoted(left: Element, right: Element) -> Element:
    """Element type of `left + right`, `-` and `*`."""
    left, right = number(left), number(right)
    if left == "bool" and right == "bool":
        return "int64"
    if left == "bool":
        return right
    if right == "bool":
        return left
    for family in (_SIGNED, _UNSIGNED, _FLOATS):
        if left in family and right in family:
            return max(left, right, key=family.index)
    if left in _FLOATS:
        return _integer_with_float(right, left)
    if right in _FLOATS:
        return _integer_with_float(left, right)
    return _signed_with_unsigned(left, right) if left in _SIGNED else _signed_with_unsigned(right, left)


def _integer_with_float(integer: Element, floating: Element) -> Element:
    """float32 if the integer has at most 16 bits and the float is float32, else float64."""
    narrow = integer in ("int8", "uint8", "int16", "uint16")
    return "float32" if narrow and floating == "float32" else "float64"


def _signed_with_unsigned(signed: Element, unsigned: Element) -> Element:
    """The smallest signed type that holds both; with uint64 float64."""
    if unsigned == "uint64":
        return "float64"
    holds_unsigned = _SIGNED[_UNSIGNED.index(unsigned) + 1]
    return max(signed, holds_unsigned, key=_SIGNED.index)


def divided(left: Element, right: Element) -> Element:
    """Element type of `left / right`: always a float."""
    result = promoted(left, right)
    return result if result in _FLOATS else "float64"


def negated(element: Element) -> Element:
    """Element type of `-x`: bool and unsigned are `0 - x` in int64, uint64 in float64."""
    if element in ("uint64", "json"):
        return "float64"
    return "int64" if element == "bool" or element in _UNSIGNED else element


def summed(element: Element) -> Element:
    """Element type of SUM, PROD and ABS: the same, bool counts as int64."""
    return "int64" if element == "bool" else number(element)


def element_wise(element: Element, left: Type, right: Type) -> Type:
    """The type of an element-wise result: a sequence stays one."""
    shape = broadcast(left.shape, right.shape)
    rank = None if shape is None else len(shape)
    longest = [type_ for type_ in (left, right) if type_.rank == rank]
    return Type(
        element,
        shape,
        sequence=any(type_.sequence for type_ in longest),
        nested=any(type_.nested for type_ in longest),
    )


def broadcast(left: Shape, right: Shape) -> Shape:
    """The static shape of an element-wise result; a conflict shows per row, not here."""
    if left is None or right is None:
        return None
    rank = max(len(left), len(right))
    padded_left = (1,) * (rank - len(left)) + left
    padded_right = (1,) * (rank - len(right)) + right
    return tuple(_stretched(a, b) for a, b in zip(padded_left, padded_right, strict=True))


def _stretched(left: int | None, right: int | None) -> int | None:
    if left == 1 or left is None:
        return right if right != 1 else left
    if right == 1 or right is None or left == right:
        return left
    return None
