"""Expand and append: windows around rows, and the rows of two sources one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import Code, MemorySource, ragged, rows_of, run, text, type_of
from engine.made_plans import made, run_made, scan_of, source_of, table_of, values_of
from tql._engine import Column, EngineError


def expand_of(
    columns: dict[str, Column],
    before: int,
    after: int,
    overlap: bool,
    node: dict[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """Windows around the rows whose `hit` is true; "w" is the window's ordinal."""
    code = Code(columns)
    code.column("hit")
    declared = {"id": 900, "op": "expand", "input": node or scan_of(), "conjuncts": [code.program]}
    return {**declared, "before": before, "after": after, "overlap": overlap, "computes": "w", **members}


def hits(flags: list[bool]) -> dict[str, Column]:
    return {"hit": Column.dense(np.array(flags, bool))}


FLAGS = hits([True, False, False, True, True, False])


@pytest.mark.parametrize(
    ("before", "after", "overlap", "rows", "windows"),
    [
        (1, 1, True, [0, 1, 2, 3, 4, 3, 4, 5], [0, 0, 1, 1, 1, 2, 2, 2]),
        (1, 1, False, [0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 1, 2]),
        (0, 0, True, [0, 3, 4], [0, 1, 2]),
        (0, 2**62, False, [0, 1, 2, 3, 4, 5], [0] * 6),
        (2**62, 0, True, [0, 0, 1, 2, 3, 0, 1, 2, 3, 4], [0, *[1] * 4, *[2] * 5]),
    ],
)
def test_windows(before: int, after: int, overlap: bool, rows: list[int], windows: list[int]) -> None:
    node = expand_of(FLAGS, before, after, overlap)
    result = run(node, MemorySource(FLAGS, 2), ["w"])
    assert result.selection.indices.tolist() == rows
    assert result.columns["w"].values.tolist() == windows
    bare = run({**node, "computes": None}, MemorySource(FLAGS))
    assert bare.selection.indices.tolist() == rows


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.booleans(), max_size=12),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.integers(1, 5),
)
def test_windows_are_those_of_a_slow_loop(
    flags: list[bool], before: int, after: int, overlap: bool, reverse: bool, partition: int
) -> None:
    columns = hits(flags)
    order = list(range(len(flags)))
    node = scan_of()
    if reverse:
        order.reverse()
        key = Code(columns)
        key.add("row_number", type="int64")
        keys = [{"program": key.program, "descending": True}]
        node = {"id": 901, "op": "sort", "input": node, "keys": keys, "fetch": None}
    expected = []
    for window, at in enumerate(i for i, row in enumerate(order) if flags[row]):
        for position in range(max(0, at - before), min(len(order), at + after + 1)):
            if overlap or order[position] not in [row for row, _ in expected]:
                expected.append((order[position], window))
    for threads in (1, 3):
        result = run(
            expand_of(columns, before, after, overlap, node),
            MemorySource(columns, partition),
            ["w"],
            threads=threads,
        )
        found = zip(result.selection.indices.tolist(), result.columns["w"].values.tolist(), strict=True)
        assert list(found) == expected


def test_windows_that_no_memory_holds() -> None:
    columns = hits([True] * 70_000)
    with pytest.raises(EngineError, match="4900000000") as raised:
        run(expand_of(columns, 70_000, 70_000, True), MemorySource(columns))
    assert raised.value.args[0] == "value"
    result = run(expand_of(columns, 70_000, 70_000, False), MemorySource(columns))
    assert len(result.selection) == 70_000


@pytest.mark.parametrize("member", ["before", "after", "overlap", "conjuncts"])
def test_windows_that_no_planner_writes(member: str) -> None:
    for value in (-1, 1.5, "x", None):
        with pytest.raises(EngineError):
            run({**expand_of(FLAGS, 1, 1, True), member: value}, MemorySource(FLAGS))


LEFT = {
    "x": Column.dense(np.array([1, 2, 3])),
    "v": Column.dense(np.ones((3, 2), np.int8)),
    "t": text(["a", None, "c"]),
}
RIGHT = {
    "y": Column.dense(np.array([10, 20])),
    "v": ragged([[5], [6, 7, 8]], "int8", 1),
    "t": text(["", "e"]),
}
SOURCES = {"l": MemorySource(LEFT), "r": MemorySource(RIGHT, 1)}
TYPES: dict[str, Any] = {
    "x": {"element": "int64", "shape": []},
    "v": {"element": "int8", "shape": [None]},
    "t": {"element": "text", "shape": [], "nullable": True},
}


def taken(name: str, from_: str = "source") -> dict[str, Any]:
    return {"from": from_, "column": name}


def append_of(left: Any = None, right: Any = None, distinct: bool = False, **members: Any) -> dict[str, Any]:
    columns = [
        {"id": name, "type": TYPES[name], "left": taken(name), "right": taken("y" if name == "x" else name)}
        for name in TYPES
    ]
    node = made("append", left=left or scan_of("l"), right=right or scan_of("r"), distinct=distinct)
    return {**node, "columns": columns, **members}


EXPECTED = {"x": [1, 2, 3, 10, 20], "v": [[1, 1]] * 3 + [[5], [6, 7, 8]], "t": ["a", None, "c", "", "e"]}


def test_appended_rows() -> None:
    source = source_of(run_made(append_of(), sources=SOURCES))
    for name, values in EXPECTED.items():
        assert values_of(source, name) == values
        assert values_of(source, name, [4, 0, 3, 0]) == [values[4], values[0], values[3], values[0]]
        assert rows_of(source.read(name, "values", 3, 5)) == values[3:]
        assert rows_of(source.read(name, "values", 0, 2)) == values[:2]
    assert rows_of(source.read("v", "shape", 0, 5)) == [[2], [2], [2], [1], [3]]


def test_distinct_drops_repeats_within_each_side() -> None:
    def twice(key: str, ident: int) -> dict[str, Any]:
        ordered = {"id": ident, "op": "set_op", "kind": "union", "all": True, "ordered": True}
        return ordered | {"left": scan_of(key), "right": scan_of(key)}

    everything = run_made(append_of(twice("l", 1), twice("r", 2)), sources=SOURCES)
    assert table_of(everything, ["x"]) == [(x,) for x in (1, 2, 3, 1, 2, 3, 10, 20, 10, 20)]
    once = run_made(append_of(twice("l", 1), twice("r", 2), distinct=True), sources=SOURCES)
    assert table_of(once, ["x"]) == [(x,) for x in EXPECTED["x"]]


def test_computed_columns_can_be_appended() -> None:
    code = Code(LEFT)
    x = code.column("x")
    code.add("add", x, x, type="int64")
    projected = {
        "id": 1,
        "op": "project",
        "input": scan_of("l"),
        "columns": [{"id": "d", "program": code.program}],
    }
    columns = [{"id": "x", "type": TYPES["x"], "left": taken("d", "computed"), "right": taken("y")}]
    result = run_made(append_of(projected, columns=columns), sources=SOURCES)
    assert table_of(result, ["x"]) == [(2,), (4,), (6,), (10,), (20,)]
    assert rows_of(source_of(result).read("x", "shape", 0, 5)) == [[]] * 5


def test_sides_of_different_types() -> None:
    columns = [{"id": "x", "type": TYPES["x"], "left": taken("x"), "right": taken("t")}]
    source = source_of(run_made(append_of(columns=columns), sources=SOURCES))
    with pytest.raises(EngineError, match="gave column 't' as text, the plan says int64"):
        source.read("x", "values", 0, 5)
    assert type_of(source.read("x", "values", 0, 3))["element"] == "int64"
