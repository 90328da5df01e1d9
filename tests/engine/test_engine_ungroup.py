"""Ungroup: rows cut along their first axis, entry by entry or into runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import MemorySource, nested, ragged, rows_of, text, text_list, type_of
from engine.made_plans import made, run_made, scan_of, source_of, table_of, values_of
from tql._engine import Column, EngineError

COLUMNS = {
    "id": Column.dense(np.array([7, 8, 9])),
    "v": ragged([[1, 2, 3], [], [4]], "int32", 1),
    "boxes": ragged([[[1, 2], [3, 4], [5, 6]], [], [[7, 8]]], "float32", 2),
    "fixed": Column.dense(np.arange(12).reshape(3, 2, 2)),
    "words": text_list([["a", "b", "c"], [], ["d"]]),
    "maybe": nested(text(["x", None, "y", "z"]), [3, 0, 1]),
    "arrays": nested(ragged([[1], [], [2, 3], [4]], "int8", 1), [3, 0, 1]),
}


def entry_type(column: Column) -> dict[str, Any]:
    declared = type_of(column)
    shape = declared["shape"][1:]
    return {
        "element": declared["element"],
        "shape": shape,
        "nullable": column.layout == "list" or declared["nullable"],
    }


def part_type(column: Column) -> dict[str, Any]:
    declared = type_of(column)
    return {**declared, "shape": [None, *declared["shape"][1:]]}


def ungroup_of(columns: dict[str, Column], modes: dict[str, str], **cutting: Any) -> dict[str, Any]:
    made_columns: list[dict[str, Any]] = []
    for name, mode in modes.items():
        types = {"element": entry_type, "part": part_type, "repeat": type_of}
        made_columns.append(
            {"id": name, "type": types[mode](columns[name]), "from": "source", "column": name, "mode": mode}
        )
    made_columns.append({"id": "place", "type": {"element": "int64", "shape": []}, "from": "position"})
    return made("ungroup", input=scan_of(), columns=made_columns, **cutting)


@pytest.mark.parametrize("partition", [None, 1])
def test_split_makes_a_row_per_entry(partition: int | None) -> None:
    modes = dict.fromkeys(("v", "boxes", "words", "maybe", "arrays"), "element") | {"id": "repeat"}
    source = source_of(run_made(ungroup_of(COLUMNS, modes, split=True), MemorySource(COLUMNS, partition)))
    expected = {
        "id": [7, 7, 7, 9],
        "v": [1, 2, 3, 4],
        "boxes": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]],
        "words": ["a", "b", "c", "d"],
        "maybe": ["x", None, "y", "z"],
        "arrays": [[1], [], [2, 3], [4]],
        "place": [0, 1, 2, 0],
    }
    for name, values in expected.items():
        assert values_of(source, name) == values
        assert values_of(source, name, [3, 1, 1]) == [values[3], values[1], values[1]]
    assert rows_of(source.read("boxes", "shape", 0, 4)) == [[2]] * 4
    assert rows_of(source.read("arrays", "shape", 0, 4)) == [[1], [0], [2], [1]]
    assert rows_of(source.read("id", "shape", 0, 4)) == [[]] * 4


def test_arrays_of_one_shape_are_split_too() -> None:
    source = source_of(run_made(ungroup_of(COLUMNS, {"fixed": "element"}, split=True), MemorySource(COLUMNS)))
    assert values_of(source, "fixed") == np.arange(12).reshape(6, 2).tolist()


def test_parts_leave_the_rest_to_the_last() -> None:
    columns = {
        "v": ragged([[1, 2, 3, 4, 5], [6]], "int32", 1),
        "w": text_list([["a", "b", "c", "d", "e"], ["f"]]),
        "m": nested(ragged([[1], [], [2], [3], [4], [5]], "int8", 1), [5, 1]),
        "b": ragged([[[i, i, i] for i in range(5)], [[9, 9, 9]]], "int8", 2),
    }
    modes = dict.fromkeys(columns, "part")
    source = source_of(run_made(ungroup_of(columns, modes, parts=2), MemorySource(columns)))
    assert values_of(source, "v") == [[1, 2], [3, 4, 5], [], [6]]
    assert values_of(source, "w") == [["a", "b"], ["c", "d", "e"], [], ["f"]]
    assert values_of(source, "m") == [[[1], []], [[2], [3], [4]], [], [[5]]]
    assert values_of(source, "place") == [0, 1, 0, 1]
    assert source.read("b", "values", 0, 4).shapes.tolist() == [[2, 3], [3, 3], [0, 3], [1, 3]]
    assert source.read("b", "shape", 0, 4).values.tolist() == [[2, 3], [3, 3], [0, 3], [1, 3]]


def test_lengths_must_sum_to_that_of_each_row() -> None:
    columns = {"v": ragged([[1, 2, 3], [4, 5, 6]], "int32", 1)}
    node = ungroup_of(columns, {"v": "part"}, lengths=[2, 0, 1])
    source = source_of(run_made(node, MemorySource(columns)))
    assert values_of(source, "v") == [[1, 2], [], [3], [4, 5], [], [6]]
    with pytest.raises(EngineError, match="2 and 3") as raised:
        run_made(ungroup_of(columns, {"v": "part"}, lengths=[1, 1]), MemorySource(columns))
    assert raised.value.args[0] == "value"
    assert raised.value.args[2] == 0


def test_columns_of_one_row_must_have_one_length() -> None:
    columns = {"v": ragged([[1], [2, 3]], "int32", 1), "w": text_list([["a"], ["b"]])}
    node = ungroup_of(columns, {"v": "element", "w": "element"}, split=True)
    with pytest.raises(
        EngineError, match="columns 'v' and 'w' have different lengths in one row: 2 and 1"
    ) as raised:
        run_made(node, MemorySource(columns))
    assert raised.value.args[0] == "value"
    assert raised.value.args[2] == 1


def test_null_has_no_length() -> None:
    columns = {
        "v": ragged([[1, 2], [3], [4]], "int32", 1, [1, 0, 0]),
        "w": ragged([[5, 6], [], [7, 8]], "int32", 1, [1, 0, 1]),
    }
    node = ungroup_of(columns, {"v": "element", "w": "element"}, split=True)
    result = run_made(node, MemorySource(columns))
    assert table_of(result, ["v", "w", "place"]) == [(1, 5, 0), (2, 6, 1), (None, 7, 0), (None, 8, 1)]
    parts = run_made(ungroup_of(columns, {"v": "part"}, parts=2), MemorySource(columns))
    assert table_of(parts, ["v"]) == [([1],), ([2],), (None,), (None,), (None,), (None,)]


ROWS = st.lists(st.lists(st.integers(0, 99), max_size=6), max_size=6)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(0, 4), st.integers(1, 4))
def test_cut_rows_are_those_of_a_slow_loop(rows: list[list[int]], parts: int, partition: int) -> None:
    columns = {"v": ragged(rows, "int32", 1), "i": Column.dense(np.arange(len(rows)))}
    if parts == 0:
        expected = [(i, value, place) for i, row in enumerate(rows) for place, value in enumerate(row)]
        node = ungroup_of(columns, {"i": "repeat", "v": "element"}, split=True)
    else:
        expected: Any = []
        for i, row in enumerate(rows):
            size = len(row) // parts
            bounds = [*range(0, size * parts, size)] if size else [0] * parts
            ends = [*bounds[1:], len(row)]
            expected += [(i, row[a:b], n) for n, (a, b) in enumerate(zip(bounds, ends, strict=True))]
        node = ungroup_of(columns, {"i": "repeat", "v": "part"}, parts=parts)
    for threads in (1, 3):
        result = run_made(node, MemorySource(columns, partition), threads=threads)
        assert table_of(result, ["i", "v", "place"]) == expected


class Shorter(MemorySource):
    """Its values are shorter than their shapes."""

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        if facet == "shape":
            return super().read(column, facet, start, stop)
        return ragged([[1]] * (stop - start), "int32", 1)

    def take(self, column: str, facet: str, rows: np.ndarray) -> Column:
        return self.read(column, facet, 0, len(rows))


def test_a_source_whose_shapes_lie() -> None:
    columns = {"v": COLUMNS["v"]}
    source = source_of(run_made(ungroup_of(columns, {"v": "element"}, split=True), Shorter(columns)))
    with pytest.raises(EngineError, match="shorter than its shapes said"):
        source.read("v", "values", 0, 4)


@pytest.mark.parametrize(
    ("message", "members"),
    [
        ("one of 'split'", {}),
        ("one of 'split'", {"split": True, "parts": 2}),
        ("'parts' must be an integer", {"parts": 0}),
        ("'lengths' must be an integer", {"lengths": [2**62, 2**62, 2**62]}),
        ("no element 'v'", {"parts": 2}),
        ("nothing to cut", {"split": True, "columns": []}),
    ],
)
def test_ungroups_that_no_planner_writes(message: str, members: dict[str, Any]) -> None:
    node = {**ungroup_of(COLUMNS, {"v": "element"}), **members}
    with pytest.raises(EngineError, match=message):
        run_made(node, MemorySource(COLUMNS))


def test_a_column_without_axes_cannot_be_cut() -> None:
    node = ungroup_of(COLUMNS, {"v": "element"}, split=True)
    node["columns"][0]["column"] = "id"
    with pytest.raises(EngineError, match="no length of column 'id'"):
        run_made(node, MemorySource(COLUMNS))
