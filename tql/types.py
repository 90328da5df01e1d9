"""The types of columns and expressions: an element kind, a shape per row, and whether NULL may occur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tql.quick import quick

Element = Literal[
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "text", "bytes", "json",
]  # fmt: skip

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("float16", "float32", "float64")
NUMBERS = INTEGERS + FLOATS
TEXTS = ("text", "bytes", "json")  # stored as strings; arrays of them are lists of one axis
ELEMENTS = ("bool", *NUMBERS, *TEXTS)


@quick
@dataclass(frozen=True, slots=True)
class Type:
    """The type of one value (one row of a column).

    Attributes:
        element: kind of the elements.
        shape: `()` for a scalar; one entry per axis for an array, None where the extent differs from row to
            row; None where even the rank differs.
        nullable: whether NULL may occur.
        class_names: names of the classes that an integer element stands for, or None.
        sequence: how many axes, from the first on, count steps of a sequence, which UNGROUP BY takes apart.
        nested: levels of lists around the values: lists whose entries may be NULL or differ in their extents.
            `shape` begins with None for each level. A nested type is a sequence.
        dtype: of bytes that are arrays of numbers which expressions don't know (complex numbers, dates): the
            name of their NumPy dtype, else None.
    """

    element: Element
    shape: tuple[int | None, ...] | None = ()
    nullable: bool = False
    class_names: tuple[str, ...] | None = None
    sequence: int = 0
    nested: int = 0
    dtype: str | None = None

    def __hash__(self) -> int:
        return hash((self.element, self.shape, self.nullable))  # the rest hardly ever tells types apart

    @property
    def rank(self) -> int | None:
        """Number of axes, None where it differs from row to row."""
        return None if self.shape is None else len(self.shape)

    @property
    def is_scalar(self) -> bool:
        return self.shape == ()

    @property
    def is_numeric(self) -> bool:
        """A number or bool, of any shape."""
        return self.element == "bool" or self.element in NUMBERS

    @property
    def is_integer(self) -> bool:
        return self.element in INTEGERS

    @property
    def is_float(self) -> bool:
        return self.element in FLOATS

    @property
    def is_fixed(self) -> bool:
        """Every row has the same shape."""
        return self.shape is not None and None not in self.shape

    @property
    def is_single(self) -> bool:
        """Every row holds exactly one element: a scalar or an array of shape [1, ..., 1]."""
        return self.shape is not None and all(extent == 1 for extent in self.shape)

    def with_shape(self, shape: tuple[int | None, ...] | None) -> Type:
        return replace(self, shape=shape, sequence=0, nested=0)

    @property
    def or_null(self) -> Type:
        """The type of the same values where NULL may occur."""
        return Type(self.element, self.shape, True, self.class_names, self.sequence, self.nested, self.dtype)

    @property
    def entry(self) -> Type:
        """The type of one entry of the first axis.

        Raises:
            ValueError: for a scalar.
        """
        if self.shape == ():
            raise ValueError(f"{self} has no entries")
        shape = None if self.shape is None else self.shape[1:]
        nullable = self.nullable or self.nested > 0
        levels = {"sequence": max(0, self.sequence - 1), "nested": max(0, self.nested - 1)}
        return Type(self.element, shape, nullable, self.class_names, **levels, dtype=self.dtype)

    @property
    def in_sequence(self) -> Type:
        """The type of a sequence of such values: nested unless all are there and have one shape."""
        shape = None if self.shape is None else (None, *self.shape)
        nested = self.nested + 1 if self.nested or self.nullable or not self.is_fixed else 0
        return Type(self.element, shape, False, self.class_names, self.sequence + 1, nested, self.dtype)

    def with_element(self, element: Element) -> Type:
        return replace(self, element=element, class_names=None)

    def __str__(self) -> str:
        name: str = "class_label" if self.class_names is not None else self.dtype or self.element
        if not self.nested:
            name += _axes(self.shape)
        elif self.shape is not None and len(self.shape) == self.nested:
            name += "?" + "[]" * self.nested  # a list of scalars is nested only where some may be NULL
        else:
            name += _axes(None if self.shape is None else self.shape[self.nested :]) + "[]" * self.nested
        return name + "?" if self.nullable else name

    @staticmethod
    def parse(text: str, class_names: Sequence[str] | None = None) -> Type:
        """The type that a text names; `str(Type)` gives such a text.

        `int8`, `text`, `json`: scalars. `float32[2,3]`: arrays of one shape. `float32[,4]`: the extent of the
        first axis differs from row to row; `int64[]`: one such axis; `uint8[...]`: any rank. `text[]`: lists
        of texts. `float32[,4][]`: lists of arrays `[,4]`, with a `[]` for each level of lists; `int64?[]`:
        lists of numbers some of which may be NULL. A `?` at the end: may be NULL.

        Args:
            text: the type; blanks do not count.
            class_names: makes integers stand for these classes. `class_label` is a uint32 with such names.

        Raises:
            ArgumentError: the text is no type; near names are among its `candidates`.
        """
        from tql.type_text import parse_type

        return parse_type(text, class_names)

    def to_json(self) -> dict[str, Any]:
        """Plain data: `{"element", "shape", "nullable"?, "class_names"?}`."""
        data: dict[str, Any] = {
            "element": self.element,
            "shape": None if self.shape is None else list(self.shape),
        }
        if self.nullable:
            data["nullable"] = True
        if self.class_names is not None:
            data["class_names"] = list(self.class_names)
        if self.sequence:
            data["sequence"] = self.sequence
        if self.nested:
            data["nested"] = self.nested
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> Type:
        names = data.get("class_names")
        shape = data["shape"]
        return Type(
            data["element"],
            None if shape is None else tuple(shape),
            bool(data.get("nullable", False)),
            None if names is None else tuple(names),
            int(data.get("sequence", 0)),
            int(data.get("nested", 0)),
        )

    def numpy_dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements; object for text, bytes and json."""
        return np.dtype(self.element) if self.is_numeric else np.dtype(object)


def _axes(shape: tuple[int | None, ...] | None) -> str:
    if shape is None:
        return "[...]"
    return "[" + ",".join("" if n is None else str(n) for n in shape) + "]" if shape else ""


BOOL = Type("bool")
INT64 = Type("int64")
UINT64 = Type("uint64")
FLOAT64 = Type("float64")
TEXT = Type("text")
JSON = Type("json")


def element_of_dtype(dtype: np.dtype[Any]) -> Element | None:
    """The element kind of a NumPy dtype, None where there is none (complex, datetime, object, ...)."""
    name = np.dtype(dtype).newbyteorder("=").name
    if name in ELEMENTS:
        return name  # type: ignore[return-value]
    return "text" if np.dtype(dtype).kind == "U" else None


def bits(element: Element) -> int:
    """Width of a numeric element in bits; bool counts 8."""
    return np.dtype(element).itemsize * 8


def promote(left: Element, right: Element) -> Element:
    """Element kind of `left op right` for + - * (language reference, section 3).

    Raises:
        ValueError: if one of them is not a number or bool.
    """
    for element in (left, right):
        if element != "bool" and element not in NUMBERS:
            raise ValueError(f"{element} is not numeric")
    if left == right:
        return "int64" if left == "bool" else left
    if left == "bool":
        return right
    if right == "bool":
        return left
    if left in FLOATS and right in FLOATS:
        return max(left, right, key=bits)
    if left in FLOATS or right in FLOATS:
        floating, integer = (left, right) if left in FLOATS else (right, left)
        return "float32" if bits(integer) <= 16 and floating == "float32" else "float64"
    if (left in SIGNED) == (right in SIGNED):
        return max(left, right, key=bits)
    signed, unsigned = (left, right) if left in SIGNED else (right, left)
    if unsigned == "uint64":
        return "float64"
    needed = max(bits(signed), 2 * bits(unsigned))
    return f"int{needed}"  # type: ignore[return-value]
