"""Zone maps: what a filter need not read, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import FLAG, Code, MemorySource, filter_of, run
from tql._engine import Column, EngineError, Result, ZoneMaps, Zones

Leaf = tuple[str, Any]  # a comparison and its constant, "in" and a list, "is_null" or "truth" and None


class KeptSource(MemorySource):
    """A source that keeps zone maps; counts what is read."""

    def __init__(self, columns: dict[str, Column], partition: int | None = None) -> None:
        super().__init__(columns, partition)
        self.maps = ZoneMaps()

    def zones(self, column: str) -> Zones:
        return self.maps.of(column)


def leaf(code: Code, name: str, kernel: str, value: Any, element: str | None = None) -> int:
    """`name kernel value`, the column cast to `element` where it is another one."""
    column = code.column(name)
    own = code.columns[name].element
    element = element or own
    if kernel == "is_null":
        return code.add("is_null", column, type=FLAG)
    if kernel == "truth":
        return code.add("truth", column, type=FLAG)
    if element != own:
        column = code.add("cast", column, type=element)
    if kernel == "in":
        return code.add("in_set", column, type=FLAG, values=[written(v) for v in value])
    return code.add(kernel, column, code.constant(written(value), element), type=FLAG)


def written(value: Any) -> Any:
    """A number as plans write it."""
    if isinstance(value, float) and not np.isfinite(value):
        return "nan" if np.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def condition(columns: dict[str, Column], name: str, kernel: str, value: Any = None) -> Code:
    code = Code(columns)
    leaf(code, name, kernel, value)
    return code


def zones_of(result: Result) -> tuple[int, int, int]:
    """Blocks (read, skipped, accepted) of the filter."""
    zones = result.statistics[-1]["zones"]
    return zones["read"], zones["skipped"], zones["accepted"]


def ascending(rows: int = 1000) -> dict[str, Column]:
    return {"x": Column.dense(np.arange(rows)), "y": Column.dense(np.arange(rows, dtype=np.int32) % 10)}


@pytest.mark.parametrize(
    ("kernel", "value", "expected"),
    [
        ("equal", 250, (1, 9, 0)),
        ("not_equal", 250, (1, 0, 9)),
        ("less", 200, (0, 8, 2)),
        ("less", 201, (1, 7, 2)),
        ("less_equal", 199, (0, 8, 2)),
        ("greater", 899, (0, 9, 1)),
        ("greater_equal", 899, (1, 8, 1)),
        ("in", [-5, 250, 999, 5000], (2, 8, 0)),
        ("in", [], (0, 10, 0)),
        ("is_null", None, (0, 10, 0)),
        ("truth", None, (1, 0, 9)),
    ],
)
def test_the_second_query_reads_only_what_may_match(kernel: str, value: Any, expected: Any) -> None:
    columns = ascending()
    source = KeptSource(columns, 100)
    first = run(filter_of(condition(columns, "x", kernel, value)), source)
    run(filter_of(condition(columns, "x", "less", 0)), source)  # whatever was skipped is measured now
    source.reads.clear()
    second = run(filter_of(condition(columns, "x", kernel, value)), source)
    assert second.selection.indices.tolist() == first.selection.indices.tolist()
    assert zones_of(second) == expected
    assert len(source.reads) == expected[0]


def test_and_or_not_of_what_zones_decide() -> None:
    columns = ascending()
    source = KeptSource(columns, 100)
    run(filter_of(condition(columns, "x", "less", 0)), source)
    between = Code(columns)
    between.add("and", leaf(between, "x", "greater_equal", 300), leaf(between, "x", "less", 400), type=FLAG)
    assert zones_of(run(filter_of(between), source)) == (0, 9, 1)
    outside = Code(columns)
    outside.add("or", leaf(outside, "x", "less", 100), leaf(outside, "x", "greater", 950), type=FLAG)
    assert zones_of(run(filter_of(outside), source)) == (1, 8, 1)
    inverse = Code(columns)
    inverse.add("not", leaf(inverse, "x", "less", 950), type=FLAG)
    assert zones_of(run(filter_of(inverse), source)) == (1, 9, 0)


def test_an_unknown_side_of_an_and_leaves_the_other_side_its_say() -> None:
    columns = ascending()
    source = KeptSource(columns, 100)
    run(filter_of(condition(columns, "x", "less", 0)), source)
    source.reads.clear()
    code = Code(columns)
    odd = code.add("less", code.add("random", type="int32"), code.constant(1 << 30, "int32"), type=FLAG)
    code.add("and", leaf(code, "x", "less", 100), odd, type=FLAG)
    run(filter_of(code), source)
    assert [read[2:] for read in source.reads] == [(0, 100)]


def test_a_later_conjunct_keeps_the_columns_of_the_first_from_being_read() -> None:
    columns = ascending()
    source = KeptSource(columns, 100)
    run(filter_of(condition(columns, "x", "less", 0)), source)
    source.reads.clear()
    found = run(filter_of(condition(columns, "y", "equal", 3), condition(columns, "x", "less", 100)), source)
    assert found.selection.indices.tolist() == list(range(3, 100, 10))
    assert source.reads == [("y", "values", 0, 100)]


def test_a_condition_that_may_fail_is_asked_as_if_there_were_no_zones() -> None:
    columns = {"x": Column.dense(np.arange(10)), "zero": Column.dense(np.zeros(10, np.int64))}
    source = KeptSource(columns)
    run(filter_of(condition(columns, "x", "less", 0)), source)
    code = Code(columns)
    rest = code.add("modulo", code.column("x"), code.column("zero"), type="int64")
    code.add("equal", rest, code.constant(0, "int64"), type=FLAG)
    never = condition(columns, "x", "less", 0)
    with pytest.raises(EngineError, match="zero"):
        run(filter_of(code, never), source)
    assert len(run(filter_of(never, code), source).selection) == 0


def test_a_limit_passes_over_blocks_that_cannot_match() -> None:
    columns = ascending(100_000)
    source = KeptSource(columns, 10_000)
    run(filter_of(condition(columns, "x", "less", 0)), source)
    source.reads.clear()
    result = run(filter_of(condition(columns, "x", "greater", 85_000), fetch=3), source)
    assert result.selection.indices.tolist() == [85_001, 85_002, 85_003]
    assert zones_of(result)[1] >= 8
    assert all(start >= 80_000 for _, _, start, _ in source.reads)


def test_blocks_of_one_large_partition() -> None:
    columns = ascending(300_000)
    source = KeptSource(columns)
    first = run(filter_of(condition(columns, "x", "less", 70_000)), source)
    assert zones_of(first) == (5, 0, 0)
    assert source.maps.of("x").covers(0, 300_000)
    assert zones_of(run(filter_of(condition(columns, "x", "less", 70_000)), source)) == (1, 3, 1)


def test_integers_that_leave_gaps() -> None:
    values = np.where(np.arange(200_000) % 2 == 0, np.int16(-3), np.int16(40))
    columns = {"x": Column.dense(values)}
    source = KeptSource(columns)
    run(filter_of(condition(columns, "x", "equal", 0)), source)
    assert zones_of(run(filter_of(condition(columns, "x", "equal", 0)), source)) == (0, 4, 0)
    assert zones_of(run(filter_of(condition(columns, "x", "in", [-3, 7, 40])), source)) == (0, 0, 4)
    assert zones_of(run(filter_of(condition(columns, "x", "in", [5, 40])), source)) == (4, 0, 0)


def test_a_source_that_keeps_nothing_is_read_every_time() -> None:
    columns = ascending()
    source = MemorySource(columns, 100)
    for _ in range(2):
        source.reads.clear()
        result = run(filter_of(condition(columns, "x", "equal", 5)), source)
        assert "zones" not in result.statistics[-1]
        assert len(source.reads) == 10


# --- what a format says ------------------------------------------------------------------------------------


def declared(zones: Zones, bounds: Sequence[int], **said: Any) -> None:
    zones.declare(
        np.array(bounds), np.array(said["low"]), np.array(said["high"]), np.array(said["nulls"]),
        np.array(said["nan"]) if "nan" in said else None,
    )  # fmt: skip


def test_statistics_of_a_format_serve_the_first_query() -> None:
    columns = ascending()
    source = KeptSource(columns, 100)
    edges = list(range(0, 1001, 250))
    declared(source.maps.of("x"), edges, low=edges[:-1], high=[e - 1 for e in edges[1:]], nulls=[0] * 4)
    result = run(filter_of(condition(columns, "x", "less", 130)), source)
    assert result.selection.indices.tolist() == list(range(130))
    assert {read[2:] for read in source.reads} == {(0, 100), (100, 200), (200, 300)}


def test_statistics_count_from_the_row_of_the_view() -> None:
    zones = ZoneMaps().of("x")
    declared(zones.from_row(100), [0, 50], low=[0], high=[1], nulls=[0])
    assert zones.covers(100, 150) and not zones.covers(0, 50)
    assert zones.from_row(100).covers(0, 50) and zones.declared


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ([0, 5, 3], {"low": [0, 0], "high": [1, 1], "nulls": [0, 0]}),
        ([0, 5], {"low": [0, 0], "high": [1], "nulls": [0]}),
        ([0, 5], {"low": [0], "high": ["a"], "nulls": [0]}),
        ([0, 5], {"low": [0], "high": [1], "nulls": [6]}),
        ([0, 5], {"low": [0], "high": [1], "nulls": [0], "nan": [True, False]}),
    ],
)
def test_statistics_that_make_no_sense_are_refused(bounds: list[int], said: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        declared(ZoneMaps().of("x"), bounds, **said)


# --- the answer does not change ----------------------------------------------------------------------------

EDGES: dict[str, list[Any]] = {
    "bool": [False, True],
    **{
        str(of.dtype): [of.min, of.min + 1, 0, 1, 2, of.max - 1, of.max]
        for of in map(np.iinfo, ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"))
    },
    "float32": [-np.inf, -1.5, -0.0, 0.0, 0.1, 2.0**24, 3.4e38, np.inf, np.nan],
    "float64": [-np.inf, -1.5, -0.0, 0.0, 0.1, 2.0**53, 2.0**63, 2.0**64, 1.7e308, np.inf, np.nan],
}  # fmt: skip
WIDER = {
    "bool": ["int64", "float64"],
    "int8": ["int16", "int64", "float32", "float64"],
    "int16": ["int32", "int64", "float32", "float64"],
    "int32": ["int64", "float32", "float64"],
    "int64": ["float32", "float64"],
    "uint8": ["uint16", "int16", "int64", "float64"],
    "uint16": ["uint32", "int32", "int64", "float64"],
    "uint32": ["uint64", "int64", "float64"],
    "uint64": ["float32", "float64"],
    "float32": ["float64"],
    "float64": [],
}
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]


def values_of(element: str) -> st.SearchStrategy[Any]:
    edges = st.sampled_from([v.item() if isinstance(v, np.generic) else v for v in EDGES[element]])
    if element.startswith("float"):
        width = 32 if element == "float32" else 64
        return edges | st.integers(-3, 3).map(float) | st.floats(width=width)
    if element == "bool":
        return edges
    limits = np.iinfo(element)
    small = st.integers(max(0, int(limits.min)), 5)
    return edges.map(int) | small | st.integers(int(limits.min), int(limits.max))


@st.composite
def leaves(draw: st.DrawFn, element: str) -> tuple[str, Any, str]:
    kernel = draw(st.sampled_from([*COMPARISONS, "in", "is_null", "truth"]))
    compared = draw(st.sampled_from([element, *WIDER[element]]))
    if kernel in ("is_null", "truth"):
        return kernel, None, element
    value = values_of(compared)
    return kernel, draw(st.lists(value, max_size=4) if kernel == "in" else value), compared


@st.composite
def trees(draw: st.DrawFn, element: str, depth: int = 2) -> Any:
    kind = draw(st.sampled_from(["leaf", "and", "or", "not"] if depth else ["leaf"]))
    if kind == "leaf":
        return draw(leaves(element))
    return (kind, *[draw(trees(element, depth - 1)) for _ in range(1 if kind == "not" else 2)])


def build(code: Code, tree: Any) -> int:
    if tree[0] in ("and", "or", "not"):
        return code.add(tree[0], *[build(code, side) for side in tree[1:]], type=FLAG)
    kernel, value, element = tree
    return leaf(code, "x", kernel, value, element)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Column, Any, Any]:
    element = draw(st.sampled_from(sorted(EDGES)))
    # Few values per case, so that whole partitions are alike.
    pool = draw(st.lists(values_of(element), min_size=1, max_size=4))
    runs = draw(st.lists(st.tuples(st.sampled_from(pool), st.integers(1, 6)), min_size=1, max_size=12))
    values = np.array([value for value, count in runs for _ in range(count)], dtype=element)
    validity = None
    if draw(st.booleans()):
        missing = draw(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=8))
        flags = np.array([flag for flag, count in missing for _ in range(count)])
        validity = np.resize(flags, len(values))
    return Column.dense(values, validity), draw(trees(element)), draw(trees(element))


@settings(max_examples=400, deadline=None)
@given(case=cases(), partition=st.integers(1, 8), fetch=st.none() | st.integers(1, 5))
def test_answers_are_those_without_zones(case: Any, partition: int, fetch: int | None) -> None:
    column, before, tree = case
    columns = {"x": column}
    wanted = Code(columns)
    build(wanted, tree)
    first = Code(columns)
    build(first, before)
    plain = run(filter_of(wanted, fetch=fetch), MemorySource(columns, partition)).selection.indices.tolist()
    source = KeptSource(columns, partition)
    run(filter_of(first), source)
    for _ in range(2):
        assert run(filter_of(wanted, fetch=fetch), source).selection.indices.tolist() == plain


def test_blocks_that_are_all_alike_are_not_all_measured() -> None:
    rows = 1 << 21
    columns = {"x": Column.dense(np.random.default_rng(1).random(rows))}
    source = KeptSource(columns)
    result = run(filter_of(condition(columns, "x", "less", 0.5)), source, threads=1)
    known = [source.maps.of("x").covers(row, row + (1 << 16)) for row in range(0, rows, 1 << 16)]
    assert all(known[:8]) and sum(known) == 8 + 3
    again = run(filter_of(condition(columns, "x", "less", 0.5)), source)
    assert again.selection.indices.tolist() == result.selection.indices.tolist()


@pytest.mark.parametrize("element", ["int8", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("gap", [3, 31, 33, 63])
def test_which_integers_occur(element: str, gap: int) -> None:
    low = 5 if element.startswith("u") else -100
    values = np.where(np.arange(70_000) == 69_999, low + gap, low).astype(element)
    validity = np.arange(70_000) % 3 != 1
    for valid in (None, validity):
        columns = {"x": Column.dense(values, valid)}
        source = KeptSource(columns, 70_000)
        run(filter_of(condition(columns, "x", "equal", low)), source)
        for value in range(low, low + gap + 1):
            # Of the two blocks the second has both values and no other between them.
            skipped = zones_of(run(filter_of(condition(columns, "x", "equal", value)), source))[1]
            assert skipped == {low: 0, low + gap: 1 if valid is None or valid[69_999] else 2}.get(value, 2)
