"""Types written as text: `int8`, `float32[,4]`, `text[]`, `json?`. The inverse of `str(Type)`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from tql.errors import ArgumentError
from tql.types import ELEMENTS, TEXTS, Element, Type

_FORM = re.compile(
    r"(?P<name>\w+)(?P<axes>\[[^]]*\])?((?P<maybe>\?)?(?P<list>(\[\])+))?(?P<nullable>\?)?", re.ASCII
)
_OTHER_WORDS = {
    "str": "text", "string": "text", "int": "int64", "integer": "int64", "long": "int64", "float": "float64",
    "double": "float64", "half": "float16", "boolean": "bool", "dict": "json", "object": "json",
    "byte": "uint8",
}  # fmt: skip
_HINT = "a type is an element and its axes: 'int64', 'text?', 'float32[2,3]', 'float32[,4]', 'text[]'"


def parse_type(text: str, class_names: Sequence[str] | None = None) -> Type:
    """What `Type.parse` documents."""
    if not isinstance(text, str):
        raise ArgumentError(f"a type is written as a text, got {text!r}", hint=_HINT)
    match = _FORM.fullmatch("".join(text.split()))
    if match is None:
        raise ArgumentError(f"this is no type: '{text}'", hint=_HINT)
    element = _element(match["name"], class_names)
    names = None if class_names is None else tuple(class_names)
    shape: tuple[int | None, ...] | None = () if match["axes"] is None else _shape(match["axes"], text)
    nullable = match["nullable"] is not None
    if match["list"] is None:
        return Type(element, shape, nullable, names, sequence=int(element in TEXTS and shape != ()))
    levels = len(match["list"]) // 2
    steps = levels + int(element in TEXTS and shape != ())
    shape = None if shape is None else (*[None] * levels, *shape)
    return Type(element, shape, nullable, names, sequence=steps, nested=levels)


def _element(name: str, class_names: Sequence[str] | None) -> Element:
    if name == "class_label":
        if class_names is None:
            hint = "give them with the type, as in tql.class_label(['cat', 'dog'])"
            raise ArgumentError("a class label needs the names of its classes", hint=hint)
        return "uint32"
    if name in ELEMENTS:
        if class_names is not None and "int" not in name:
            raise ArgumentError(f"only integers can stand for classes, got {name}")
        return name  # type: ignore[return-value]
    folded = name.casefold()
    meant = folded if folded in ELEMENTS else _OTHER_WORDS.get(folded)
    near = [meant] if meant else difflib.get_close_matches(folded, [*ELEMENTS, "class_label"], n=2)
    known = None if near else f"elements: {', '.join(ELEMENTS)}"
    raise ArgumentError(f"no element type named '{name}'", candidates=near, hint=known)


def _shape(axes: str, text: str) -> tuple[int | None, ...] | None:
    """`[2,3]`, `[,4]`, `[]` (one axis of any extent) or `[...]` (any rank)."""
    inside = axes[1:-1]
    if inside == "...":
        return None
    extents = inside.split(",")
    for extent in extents:
        if extent and not (extent.isascii() and extent.isdigit()):
            hint = "an axis is a number, or nothing where the extent differs from row to row: '[,4]'"
            raise ArgumentError(f"'{extent}' is no extent of an axis: '{text}'", hint=hint)
    return tuple(int(extent) if extent else None for extent in extents)
