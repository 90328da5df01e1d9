"""Filter, limit and sort over plans built by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, filter_of, ragged, rows_where, run, scan
from engine.simd_levels import COMPARE
from tql._engine import Column, EngineError, Result


def compare(columns: dict[str, Column], name: str, kernel: str, value: object, element: str) -> Code:
    code = Code(columns)
    left = code.column(name)
    if columns[name].element != element:
        left = code.add("cast", left, type=element)
    code.add(kernel, left, code.constant(value, element))
    return code


@pytest.mark.parametrize("kernel", COMPARE)
@pytest.mark.parametrize("partition", [None, 1, 7, 64, 100])
def test_comparison_with_a_constant_agrees_with_numpy(kernel: str, partition: int | None) -> None:
    values = np.random.default_rng(1).integers(0, 5, 333).astype(np.int32)
    code = compare({"x": Column.dense(values)}, "x", kernel, 2, "int32")
    assert rows_where(code, partition) == np.flatnonzero(COMPARE[kernel](values, 2)).tolist()


def test_conjuncts_read_only_partitions_with_survivors() -> None:
    columns = {
        "x": Column.dense(np.repeat(np.arange(4, dtype=np.int64), 100)),
        "y": Column.dense(np.tile(np.arange(100, dtype=np.int64), 4)),
    }
    source = MemorySource(columns, 100)
    first = compare(columns, "x", "equal", 2, "int64")
    second = compare(columns, "y", "less", 3, "int64")
    result = run(filter_of(first, second), source)
    assert result.selection.indices.tolist() == [200, 201, 202]
    assert [read for read in source.reads if read[0] == "y"] == [("y", "values", 200, 300)]


def test_few_survivors_of_a_costly_column_are_taken_alone() -> None:
    columns = {
        "x": Column.dense(np.arange(1000)),
        "image": ragged([[[row % 7, 1]] for row in range(1000)], "uint8", 2),
    }
    source = MemorySource(columns)
    first = compare(columns, "x", "less", 10, "int64")
    second = Code(columns)
    second.add("is_null", second.column("image"))
    result = run(filter_of(first, second), source)
    assert len(result.selection) == 0
    assert source.takes == [("image", "values", 10)]


def test_fetch_stops_early() -> None:
    columns = {"x": Column.dense(np.arange(100_000))}
    source = MemorySource(columns, 1000)
    result = run(filter_of(compare(columns, "x", "greater_equal", 1500, "int64"), fetch=3), source)
    assert result.selection.indices.tolist() == [1500, 1501, 1502]
    assert len(source.reads) == 2


def test_sort_limit_and_filter_over_any_order() -> None:
    values = np.array([3.0, np.nan, 1.0, 2.0, 1.0])
    columns = {"x": Column.dense(values)}
    key = Code(columns)
    key.column("x")
    ordered = {"id": 1, "op": "sort", "input": scan(), "keys": [{"program": key.program, "descending": True}]}
    assert run(ordered, MemorySource(columns)).selection.indices.tolist() == [0, 3, 2, 4, 1]
    limited = {"id": 2, "op": "limit", "input": ordered, "offset": 1, "count": 3}
    kept = filter_of(compare(columns, "x", "less", 2.0, "float64"), node=limited)
    assert run(kept, MemorySource(columns)).selection.indices.tolist() == [2, 4]


def test_an_exception_of_the_source_passes_unchanged() -> None:
    columns = {"x": Column.dense(np.arange(10))}

    class Broken(MemorySource):
        def read(self, column: str, facet: str, start: int, stop: int) -> Column:
            raise OSError("disk on fire")

    code = compare(columns, "x", "less", 5, "int64")
    with pytest.raises(OSError, match="disk on fire"):
        run(filter_of(code), Broken(columns))
    assert rows_where(code) == [0, 1, 2, 3, 4]


def test_a_source_that_lies_is_our_mistake() -> None:
    columns = {"x": Column.dense(np.arange(10))}
    code = compare(columns, "x", "less", 5, "int64")
    with pytest.raises(EngineError) as raised:
        run(filter_of(code), MemorySource({"x": Column.dense(np.arange(10, dtype=np.int8))}))
    assert raised.value.args[:2] == ("internal", "the source gave column 'x' as int8, the plan says int64")


def places(result: Result) -> list[int]:
    return [conjunct["place"] for conjunct in result.statistics[-1]["conjuncts"]]


def test_conjuncts_that_drop_nothing_change_places_while_running() -> None:
    rows = 1 << 20
    columns = {"x": Column.dense(np.arange(rows)), "y": Column.dense(np.arange(rows) % 1000)}
    source = InMemory(columns)
    idle = compare(columns, "x", "greater_equal", 0, "int64")
    strict = compare(columns, "y", "equal", 7, "int64")
    result = run(filter_of(idle, strict), source)
    assert result.selection.indices.tolist() == list(range(7, rows, 1000))
    assert places(result) == [1, 0]
    measured = result.statistics[-1]["conjuncts"]
    assert measured[0]["rows_out"] == measured[0]["rows_in"]
    assert measured[1]["rows_out"] == len(result.selection)


def test_a_condition_that_may_fail_keeps_its_guards() -> None:
    rows = 1 << 20
    columns = {
        "x": Column.dense(np.arange(rows)),
        "y": Column.dense(np.arange(rows) % 1000),
        "z": Column.dense(np.arange(rows) % 2),
    }
    guard = compare(columns, "z", "not_equal", 0, "int64")
    failing = Code(columns)
    rest = failing.add("modulo", failing.column("x"), failing.column("z"), type="int64")
    failing.add("equal", rest, failing.constant(0, "int64"))
    strict = compare(columns, "y", "equal", 7, "int64")
    result = run(filter_of(guard, failing, strict), InMemory(columns))
    assert result.selection.indices.tolist() == list(range(7, rows, 1000))
    assert places(result) == [0, 1, 2]
    with pytest.raises(EngineError, match="zero"):
        run(filter_of(failing, strict), InMemory(columns))


class InMemory(MemorySource):
    in_memory = True


def test_fused_conjuncts_count_their_rows() -> None:
    columns = {"x": Column.dense(np.arange(1000))}
    parts = [compare(columns, "x", "less", 500, "int64"), compare(columns, "x", "greater", 397, "int64")]
    result = run(filter_of(*parts), MemorySource(columns, 100))
    counted = [(c["rows_in"], c["rows_out"]) for c in result.statistics[-1]["conjuncts"]]
    assert counted == [(1000, 500), (500, 102)]
