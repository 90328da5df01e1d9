"""Nested columns in programs: all elements as one array, and single entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.engine_plans import Code, compute, nested, ragged, rows_of, rows_where, text, text_list
from tql._engine import Column, EngineError

INTS = Column.dense(np.array([1, 2, 3, 4, 5]), np.array([True, False, True, True, True]))
PAIRS = Column.dense(np.arange(10.0).reshape(5, 2))
RAGGED = ragged([[1, 2], [], [3], [4, 5, 6], [7]], "int32", 1, [True, True, False, True, True])
WORDS = text(["a", None, "c", "d", "e"])
LISTS = text_list([["a", "b"], [], ["c"], ["d"], ["e", "f"]])
COUNTS = [2, 0, 3]


def element(column: Column, shape: Any, nullable: bool = False) -> dict[str, Any]:
    return {"element": column.element, "shape": shape, "nullable": nullable}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (INTS, [[1], [], [3, 4, 5]]),
        (PAIRS, [[0, 1, 2, 3], [], [4, 5, 6, 7, 8, 9]]),
        (RAGGED, [[1, 2], [], [4, 5, 6, 7]]),
        (WORDS, [["a"], [], ["c", "d", "e"]]),
        (LISTS, [["a", "b"], [], ["c", "d", "e", "f"]]),
        (nested(INTS, [2, 1, 0, 1, 1], [True, True, True, False, True]), [[1, 3], [], [5]]),
    ],
)
@pytest.mark.parametrize("partition", [None, 1])
def test_all_elements(items: Column, expected: list[Any], partition: int | None) -> None:
    code = Code({"x": nested(items, COUNTS)})
    code.add("column", type=element(items, [None]), name="x", facet="flat")
    assert rows_of(compute(code, partition)) == expected


def test_no_elements_of_null() -> None:
    code = Code({"x": nested(INTS, COUNTS, [True, True, False])})
    code.add("column", type=element(INTS, [None], True), name="x", facet="flat")
    assert rows_of(compute(code)) == [[1], [], None]


def test_elements_are_computed_with() -> None:
    code = Code({"x": nested(RAGGED, COUNTS)})
    flat = code.add("column", type=element(RAGGED, [None]), name="x", facet="flat")
    total = code.add("sum", flat, type="int32")
    code.add("greater", total, code.constant(3, "int32"))
    assert rows_where(code) == [2]


@pytest.mark.parametrize(
    ("items", "shape", "rows"),
    [
        (INTS, [], [1, None, 3, 4, 5]),
        (PAIRS, [2], [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]),
        (RAGGED, [None], [[1, 2], [], None, [4, 5, 6], [7]]),
        (WORDS, [], ["a", None, "c", "d", "e"]),
        (LISTS, [None], [["a", "b"], [], ["c"], ["d"], ["e", "f"]]),
    ],
)
@pytest.mark.parametrize("index", [0, 1, 2, 3, -1, -2, -3, -4])
def test_entries(items: Column, shape: list[Any], rows: list[Any], index: int) -> None:
    code = Code({"x": nested(items, COUNTS)})
    code.add("column_item", code.constant(index, "int64"), type=element(items, shape, True), name="x")
    groups = [rows[:2], [], rows[2:]]
    expected = [group[index] if -len(group) <= index < len(group) else None for group in groups]
    assert rows_of(compute(code)) == expected
    assert rows_of(compute(code, partition=1)) == expected


def test_the_index_may_come_from_the_row() -> None:
    index = Column.dense(np.array([1, 0, -3], np.int8), np.array([True, True, True]))
    code = Code({"x": nested(PAIRS, COUNTS), "i": index})
    code.add("column_item", code.column("i"), type=element(PAIRS, [2], True), name="x")
    assert rows_of(compute(code)) == [[2.0, 3.0], None, [4.0, 5.0]]


def test_null_lists_and_null_indices_give_null() -> None:
    index = Column.dense(np.array([0, 0, 0]), np.array([True, True, False]))
    code = Code({"x": nested(INTS, [2, 1, 2], [False, True, True]), "i": index})
    code.add("column_item", code.column("i"), type=element(INTS, [], True), name="x")
    assert rows_of(compute(code)) == [None, 3, None]


def test_entries_and_elements_of_a_filter() -> None:
    code = Code({"x": nested(INTS, COUNTS)})
    item = code.add("column_item", code.constant(-1, "int64"), type=element(INTS, [], True), name="x")
    code.add(
        "equal", item, code.constant(5, "int64"), type={"element": "bool", "shape": [], "nullable": True}
    )
    assert rows_where(code) == [2]


def test_a_column_that_is_not_nested_is_refused() -> None:
    code = Code({"x": INTS})
    code.add("column", type=element(INTS, [None]), name="x", facet="flat")
    with pytest.raises(EngineError, match="which is not what the plan says"):
        compute(code)
    code = Code({"x": nested(INTS, COUNTS)})
    code.add("column_item", code.constant(0.0, "float64"), type=element(INTS, []), name="x")
    with pytest.raises(EngineError, match="argument 0 may not be float64"):
        compute(code)
