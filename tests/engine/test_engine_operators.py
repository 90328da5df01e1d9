"""Operators over relations: project, sort, limit, sample, set operations, distinct, statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.engine_plans import (
    Code,
    MemorySource,
    filter_of,
    plan_of,
    project_of,
    ragged,
    rows_of,
    run,
    scan,
    text,
)
from tql._engine import Column, EngineError, Plan, execute

N = 20_000
VALUES = np.random.default_rng(2).integers(0, 1000, N)
COLUMNS = {"x": Column.dense(VALUES), "y": Column.dense(np.arange(N) % 7)}


def keep(name: str, kernel: str, value: int) -> Code:
    code = Code(COLUMNS)
    code.add(kernel, code.column(name), code.constant(value, "int64"))
    return code


def doubled(columns: dict[str, Column] = COLUMNS) -> Code:
    code = Code(columns)
    x = code.column("x")
    code.add("add", x, x, type="int64")
    return code


def computed(name: str, element: str = "int64") -> Code:
    code = Code(COLUMNS)
    code.add("computed", type=element, id=name)
    return code


def node(op: str, ident: int, **members: Any) -> dict[str, Any]:
    return {"id": ident, "op": op, **members}


@pytest.mark.parametrize("partition", [None, 1000, 333])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("kernel", "value"), [("less", 900), ("less", 3), ("equal", 5000)])
def test_columns_are_computed_for_the_result_rows(
    partition: int | None, threads: int, kernel: str, value: int
) -> None:
    plan = project_of({"d": doubled()}, filter_of(keep("x", kernel, value)))
    result = run(plan, MemorySource(COLUMNS, partition), ["d"], threads=threads)
    rows = result.selection.indices
    assert rows.tolist() == np.flatnonzero(value > VALUES if kernel == "less" else value == VALUES).tolist()
    assert result.columns["d"].values.tolist() == (2 * VALUES[rows]).tolist()


def test_positions_and_computed_columns_follow_a_filter() -> None:
    number = Code(COLUMNS)
    number.add("add", number.add("row_number", type="int64"), number.column("x"), type="int64")
    inner = project_of({"n": number}, filter_of(keep("x", "less", 700)))
    again = Code(COLUMNS)
    again.add("subtract", again.add("computed", type="int64", id="n"), again.column("x"), type="int64")
    outer = node("project", 9, input=inner, columns=[{"id": "back", "program": again.program}])
    result = run(outer, MemorySource(COLUMNS, 1000), ["back"])
    assert result.columns["back"].values.tolist() == list(range(int((VALUES < 700).sum())))


def test_filters_and_sorts_over_computed_columns() -> None:
    projected = project_of({"d": doubled()})
    large = Code(COLUMNS)
    large.add("greater", large.add("computed", type="int64", id="d"), large.constant(1990, "int64"))
    ordered = node(
        "sort",
        1,
        input=filter_of(large, node=projected),
        keys=[{"program": computed("d").program, "descending": True}],
        fetch=None,
    )
    result = run(node("limit", 2, input=ordered, offset=3, count=10), MemorySource(COLUMNS, 3000), ["d"])
    rows = np.flatnonzero(2 * VALUES > 1990)
    expected = rows[np.argsort(-VALUES[rows], kind="stable")][3:13]
    assert result.selection.indices.tolist() == expected.tolist()
    assert result.columns["d"].values.tolist() == (2 * VALUES[expected]).tolist()


@pytest.mark.parametrize("fetch", [None, 0, 1, 50])
def test_sort_by_two_keys(fetch: int | None) -> None:
    keys = [{"program": plain("y"), "descending": True}, {"program": plain("x"), "descending": False}]
    result = run(node("sort", 1, input=scan(), keys=keys, fetch=fetch), MemorySource(COLUMNS, 999))
    expected = np.lexsort((np.arange(N), VALUES, -(np.arange(N) % 7)))
    assert result.selection.indices.tolist() == expected[:fetch].tolist()


def plain(name: str) -> dict[str, Any]:
    code = Code(COLUMNS)
    code.column(name)
    return code.program


@pytest.mark.parametrize(
    ("percent", "count"), [(None, 5), (12.5, None), (None, None), (0, None), (None, 0), (250, None)]
)
def test_limit(percent: float | None, count: int | None) -> None:
    plan = node("limit", 1, input=scan(), offset=7, count=count, percent=percent)
    rows = np.arange(N)[7:]
    if percent is not None:
        rows = rows[: int(N * percent / 100)]
    elif count is not None:
        rows = rows[:count]
    assert run(plan, MemorySource(COLUMNS)).selection.indices.tolist() == rows.tolist()


def test_fetch_over_a_sorted_relation() -> None:
    ordered = node("sort", 1, input=scan(), keys=[{"program": plain("x"), "descending": False}])
    plan = filter_of(keep("y", "equal", 3), node=ordered, fetch=5)
    order = np.argsort(VALUES, kind="stable")
    assert run(plan, MemorySource(COLUMNS)).selection.indices.tolist() == order[order % 7 == 3][:5].tolist()


def test_samples_draw_by_weight() -> None:
    weight = Code(COLUMNS)
    weight.add(
        "max_weight",
        weight.add("less", weight.column("y"), weight.constant(2, "int64")),
        type="float64",
        weights=[2.5],
    )
    plan = node(
        "sample",
        5,
        input=filter_of(keep("x", "less", 500)),
        weight=weight.program,
        replace=True,
        count=None,
        percent=None,
    )
    results = [
        run(plan, MemorySource(COLUMNS, size), seed=1, threads=threads)
        for size, threads in ((None, 1), (777, 2))
    ]
    rows = results[0].selection.indices
    assert len(rows) == (VALUES < 500).sum()
    assert ((rows % 7) < 2).all()
    assert (VALUES[rows] < 500).all()
    weights = results[0].selection.weights
    assert weights is not None
    assert set(weights.tolist()) == {2.5}
    assert rows.tolist() == results[1].selection.indices.tolist()
    without = run(
        {**plan, "replace": False, "percent": 10.0}, MemorySource(COLUMNS), seed=1
    ).selection.indices
    assert len(np.unique(without)) == len(without) == int((VALUES < 500).sum() * 0.1)


def test_sample_errors_name_row_and_place() -> None:
    columns = {"w": Column.dense(np.array([1.0, np.inf]))}
    code = Code(columns)
    code.add("negate", code.add("negate", code.column("w"), type="float64"), type="float64", span=[4, 5])
    plan = node("sample", 1, input=scan(), weight=code.program, replace=True, count=3, percent=None)
    with pytest.raises(EngineError) as raised:
        run(plan, MemorySource(columns))
    assert (raised.value.args[0], raised.value.args[2:5]) == ("value", (1, 4, 5))


def test_a_sample_of_more_rows_than_fit_into_memory_is_refused() -> None:
    weight = Code(COLUMNS)
    weight.constant(1.0, "float64")
    plan = node("sample", 1, input=scan(), weight=weight.program, replace=True, count=2**40, percent=None)
    with pytest.raises(EngineError, match="SAMPLE BY draws more rows than the 2147483648") as raised:
        run(plan, MemorySource(COLUMNS))
    assert raised.value.args[0] == "value"
    few = run({**plan, "replace": False}, MemorySource(COLUMNS))
    assert len(few.selection) == len(COLUMNS["x"])


@pytest.mark.parametrize("kind", ["union", "intersect", "except"])
@pytest.mark.parametrize("ordered", [False, True])
def test_set_operations(kind: str, ordered: bool) -> None:
    left = filter_of(keep("x", "less", 400))
    right = {**filter_of(keep("y", "equal", 1), node={"id": 1, "op": "scan"}), "id": 101}
    plan = node("set_op", 3, left=left, right=right, kind=kind, all=False, ordered=ordered)
    a, b = np.flatnonzero(VALUES < 400), np.flatnonzero(np.arange(N) % 7 == 1)
    function = {"union": np.union1d, "intersect": np.intersect1d, "except": np.setdiff1d}[kind]
    expected = function(a, b).tolist()
    if ordered and kind == "union":
        expected = a.tolist() + [row for row in b.tolist() if row not in set(a.tolist())]
    assert run(plan, MemorySource(COLUMNS, 5000)).selection.indices.tolist() == expected


def test_set_operations_keep_columns_of_both_sides() -> None:
    left = project_of({"d": doubled()}, filter_of(keep("x", "less", 100)))
    right = {**project_of({"d": doubled()}, {**filter_of(keep("x", "greater", 900)), "id": 101}), "id": 201}
    right["input"]["input"] = {"id": 1, "op": "scan"}
    plan = node("set_op", 3, left=left, right=right, kind="union", all=False, ordered=False)
    result = run(plan, MemorySource(COLUMNS), ["d"])
    assert result.columns["d"].values.tolist() == (2 * VALUES[result.selection.indices]).tolist()


def test_distinct_keeps_the_first_of_equal_rows() -> None:
    columns = {
        "f": Column.dense(np.array([0.0, -0.0, np.nan, np.nan, 1.0]), np.array([1, 1, 1, 1, 0], bool)),
        "t": text(["a", "a", "b", "b", None]),
        "r": ragged([[1, 2], [1, 2], [], [], [3]], "int32", 1),
    }
    programs = []
    for name in columns:
        code = Code(columns)
        code.column(name)
        programs.append(code.program)
    plan = node("distinct", 1, input=scan(), keys=programs)
    assert run(plan, MemorySource(columns)).selection.indices.tolist() == [0, 2, 4]


def test_an_empty_source() -> None:
    columns = {"x": Column.dense(np.zeros(0, np.int64)), "b": ragged([], "float32", 2)}
    projected = project_of({"d": doubled(columns)})
    result = run(projected, MemorySource(columns), ["d"])
    assert (len(result.selection), len(result.columns["d"]), result.columns["d"].element) == (0, 0, "int64")
    code = Code(columns)
    code.add("count", code.column("b"), type="int64")
    assert rows_of(run(project_of({"c": code}), MemorySource(columns), ["c"]).columns["c"]) == []


def test_statistics_count_rows_and_bytes() -> None:
    result = run(filter_of(keep("x", "less", 10)), MemorySource(COLUMNS, 10_000))
    scanned, filtered = result.statistics
    assert (scanned["id"], scanned["rows_out"], scanned["bytes_read"]) == (0, N, 0)
    assert (filtered["rows_in"], filtered["rows_out"]) == (N, len(result.selection))
    assert (filtered["bytes_read"], filtered["partitions_read"]) == (8 * N, 2)
    assert filtered["nanoseconds"] > 0


def test_a_plan_runs_many_times() -> None:
    plan = Plan(plan_of(filter_of(keep("x", "less", 10))))
    first = execute(plan, MemorySource(COLUMNS), threads=1).selection
    second = execute(plan, MemorySource(COLUMNS, 100), threads=2).selection
    assert first.indices.tolist() == second.indices.tolist()


def test_seeds_may_be_any_integer() -> None:
    code = Code(COLUMNS)
    code.add("random", type="int32")
    drawn = [
        tuple(run(project_of({"r": code}), MemorySource(COLUMNS), ["r"], seed=seed).columns["r"].values[:4])
        for seed in (0, -1, 2**64 - 1, 2**70 + 5)
    ]
    assert drawn[1] == drawn[2]
    assert len(set(drawn)) == 3


def test_negative_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads"):
        run(scan(), MemorySource(COLUMNS), threads=-1)
