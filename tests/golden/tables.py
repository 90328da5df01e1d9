"""The small tables that the golden results are asked of. Rows are numbered from 0 in the comments."""

from __future__ import annotations

from math import inf, nan

import numpy as np

from reference import Table
from tql.types import Type

TABLES: dict[str, Table] = {
    # Every width of number, at its limits.
    "numbers": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4, 5]),
            "b": (Type("bool"), [True, False, True, False, True, False]),
            "i8": (Type("int8"), [1, 2, -3, 127, -128, 0]),
            "i16": (Type("int16"), [10, -20, 30, 32767, -32768, 0]),
            "i32": (Type("int32"), [5, 5, -7, 2147483647, -2147483648, 0]),
            "i64": (Type("int64"), [7, -7, 9007199254740993, 9223372036854775807, -9223372036854775808, 0]),
            "u8": (Type("uint8"), [1, 200, 255, 3, 0, 100]),
            "u16": (Type("uint16"), [1, 2, 65535, 4, 0, 6]),
            "u32": (Type("uint32"), [1, 2, 4294967295, 4, 0, 6]),
            "u64": (Type("uint64"), [1, 2, 18446744073709551615, 9223372036854775808, 0, 6]),
            "f16": (Type("float16"), [0.5, -1.5, 2.0, inf, nan, 0.0]),
            "f32": (Type("float32"), [0.1, -2.5, 3.0, nan, inf, 0.0]),
            "f64": (Type("float64"), [0.1, -2.5, nan, inf, -inf, -0.0]),
        }
    ),
    # Text, and columns with NULL.
    "words": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4, 5, 6]),
            "t": (Type("text"), ["apple", "Apple", "", "banana", "it's", "ä?b*", "a\nb"]),
            "u": (Type("text"), ["app", "b", "", "nan", "'", "?", "apple"]),
            "n": (Type("int64", nullable=True), [1, None, -5, 0, None, 3, 1]),
            "x": (Type("float64", nullable=True), [0.5, nan, None, -1.0, 2.0, None, nan]),
            "nt": (Type("text", nullable=True), ["b", None, "a", "", "B", "b", None]),
        }
    ),
    # Arrays: ragged and fixed, rank 1 and 2, empty ones, and one-element arrays that stand for scalars.
    "arrays": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4]),
            "k": (Type("int64"), [0, -1, 2, 1, 5]),
            "v": (Type("int32", (None,)), [[1, 2, 3], [], [5], [9, -1, 0, 4], [2, 2]]),
            "w": (Type("int32", (None,)), [[3, 2, 1], [], [5], [1], [1, 2, 3]]),
            "f": (Type("float32", (None,)), [[0.5, nan], [1.5], [], [inf, -1.0], [0.0]]),
            "fix": (Type("int16", (3,)), [[1, 2, 3], [4, 5, 6], [1, 2, 3], [0, 0, 0], [-1, 2, -3]]),
            "one": (Type("int32", (1,)), [[3], [0], [-1], [7], [3]]),
            "e": (Type("float32", (3,)), [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0, 0, 0], [-1, 0, 0]]),
            "boxes": (
                Type("float32", (None, 4)),
                [
                    [[0, 0, 10, 20], [5, 5, 1, 2]],
                    [[1, 1, 30, 30]],
                    np.zeros((0, 4)),
                    [[2, 2, 2, 2], [0, 0, 300, 1], [9, 9, 9, 9]],
                    [[0, 0, 0, 0]],
                ],
            ),
            "mask": (
                Type("bool", (None,)),
                [[True, False, True], [], [False], [True, True, True, True], [False, True]],
            ),
        }
    ),
    # Class labels, one per row and several, and lists of text.
    "labels": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4]),
            "cl": (Type("int32", class_names=("cat", "dog", "owl")), [0, 1, 2, 1, 0]),
            "one": (Type("uint32", (1,), class_names=("cat", "dog", "owl")), [[0], [1], [2], [1], [0]]),
            "cls": (Type("int32", (None,), class_names=("red", "green")), [[0, 1], [], [1], [0], [1, 1, 0]]),
            "st": (Type("text", (None,)), [["red", "green"], [], ["blue"], ["red"], ["Red", ""]]),
        }
    ),
    "empty": Table(
        {
            "id": (Type("int64"), []),
            "x": (Type("float64"), []),
            "v": (Type("int32", (None,)), []),
            "t": (Type("text"), []),
        }
    ),
    # Names that need quotes.
    "names": Table(
        {
            "select": (Type("int64"), [0, 1, 2]),
            "my-col": (Type("int64"), [5, 6, 7]),
            "group/tensor": (Type("int64"), [1, 0, 1]),
            "Key": (Type("int64"), [3, 2, 1]),
        }
    ),
}
