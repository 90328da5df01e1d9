"""Joins: which pairs there are, in which order, and what their columns hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import Code, MemorySource, ragged, rows_of, run, text, text_list
from engine.made_plans import join_of, key_of, made, run_made, scan_of, source_of, table_of, values_of
from tql._engine import Column, EngineError

LEFT = {"k": Column.dense(np.array([3, 1, 2, 3, 9])), "x": text(["a", "b", None, "d", "e"])}
RIGHT = {
    "k": Column.dense(np.array([3, 2, 3, 7]), np.array([1, 1, 1, 0], bool)),
    "v": ragged([[1], [2, 2], [], [4]], "int16", 1),
}
SOURCES = {"l": MemorySource(LEFT), "r": MemorySource(RIGHT)}
COLUMNS = ["l.k", "l.x", "r.k", "r.v"]

PAIRS = [(3, "a", 3, [1]), (3, "a", 3, []), (2, None, 2, [2, 2]), (3, "d", 3, [1]), (3, "d", 3, [])]


@pytest.mark.parametrize("kind", ["inner", "left", "right", "full"])
def test_unmatched_left_rows_stay_in_place_and_right_ones_come_last(kind: str) -> None:
    expected: list[Any] = list(PAIRS)
    if kind in ("left", "full"):
        expected = [*PAIRS[:2], (1, "b", None, None), *PAIRS[2:], (9, "e", None, None)]
    if kind in ("right", "full"):
        expected.append((None, None, None, [4]))
    result = run_made(join_of(LEFT, RIGHT, kind), sources=SOURCES)
    assert table_of(result, COLUMNS) == expected
    assert source_of(result).num_rows == len(expected)
    assert values_of(result.source, "r.v") == [row[3] for row in expected]


def greater(left: str, right: str) -> Code:
    code = Code()
    sides = [
        code.add(
            "column", type={"element": "int64", "shape": [], "nullable": True}, name=name, facet="values"
        )
        for name in (left, right)
    ]
    code.add("greater", *sides)
    return code


SMALL = {"k": Column.dense(np.array([1, 1, 2, 5])), "a": Column.dense(np.array([10, 20, 30, 40]))}
OTHER = {"k": Column.dense(np.array([1, 2, 1, 8])), "b": Column.dense(np.array([15, 30, 5, 0]))}
BOTH = {"l": MemorySource(SMALL), "r": MemorySource(OTHER)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("inner", [(10, 5), (20, 15), (20, 5)]),
        ("left", [(10, 5), (20, 15), (20, 5), (30, None), (40, None)]),
        ("right", [(10, 5), (20, 15), (20, 5), (None, 30), (None, 0)]),
        ("full", [(10, 5), (20, 15), (20, 5), (30, None), (40, None), (None, 30), (None, 0)]),
    ],
)
def test_conditions_decide_before_unmatched_rows_are_found(kind: str, expected: list[Any]) -> None:
    node = join_of(SMALL, OTHER, kind, conditions=(greater("l.a", "r.b"),))
    assert table_of(run_made(node, sources=BOTH), ["l.a", "r.b"]) == expected


def test_a_cross_join_has_all_pairs_left_major() -> None:
    node = join_of(SMALL, OTHER, "cross", on=None)
    expected = [(a, b) for a in (10, 20, 30, 40) for b in (15, 30, 5, 0)]
    result = run_made(node, sources=BOTH)
    assert table_of(result, ["l.a", "r.b"]) == expected
    some = join_of(SMALL, OTHER, "cross", on=None, conditions=(greater("r.b", "l.a"),))
    assert table_of(run_made(some, sources=BOTH), ["l.a", "r.b"]) == [p for p in expected if p[1] > p[0]]


@pytest.mark.parametrize(
    ("left", "right", "pairs"),
    [
        (Column.dense(np.array([0.0, -0.0, math.nan])), Column.dense(np.array([-0.0, math.nan])), 2),
        (Column.dense(np.array([0, 1.5], np.float16)), Column.dense(np.array([1.5, -0.0], np.float16)), 2),
        (Column.dense(np.array([math.nan, 2], np.float32)), Column.dense(np.array([math.nan], "f4")), 0),
        (text(["a", "", None, "bb"]), text([None, "bb", "", "bb"]), 3),
        (Column.dense(np.array([True, False])), Column.dense(np.array([True, True])), 2),
        (Column.dense(np.array([2**63, 5], np.uint64)), Column.dense(np.array([2**63], np.uint64)), 1),
        (Column.dense(np.zeros(2, int), np.zeros(2, bool)), Column.dense(np.zeros(2, int)), 0),
        (Column.dense(np.array([1 << 40])), Column.dense(np.zeros(1, int), np.zeros(1, bool)), 0),
    ],
)
def test_keys_of_every_kind(left: Column, right: Column, pairs: int) -> None:
    sides = {"l": {"k": left}, "r": {"k": right}}
    sources = {key: MemorySource(columns) for key, columns in sides.items()}
    assert len(run_made(join_of(sides["l"], sides["r"]), sources=sources).selection) == pairs


def test_programs_run_over_joined_columns() -> None:
    node = join_of(SMALL, OTHER, "left")
    total = Code()
    a, b = (
        total.add(
            "column", type={"element": "int64", "shape": [], "nullable": True}, name=name, facet="values"
        )
        for name in ("l.a", "r.b")
    )
    total.add("add", a, b, type={"element": "int64", "shape": [], "nullable": True})
    root = {"id": 1, "op": "project", "input": node, "columns": [{"id": "t", "program": total.program}]}
    result = run(root, None, ["t"], sources=BOTH)
    assert rows_of(result.columns["t"]) == [25, 15, 35, 25, 60, None]


def test_shapes_are_read_without_values() -> None:
    right = MemorySource(RIGHT)
    result = run_made(join_of(LEFT, RIGHT, "left"), sources={"l": MemorySource(LEFT), "r": right})
    right.reads.clear()
    right.takes.clear()
    shapes = source_of(result).read("r.v", "shape", 0, 7)
    assert rows_of(shapes) == [[1], [0], None, [2], [1], [0], None]
    assert {facet for _, facet, *_ in [*right.reads, *right.takes]} == {"shape"}


def test_rows_and_columns_that_are_not_there() -> None:
    source = source_of(run_made(join_of(SMALL, OTHER), sources=BOTH))
    with pytest.raises(IndexError):
        source.read("l.a", "values", 0, source.num_rows + 1)
    with pytest.raises(IndexError):
        source.take("l.a", "values", np.array([-1]))
    with pytest.raises(EngineError, match="no column 'a'"):
        source.read("a", "values", 0, 1)
    with pytest.raises(ValueError, match="facet"):
        source.read("l.a", "pixels", 0, 1)  # type: ignore[arg-type]
    assert len(source.read("l.a", "values", 1, 1)) == 0


def test_too_many_pairs_are_refused_before_there_is_memory_for_them() -> None:
    many = {"k": Column.dense(np.zeros(100_000, np.int8))}
    sources = {"l": MemorySource(many), "r": MemorySource(many)}
    with pytest.raises(EngineError, match="10000000000") as raised:
        run_made(join_of(many, many), sources=sources)
    assert raised.value.args[0] == "value"
    with pytest.raises(EngineError, match="add a condition"):
        run_made(join_of(many, many, "cross", on=None), sources=sources)


def test_equal_nodes_run_once_and_are_one_source() -> None:
    left = MemorySource(SMALL)
    sides = [
        {"id": ident, "op": "limit", "input": join_of(SMALL, OTHER), "offset": offset, "count": 2}
        for ident, offset in ((1, 0), (2, 1))
    ]
    union = {"id": 3, "op": "set_op", "kind": "union", "all": False, "ordered": False}
    result = run_made(union | {"left": sides[0], "right": sides[1]}, sources={**BOTH, "l": left})
    assert result.selection.indices.tolist() == [0, 1, 2]
    assert [name for name, *_ in left.reads] == ["k"]
    nodes = {node["id"]: node for node in result.statistics}
    assert nodes[sides[1]["input"]["id"]]["rows_out"] == 5
    sides[1]["input"] = {**join_of(SMALL, OTHER), "made": 7}
    with pytest.raises(EngineError, match="rows of two sources"):
        run_made(union | {"left": sides[0], "right": sides[1]}, sources={**BOTH, "l": left})


def test_a_made_source_outlives_what_it_was_made_of() -> None:
    result = run_made(join_of(LEFT, RIGHT), sources={"l": MemorySource(LEFT), "r": MemorySource(RIGHT)})
    source = source_of(result)
    del result
    assert values_of(source, "r.v") == [row[3] for row in PAIRS]


def test_a_made_source_can_be_bound() -> None:
    source = source_of(run_made(join_of(SMALL, OTHER), sources=BOTH))
    code = Code()
    declared = {"element": "int64", "shape": [], "nullable": True}
    code.add(
        "greater", code.add("column", type=declared, name="l.a", facet="values"), code.constant(15, "int64")
    )
    kept = {"id": 1, "op": "filter", "input": scan_of(), "conjuncts": [code.program], "fetch": None}
    result = run_made(kept, source)
    assert result.source is None
    assert result.selection.indices.tolist() == [2, 3, 4]


class Wrong(MemorySource):
    """Gives a column of another type than it said."""

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        return super().read(column, facet, start, stop) if column == "k" else text(["?"] * (stop - start))

    def take(self, column: str, facet: str, rows: np.ndarray) -> Column:
        return text(["?"] * len(rows))


def test_a_source_below_that_gives_another_type() -> None:
    source = source_of(run_made(join_of(SMALL, OTHER), sources={**BOTH, "l": Wrong(SMALL)}))
    with pytest.raises(EngineError, match="gave column 'a' as text"):
        source.read("l.a", "values", 0, 5)


KEYS = st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, math.nan, None]), max_size=12)


def floats(values: list[float | None]) -> dict[str, Column]:
    numbers = np.array([value or 0.0 for value in values], np.float64)
    valid = np.array([value is not None for value in values], bool)
    return {"k": Column.dense(numbers, valid), "i": Column.dense(np.arange(len(values)))}


def slow_join(left: list[Any], right: list[Any], kind: str, ordered: bool) -> list[tuple[Any, Any]]:
    pairs: list[tuple[Any, Any]] = []
    for i, a in enumerate(left):
        found = [
            (i, j)
            for j, b in enumerate(right)
            if a is not None and b is not None and a == b and (not ordered or i > j)
        ]
        pairs += found or ([(i, None)] if kind in ("left", "full") else [])
    if kind in ("right", "full"):
        pairs += [(None, j) for j in range(len(right)) if j not in {pair[1] for pair in pairs}]
    return pairs


@settings(max_examples=150, deadline=None)
@given(KEYS, KEYS, st.sampled_from(["inner", "left", "right", "full"]), st.booleans(), st.integers(1, 5))
def test_joins_are_those_of_a_slow_loop(
    left: list[Any], right: list[Any], kind: str, ordered: bool, partition: int
) -> None:
    sides = floats(left), floats(right)
    sources = {"l": MemorySource(sides[0], partition), "r": MemorySource(sides[1], partition)}
    conditions = (greater("l.i", "r.i"),) if ordered else ()
    for threads in (1, 3):
        node = join_of(*sides, kind, conditions=conditions)
        result = run_made(node, sources=sources, threads=threads)
        assert table_of(result, ["l.i", "r.i"]) == slow_join(left, right, kind, ordered)


@pytest.mark.parametrize("spread", [1 << 10, 1 << 40])
def test_many_rows(spread: int) -> None:
    rng = np.random.default_rng(5)
    left = {"k": Column.dense(rng.integers(0, 60_000, 150_000) * spread)}
    right = {"k": Column.dense(rng.permutation(50_000) * spread)}
    sources = {"l": MemorySource(left, 40_000), "r": MemorySource(right)}
    answers = [run_made(join_of(left, right), sources=sources, threads=t) for t in (1, 3)]
    keys = left["k"].values
    expected = keys[keys < 50_000 * spread].tolist()
    for result in answers:
        assert values_of(result.source, "l.k") == expected
        assert values_of(result.source, "r.k") == expected


def test_statistics_of_a_join() -> None:
    node = join_of(SMALL, OTHER)
    entry = next(e for e in run_made(node, sources=BOTH).statistics if e["id"] == node["id"])
    assert (entry["rows_in"], entry["rows_out"], entry["bytes_read"]) == (8, 5, 64)


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("no join 'outer'", {"kind": "outer"}),
    ("has no keys", {"left_key": None}),
    ("has no keys", {"kind": "cross"}),
    ("one element kind", {"left_key": key_of({"k": text(["a"])}, "k")}),
    ("one scalar per row", {"left_key": key_of({"k": Column.dense(np.zeros((1, 2)))}, "k")}),
    ("there is no 'made'", {"made": None}),
    ("no input makes a column 'z'", {"conditions": [greater("z", "l.a").program]}),
    ("one bool per row", {"conditions": [key_of({"l.a": SMALL["a"]}, "l.a")]}),
    ("wrong inputs", {"left": None}),
]


@pytest.mark.parametrize(("message", "members"), HOSTILE)
def test_joins_that_no_planner_writes(message: str, members: dict[str, Any]) -> None:
    node = {**join_of(SMALL, OTHER), **members}
    if members == {"made": None}:
        del node["made"]
    with pytest.raises(EngineError, match=message):
        run_made(node, sources=BOTH)


def test_columns_of_joins_that_no_planner_writes() -> None:
    for member, value in [("side", "up"), ("from", "moon"), ("from", "computed"), ("type", 5), ("id", "l.a")]:
        node = join_of(SMALL, OTHER)
        node["columns"][0][member] = value
        with pytest.raises(EngineError):
            run_made(node, sources=BOTH)
    outer = {"id": 1, "op": "limit", "input": join_of(SMALL, OTHER), "offset": 0}
    with pytest.raises(EngineError, match="no input makes a column 'a'"):
        run_made(made("group", 2, input=outer, keys=[key_of(SMALL, "a")], columns=[]), sources=BOTH)


def test_lists_of_text_and_empty_sides() -> None:
    left = {"k": Column.dense(np.arange(2)), "t": text_list([["a"], ["b", "c"]])}
    right = {"k": Column.dense(np.zeros(0, np.int64)), "t": text_list([])}
    sources = {"l": MemorySource(left), "r": MemorySource(right)}
    result = run_made(join_of(left, right, "full"), sources=sources)
    assert table_of(result, ["l.t", "r.t"]) == [(["a"], None), (["b", "c"], None)]
