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
    # Arrays beside NULL.
    "gaps": Table(
        {
            "pair": (Type("int8", (2,)), [[0, 0], [1, 0], [0, 0]]),
            "one": (Type("uint8", (1,)), [[0], [1], [1]]),
            "flag": (Type("bool", nullable=True), [None, True, None]),
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
    # Two sources to join: keys that repeat, miss and are NULL, and names that both have.
    "people": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4, 5]),
            "name": (Type("text"), ["Ann", "Bob", "Cy", "Di", "Ed", "Flo"]),
            "city": (Type("int64", nullable=True), [10, 20, None, 10, 40, 20]),
            "age": (Type("int8"), [30, 41, 25, 30, 62, 19]),
            "home": (Type("text", nullable=True), ["Rome", "Bern", None, "Roma", "Oslo", "rome"]),
        }
    ),
    "cities": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4]),
            "city": (Type("int64", nullable=True), [20, 10, 30, None, 10]),
            "place": (Type("text"), ["Bern", "Rome", "Oslo", "Nowhere", "Roma"]),
            "millions": (Type("float64", nullable=True), [0.1, 2.8, None, 1.0, 2.8]),
            "grid": (Type("int32", (None,)), [[1, 2], [3], [], [4, 4], [5, 6, 7]]),
        }
    ),
    "visits": Table(
        {
            "person": (Type("int32"), [1, 0, 1, 7]),
            "day": (Type("float32"), [1.5, 2.0, 3.0, 4.0]),
            "mood": (Type("int32", class_names=("good", "bad")), [0, 1, 1, 0]),
        }
    ),
    # Rows to group: keys of every kind, and members that are NULL, ragged, of fixed shape, text and labels.
    "sales": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4, 5]),
            "g": (Type("text"), ["a", "b", "a", "c", "b", "a"]),
            "h": (Type("int8"), [1, 2, 3, 4, 5, 6]),
            "x": (Type("float64", nullable=True), [0.5, None, nan, 2.0, None, 1.5]),
            "n": (Type("int64", nullable=True), [1, None, 1, None, 2, 2]),
            "y": (Type("float64"), [nan, 0.0, nan, -0.0, 1.0, 0.0]),
            "v": (Type("int32", (None,)), [[1, 2], [], [3], [4, 5, 6], [7], []]),
            "e": (Type("float32", (2,)), [[1, 0], [0, 1], [1, 1], [2, 0], [0, 2], [3, 3]]),
            "b": (Type("bool"), [True, False, True, True, False, True]),
            "cl": (Type("int32", class_names=("cat", "dog")), [0, 1, 0, 1, 1, 0]),
            "st": (Type("text", (None,)), [["r", "s"], [], ["t"], ["r"], ["s", "s"], ["t", "r"]]),
        }
    ),
    # Stored sequences, lists of text, and a plain array beside them.
    "clips": Table(
        {
            "id": (Type("int64"), [0, 1, 2]),
            "name": (Type("text"), ["p", "q", "r"]),
            "frames": (Type("int32", (None,), sequence=True), [[1, 2, 3], [4], []]),
            "score": (Type("float32", (None,), sequence=True), [[0.5, 1.5, 2.5], [3.5], []]),
            "tags": (Type("text", (None,)), [["x", "y", "z"], ["w"], []]),
            "two": (Type("text", (None,)), [["x", "y"], ["w", "v"], []]),
            "w": (Type("int32", (None,)), [[7, 8], [9], []]),
        }
    ),
    # JSON: objects with keys that miss, kinds that differ, and no document at all.
    "docs": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4, 5, 6]),
            "d": (
                Type("json", nullable=True),
                [
                    {"a": 1, "s": "x", "l": [1, 2, 3], "ok": True, "o": {"b": 5}, "b.c": 7},
                    {"a": 2.5, "s": "y", "l": [], "ok": False, "o": {}, "t": ["red", "green"]},
                    {"a": "1", "s": 3, "l": ["red"], "ok": None},
                    {},
                    None,
                    {"a": None, "l": [2], "ok": 1, "s": "", "o": {"b": "5"}},
                    {"a": True, "s": "abc", "l": [4, 2], "ok": 0},
                ],
            ),
            "k": (Type("text"), ["a", "s", "a", "a", "a", "s", "zz"]),
            "i": (Type("int64"), [0, 0, 0, 0, 0, -1, 5]),
            "m": (
                Type("json"),
                [{"p": 1, "q": 2}, {"q": 2.0, "p": 1}, [1, 2], [1.0, 2], "x", 1, {"p": 1, "q": 3}],
            ),
        }
    ),
    # Text that is searched by words, and the same text that is not.
    "texts": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3, 4, 5]),
            **{
                name: (
                    Type("text"),
                    [
                        "The quick brown fox",
                        "quick-quick! said Fox",
                        "a slow turtle",
                        "Straße 42, Bern",
                        "",
                        "foxes are quick, and the fox is not",
                    ],
                )
                for name in ("inverted", "ranked", "plain")
            },
        },
        indexes={"inverted": "inverted", "ranked": "bm25"},
    ),
    # Sets of vectors.
    "vectors": Table(
        {
            "id": (Type("int64"), [0, 1, 2, 3]),
            "docs": (
                Type("float32", (None, 2)),
                [[[1, 0], [0, 1]], np.zeros((0, 2)), [[1, 1]], [[0, 0], [-3, 0]]],
            ),
            "q": (Type("float32", (2, 2)), [[[1, 0], [0, 2]]] * 4),
            "i8": (Type("int8", (2,)), [[0, 0], [1, -1], [127, 3], [-128, 0]]),
            "u1": (Type("uint8", (4,)), [[0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0], [255, 0, 0, 0]]),
            "f": (Type("float64", (2,)), [[0.0, 1.5], [3.0, 4.0], [nan, 0.0], [inf, 1.0]]),
        }
    ),
}
