"""Groups: which rows go together, in which order, and what the columns of a group hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import MemorySource, nested, ragged, rows_of, text, text_list
from engine.made_plans import group_of, run_made, source_of, table_of, values_of
from tql._engine import Column, EngineError

COLUMNS = {
    "g": text(["b", "a", "b", None, "a", None]),
    "x": Column.dense(np.arange(6, dtype=np.int16)),
    "box": Column.dense(np.arange(12).reshape(6, 2)),
    "t": text(["p", "q", "", "s", "t", "u"]),
    "maybe": Column.dense(np.arange(6.0), np.array([1, 0, 1, 1, 1, 0], bool)),
    "v": ragged([[1], [], [2, 3], [4], [5], [6, 7]], "int8", 1),
    "words": text_list([["a"], [], ["b", "c"], [], [""], ["z"]]),
    "lists": nested(text(["a", None, "b"]), [1, 0, 2, 0, 0, 0]),
}
EXPECTED = {
    "g": [["b", "b"], ["a", "a"], [None, None]],
    "x": [[0, 2], [1, 4], [3, 5]],
    "box": [[[0, 1], [4, 5]], [[2, 3], [8, 9]], [[6, 7], [10, 11]]],
    "t": [["p", ""], ["q", "t"], ["s", "u"]],
    "maybe": [[0.0, 2.0], [None, 4.0], [3.0, None]],
    "v": [[[1], [2, 3]], [[], [5]], [[4], [6, 7]]],
    "words": [[["a"], ["b", "c"]], [[], [""]], [[], ["z"]]],
    "lists": [[["a"], [None, "b"]], [[], []], [[], []]],
    "n": [2, 2, 2],
}
LAYOUTS = {"x": "ragged", "box": "ragged", "t": "text_list", "g": "list", "v": "list", "n": "dense"}


@pytest.mark.parametrize("partition", [None, 1, 4])
def test_a_group_holds_the_values_of_its_rows(partition: int | None) -> None:
    source = source_of(run_made(group_of(COLUMNS, ["g"]), MemorySource(COLUMNS, partition)))
    assert source.num_rows == 3
    for name, expected in EXPECTED.items():
        assert values_of(source, name) == expected
        assert values_of(source, name, [2, 0, 2]) == [expected[2], expected[0], expected[2]]
        assert rows_of(source.read(name, "values", 1, 2)) == expected[1:2]
        assert len(source.read(name, "values", 1, 1)) == 0
    for name, layout in LAYOUTS.items():
        assert source.read(name, "values", 0, 3).layout == layout
        assert source.read(name, "values", 0, 0).layout == layout


def test_shapes_of_groups_are_known_without_reading() -> None:
    below = MemorySource(COLUMNS)
    source = source_of(run_made(group_of(COLUMNS, ["g"]), below))
    below.reads.clear()
    below.takes.clear()
    shapes = {name: rows_of(source.read(name, "shape", 0, 3)) for name in EXPECTED}
    assert shapes["x"] == shapes["v"] == shapes["words"] == shapes["g"] == [[2]] * 3
    assert shapes["box"] == [[2, 2]] * 3
    assert shapes["n"] == [[]] * 3
    assert below.reads == below.takes == []


@pytest.mark.parametrize(
    ("keys", "groups"),
    [
        ([np.array([math.nan, 0.0, -0.0, math.nan, 1.0])], [[0, 3], [1, 2], [4]]),
        ([np.array([math.nan, 0.0, -0.0, math.nan, 1.0], np.float16)], [[0, 3], [1, 2], [4]]),
        ([np.array([True, False, True, True, False])], [[0, 2, 3], [1, 4]]),
        ([np.array([2**64 - 1, 0, 2**63, 0, 2**64 - 1], np.uint64)], [[0, 4], [1, 3], [2]]),
        ([np.array([1, 1, 2, 2, 1], np.int8), np.array([1.0, 2, 1, 1, 1])], [[0, 4], [1], [2, 3]]),
        ([], [[0, 1, 2, 3, 4]]),
    ],
)
def test_keys_of_every_kind(keys: list[Any], groups: list[list[int]]) -> None:
    columns = {f"k{i}": Column.dense(key) for i, key in enumerate(keys)}
    names = list(columns)
    columns["i"] = Column.dense(np.arange(5))
    result = run_made(group_of(columns, names), MemorySource(columns))
    assert table_of(result, ["i"]) == [(group,) for group in groups]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64"])
def test_null_is_one_value_and_no_other(dtype: str) -> None:
    values = np.array([0, 1, 0, 1, 0, 0], dtype)
    columns = {
        "k": Column.dense(values, np.array([1, 1, 0, 0, 1, 0], bool)),
        "i": Column.dense(np.arange(6)),
    }
    result = run_made(group_of(columns, ["k"]), MemorySource(columns))
    assert table_of(result, ["i"]) == [([0, 4],), ([1],), ([2, 3, 5],)]


def test_no_rows_make_no_groups() -> None:
    columns = {"k": text([]), "x": Column.dense(np.zeros(0))}
    source = source_of(run_made(group_of(columns, ["k"]), MemorySource(columns)))
    assert source.num_rows == 0
    assert source.partitions(["x"]) == []
    assert len(source.read("x", "values", 0, 0)) == 0


def test_groups_of_groups() -> None:
    inner = group_of(COLUMNS, ["g"], made=1)
    n = Column.dense(np.zeros(1, np.int64))
    x = ragged([[1]], "int16", 1)
    outer = group_of({"n": n, "x": x}, ["n"], inner, made=2)
    outer["columns"] = [{**c, "id": f"all {c['id']}"} for c in outer["columns"][:2]]
    source = source_of(run_made(outer, MemorySource(COLUMNS)))
    assert values_of(source, "all n") == [[2, 2, 2]]
    assert values_of(source, "all x") == [[[0, 2], [1, 4], [3, 5]]]


KEYS = st.lists(
    st.tuples(
        st.sampled_from([None, 0.0, -0.0, math.nan, 1.0, 2.0]), st.sampled_from([None, "", "a", "b", "aa"])
    ),
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(KEYS, st.sampled_from([["f"], ["s"], ["f", "s"]]), st.integers(1, 7))
def test_groups_are_those_of_a_slow_loop(rows: list[Any], keys: list[str], partition: int) -> None:
    numbers = np.array([row[0] or 0.0 for row in rows], np.float64)
    columns = {
        "f": Column.dense(numbers, np.array([row[0] is not None for row in rows], bool)),
        "s": text([row[1] for row in rows]),
        "i": Column.dense(np.arange(len(rows))),
    }
    expected: dict[Any, list[int]] = {}
    for i, (number, string) in enumerate(rows):
        value = "nan" if number is not None and math.isnan(number) else number
        expected.setdefault(tuple({"f": value, "s": string}[key] for key in keys), []).append(i)
    for threads in (1, 3):
        result = run_made(group_of(columns, keys), MemorySource(columns, partition), threads=threads)
        assert table_of(result, ["i", "n"]) == [(group, len(group)) for group in expected.values()]


@pytest.mark.parametrize("spread", [1, 1 << 35])
@pytest.mark.parametrize("distinct", [3, 5_000, 200_000])
@pytest.mark.parametrize("threads", [1, 3])
def test_many_rows(spread: int, distinct: int, threads: int) -> None:
    keys = np.random.default_rng(distinct).integers(0, distinct, 200_000) * spread
    columns = {"k": Column.dense(keys), "i": Column.dense(np.arange(len(keys)))}
    source = source_of(run_made(group_of(columns, ["k"]), MemorySource(columns, 50_000), threads=threads))
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    order = np.argsort(rank[inverse], kind="stable")
    column = source.read("i", "values", 0, source.num_rows)
    assert np.array_equal(column.values, order)
    assert np.array_equal(column.shapes[:, 0], np.bincount(rank[inverse]))


class Nulls(MemorySource):
    """Gives NULL where the plan was told that there is none."""

    def take(self, column: str, facet: str, rows: np.ndarray) -> Column:
        return Column.dense(np.zeros(len(rows), np.int16), np.zeros(len(rows), bool))

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        return (
            super().read(column, facet, start, stop)
            if column == "g"
            else self.take(column, facet, np.arange(6))
        )


def test_a_source_that_breaks_its_word() -> None:
    columns = {"g": COLUMNS["g"], "x": COLUMNS["x"]}
    source = source_of(run_made(group_of(columns, ["g"]), Nulls(columns)))
    with pytest.raises(EngineError, match="NULL where the plan says"):
        source.read("x", "values", 0, 3)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("one scalar per row", lambda node: node["keys"].append(group_of(COLUMNS, ["v"])["keys"][0])),
        ("two columns have the id 'x'", lambda node: node["columns"].append(node["columns"][1])),
        ("must be an int64", lambda node: node["columns"][-1].update(type={"element": "text", "shape": []})),
        ("must have an axis", lambda node: node["columns"][0].update(type={"element": "text", "shape": []})),
        ("first extent of a nested type", lambda node: node["columns"][0]["type"].update(shape=[2])),
        ("no column from 'moon'", lambda node: node["columns"][0].update({"from": "moon"})),
    ],
)
def test_groups_that_no_planner_writes(message: str, change: Any) -> None:
    node = group_of(COLUMNS, ["g"])
    change(node)
    with pytest.raises(EngineError, match=message):
        run_made(node, MemorySource(COLUMNS))
