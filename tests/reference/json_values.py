"""Section 10: what a JSON value is as a number, a condition, an array, and for equality."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.table import Json, Nested, Value


def wrapped(value: Any) -> Value:
    """A piece of a document; JSON `null` is NULL."""
    return None if value is None else Json(value)


def elements(value: Value) -> Value:
    """A JSON value as an array: its elements, and anything else as the only one."""
    if not isinstance(value, Json):
        return value
    items = value.value if isinstance(value.value, list) else [value.value]
    return Nested(tuple(wrapped(item) for item in items), 1)


def number_of(value: Json) -> NDArray[Any] | None:
    """The number that arithmetic sees, bools as 0 and 1; anything else is NULL there."""
    if isinstance(value.value, bool | int | float):
        return np.array(value.value, dtype=np.float64)
    return None


def canonical(value: Any) -> Hashable:
    """Equal for equal documents: 1, 1.0 and true are, the order of keys does not count."""
    match value:
        case dict():
            pairs = ((key, canonical(item)) for key, item in value.items())
            return ("object", *sorted(pairs, key=lambda pair: pair[0]))
        case list():
            return ("array", *(canonical(item) for item in value))
        case int() | float():
            return ("number", value)
    return ("text", value)
