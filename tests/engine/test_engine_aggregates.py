"""Aggregates of groups whose rows nobody lists: against NumPy, for every number of threads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.engine_plans import MemorySource, rows_of, text, type_of
from engine.made_plans import group_of, key_of, made, run_made, scan_of, source_of, table_of, values_of
from tql._engine import Column, EngineError

RNG = np.random.default_rng(4)
NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]
SIZE = {"id": "n", "type": {"element": "int64", "shape": []}, "from": "size"}


def first(columns: dict[str, Column], name: str) -> dict[str, Any]:
    return {
        "id": f"{name}[0]",
        "type": type_of(columns[name]),
        "from": "source",
        "column": name,
        "first": True,
    }


def aggregate(columns: dict[str, Column], function: str, name: str) -> dict[str, Any]:
    element = "float64" if function == "avg" else type_of(columns[name])["element"]
    return {
        "id": f"{function}({name})",
        "type": {"element": element, "shape": [], "nullable": True},
        "function": function,
        "program": key_of(columns, name),
    }


def aggregated(columns: dict[str, Column], keys: list[str], *aggregates: dict[str, Any]) -> dict[str, Any]:
    return made(
        "group",
        input=scan_of(),
        keys=[key_of(columns, key) for key in keys],
        columns=[*[first(columns, key) for key in keys], SIZE],
        aggregates=list(aggregates),
    )


def of_slow_loop(keys: np.ndarray, values: np.ndarray, function: str) -> list[Any]:
    """In order of first appearance."""
    functions = {"avg": lambda x: np.mean(x, dtype=np.float64), "amin": np.min, "amax": np.max}
    answer = []
    for key in dict.fromkeys(keys.tolist()):
        part = values[keys == key]
        if function == "sum":
            answer.append(part.sum(dtype=np.float64 if part.dtype.kind == "f" else part.dtype))
        else:
            answer.append(functions[function](part))
    return answer


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_aggregates_are_those_of_a_slow_loop(dtype: str, threads: int) -> None:
    keys = RNG.integers(-3, 4, 1000).astype(np.int16)
    values = RNG.integers(0, 120, 1000).astype(dtype)
    columns = {"k": Column.dense(keys), "x": Column.dense(values)}
    functions = ["sum", "avg", "amin", "amax"]
    node = aggregated(columns, ["k"], *[aggregate(columns, f, "x") for f in functions])
    result = run_made(node, MemorySource(columns, 300), threads=threads)
    source = source_of(result)
    for function in functions:
        expected = of_slow_loop(keys, values, function)
        np.testing.assert_allclose(values_of(source, f"{function}(x)"), expected, rtol=1e-12)
    assert values_of(source, "k[0]") == list(dict.fromkeys(keys.tolist()))
    assert values_of(source, "n") == [int((keys == key).sum()) for key in dict.fromkeys(keys.tolist())]


@pytest.mark.parametrize("groups", [7, 16_384, 16_385, 90_000])
def test_sums_do_not_depend_on_the_threads(groups: int) -> None:
    rows = 700_000
    keys = RNG.integers(0, groups, rows)
    values = RNG.standard_normal(rows) * 10.0 ** RNG.integers(-8, 9, rows)
    columns = {"k": Column.dense(keys), "x": Column.dense(values)}
    node = aggregated(columns, ["k"], aggregate(columns, "sum", "x"))
    answers = []
    for threads in (1, 2, 5):
        source = source_of(run_made(node, MemorySource(columns, 200_000), threads=threads))
        answers.append(source.read("sum(x)", "values", 0, source.num_rows).values)
    assert all(np.array_equal(answer, answers[0]) for answer in answers)
    order = np.unique(keys, return_index=True)[1].argsort()
    np.testing.assert_allclose(
        answers[0], np.bincount(keys, values)[np.unique(keys)[order]], rtol=1e-9, atol=1e-6
    )


def test_null_is_left_out_and_nan_wins() -> None:
    present = np.array([1, 0, 1, 1, 0, 1, 1], bool)
    columns = {
        "k": text(["a", "b", "a", "c", "b", "c", "c"]),
        "x": Column.dense(np.array([3, 9, 5, 1, 9, math.nan, 2], np.float32), present),
        "i": Column.dense(np.array([100, 9, 100, 1, 9, 2, 3], np.int8), present),
    }
    functions = [(f, x) for f in ("sum", "avg", "amin", "amax") for x in ("x", "i")]
    node = aggregated(columns, ["k"], *[aggregate(columns, f, x) for f, x in functions])
    result = run_made(node, MemorySource(columns))
    rows = table_of(result, ["k[0]", "sum(i)", "avg(i)", "amin(i)", "amax(i)", "n"])
    assert rows == [("a", -56, 100.0, 100, 100, 2), ("b", 0, None, None, None, 2), ("c", 6, 2.0, 1, 3, 3)]
    found = table_of(result, ["sum(x)", "avg(x)", "amin(x)", "amax(x)"])
    assert found[:2] == [(8.0, 4.0, 3.0, 5.0), (0.0, None, None, None)]
    assert all(math.isnan(value) for value in found[2])


def test_the_first_value_of_any_kind_is_read_on_demand() -> None:
    columns = {
        "k": Column.dense(np.array([5, 3, 5, 3])),
        "t": text(["a", None, "c", "d"]),
        "box": Column.dense(np.arange(8).reshape(4, 2)),
    }
    node = group_of(columns, ["k"])
    node["columns"] = [first(columns, name) for name in columns]
    below = MemorySource(columns)
    source = source_of(run_made(node, below))
    below.reads.clear()
    assert values_of(source, "t[0]") == ["a", None]
    assert rows_of(source.take("box[0]", "values", np.array([1, 0, 1]))) == [[2, 3], [0, 1], [2, 3]]
    assert rows_of(source.read("box[0]", "shape", 0, 2)) == [[2], [2]]
    assert values_of(source, "k[0]", [1]) == [3]


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("groups have no aggregate 'median'", lambda a: a.update(function="median")),
        ("must be a scalar of int32", lambda a: a.update(type={"element": "int64", "shape": []})),
        ("must be a scalar of int32", lambda a: a.update(type={"element": "int32", "shape": [2]})),
        ("aggregates text", lambda a: a.update(program=key_of(COLUMNS, "t"))),
        ("one scalar per row", lambda a: a.update(program=key_of(COLUMNS, "box"))),
        ("two columns have the id 'n'", lambda a: a.update(id="n")),
    ],
)
def test_aggregates_that_no_planner_writes(message: str, change: Any) -> None:
    one = aggregate(COLUMNS, "sum", "x")
    change(one)
    with pytest.raises(EngineError, match=message):
        run_made(aggregated(COLUMNS, ["k"], one), MemorySource(COLUMNS))


COLUMNS = {
    "k": Column.dense(np.array([1, 1], np.int8)),
    "x": Column.dense(np.array([1, 2], np.int32)),
    "t": text(["a", "b"]),
    "box": Column.dense(np.arange(4).reshape(2, 2)),
}
