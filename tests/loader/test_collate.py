"""Collating: from the values of samples to one value for the batch."""

from __future__ import annotations

from collections import namedtuple
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tql.loader.stages.collate import collate, hand_over
from tql.loader.stages.pad import Ragged
from tql.loader.to_numpy import NumpyFace

FACE = NumpyFace()
Pair = namedtuple("Pair", "left right")


def same(value: Any, expected: Any) -> bool:
    """Equal in type, and for arrays in dtype, shape and content."""
    if isinstance(expected, np.ndarray):
        return (
            isinstance(value, np.ndarray)
            and value.dtype == expected.dtype
            and np.array_equal(value, expected)
        )
    if isinstance(expected, dict):
        return list(value) == list(expected) and all(same(value[key], expected[key]) for key in expected)
    if isinstance(expected, (list, tuple)):
        kind = Ragged if isinstance(expected, Ragged) or _is_ragged(expected) else type(expected)
        return type(value) is kind and len(value) == len(expected) and all(map(same, value, expected))
    return type(value) is type(expected) and bool(value == expected)


def _is_ragged(rows: Any) -> bool:
    numbers = [isinstance(row, np.ndarray) and row.dtype.kind in "biufc" for row in rows]
    return bool(numbers) and all(numbers) and len({row.shape for row in rows}) > 1


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([1, 2], np.array([1, 2])),
        ([1, 2.5], np.array([1.0, 2.5])),
        ([True, False], np.array([True, False])),
        ([np.float32(1), np.float32(2)], np.array([1, 2], np.float32)),
        ([np.zeros((2, 3), np.uint8)] * 2, np.zeros((2, 2, 3), np.uint8)),
        ([np.array(4, np.int16)] * 2, np.array([4, 4], np.int16)),
        ([np.zeros(2), np.zeros(3)], [np.zeros(2), np.zeros(3)]),
        ([np.zeros((0, 4)), np.zeros((2, 4))], [np.zeros((0, 4)), np.zeros((2, 4))]),
        (["a", "b"], ["a", "b"]),
        ([b"a", b"b"], [b"a", b"b"]),
        ([None, None], [None, None]),
        ([np.zeros(2), None], [np.zeros(2), None]),
        ([1, "a"], [1, "a"]),
        ([Decimal(1)], [Decimal(1)]),
        ([2**70, 1], [2**70, 1]),
        ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], {"a": np.array([1, 2]), "b": ["x", "y"]}),
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2}]),
        ([(1, "x"), (2, "y")], (np.array([1, 2]), ["x", "y"])),
        ([[1, "x"], [2, "y"]], [np.array([1, 2]), ["x", "y"]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
        ([(), ()], [(), ()]),
        ([Pair(1, 2), Pair(3, 4)], Pair(np.array([1, 3]), np.array([2, 4]))),
        ([{"a": {"b": np.ones(2)}}] * 2, {"a": {"b": np.ones((2, 2))}}),
        ([np.array(["x"]), np.array(["y"])], [np.array(["x"]), np.array(["y"])]),
    ],
)
def test_collate(samples: list[Any], expected: Any) -> None:
    assert same(collate(samples, FACE), expected)


def test_images_stay_a_list() -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (2, 2))
    assert collate([image, image], FACE) == [image, image]


def test_an_array_is_handed_over_without_a_copy() -> None:
    array = np.zeros((4, 2))
    assert hand_over(array, FACE) is array


def test_rows_of_different_shapes_are_handed_over_as_they_are() -> None:
    rows = [np.zeros(2), None, np.zeros(3)]
    handed = hand_over(rows, FACE)
    assert all(left is right for left, right in zip(handed, rows, strict=True))


def test_lists_of_arrays_are_handed_over_with_each_array_as_the_face_wants_it() -> None:
    class Counting(NumpyFace):
        def array(self, array: Any, column: str = "") -> Any:
            return array + 1

    rows = [[np.zeros(2), None, np.zeros(1)], None, [], ["a", None], [{"a": 1}]]
    expected = [[np.ones(2), None, np.ones(1)], None, [], ["a", None], [{"a": 1}]]
    assert same(hand_over(rows, Counting()), expected)
