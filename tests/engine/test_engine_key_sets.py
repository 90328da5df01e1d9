"""Keys of every kind and spread, few and many: groups, distinct rows and joins against NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.engine_plans import MemorySource, nested, ragged, rows_of, run, text, text_list
from engine.made_plans import join_of, key_of, run_made, scan_of, source_of
from engine.test_engine_aggregates import aggregate, aggregated
from tql._engine import Column

RNG = np.random.default_rng(17)
ROWS = 150_000  # more than one table's worth of right rows


def skewed(distinct: int) -> np.ndarray:
    """One value in nine rows of ten."""
    return np.where(RNG.random(ROWS) < 0.9, distinct // 2, RNG.integers(0, distinct, ROWS))


def words(numbers: np.ndarray, form: str) -> Column:
    return text([form.format(number) for number in numbers.tolist()])


def floats(numbers: np.ndarray) -> np.ndarray:
    """Both zeros, and NaN of two kinds."""
    made = numbers.astype(np.float64)
    made[numbers == 0] = np.where(RNG.random(int((numbers == 0).sum())) < 0.5, 0.0, -0.0)
    made[numbers == 1] = math.nan
    made[(numbers == 1) & (RNG.random(len(numbers)) < 0.5)] = -math.nan
    return made


def with_null(numbers: np.ndarray, values: Callable[[np.ndarray], np.ndarray]) -> Column:
    """NULL for number 2."""
    return Column.dense(values(numbers), numbers != 2)


# Numbers to columns in which equal numbers, and they alone, are equal values.
KINDS: dict[str, Callable[[np.ndarray], Column]] = {
    "int64": Column.dense,
    "int32": lambda n: Column.dense((n - 5).astype(np.int32)),
    "uint64 beyond int64": lambda n: Column.dense(n.astype(np.uint64) + np.uint64(2**63 - 100)),
    "int64 of all values": lambda n: Column.dense(np.where(n == 0, -(2**63), np.where(n == 3, 2**63 - 1, n))),
    "far apart": lambda n: Column.dense(n * (1 << 40)),
    "nullable": lambda n: with_null(n, lambda m: m.astype(np.int32)),
    "nullable int64 of all values": lambda n: with_null(
        n, lambda m: np.where(m == 0, -(2**63), np.where(m == 3, 2**63 - 1, m))
    ),
    "float64": lambda n: Column.dense(floats(n)),
    "float32": lambda n: Column.dense(floats(n).astype(np.float32)),
    "nullable float64": lambda n: with_null(n, floats),
    "short text": lambda n: words(n, "{:x}"),
    "text": lambda n: words(n, "word {:09d}"),
    "nullable text": lambda n: text([None if x == 2 else f"{x:012d}" for x in n.tolist()]),
}
NUMBERS = {
    "few": RNG.integers(0, 50, ROWS),
    "many": RNG.integers(0, 40_000, ROWS),
    "all different": RNG.permutation(ROWS),
    "all equal": np.full(ROWS, 4),
    "skewed": skewed(60_000),
}


def first_rows(numbers: np.ndarray) -> np.ndarray:
    """Of each value, in order of first appearance."""
    return np.sort(np.unique(numbers, return_index=True)[1])


def group_numbers(numbers: np.ndarray) -> np.ndarray:
    """Per row the place of its value among the first rows."""
    _, firsts, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[inverse]


@pytest.mark.parametrize("spread", NUMBERS)
@pytest.mark.parametrize("kind", KINDS)
def test_groups_by_one_key(kind: str, spread: str) -> None:
    numbers = NUMBERS[spread]
    values = RNG.integers(-1000, 1000, ROWS)
    columns = {"k": KINDS[kind](numbers), "row": Column.dense(np.arange(ROWS)), "x": Column.dense(values)}
    node = aggregated(columns, ["row"], aggregate(columns, "sum", "x"), aggregate(columns, "amax", "x"))
    node["keys"] = [key_of(columns, "k")]
    groups, firsts = group_numbers(numbers), first_rows(numbers)
    largest = np.full(len(firsts), -1000)
    np.maximum.at(largest, groups, values)
    for threads in (1, 3):
        source = source_of(run_made(node, MemorySource(columns, 40_000), threads=threads))
        assert source.num_rows == len(firsts)

        def read(name: str, source: Any = source) -> np.ndarray:
            return source.read(name, "values", 0, source.num_rows).values

        assert np.array_equal(read("row[0]"), firsts)
        assert np.array_equal(read("n"), np.bincount(groups))
        assert np.array_equal(read("sum(x)"), np.bincount(groups, values).astype(np.int64))
        assert np.array_equal(read("amax(x)"), largest)


@pytest.mark.parametrize("spread", ["few", "many", "skewed"])
def test_rows_of_groups_are_listed_in_order(spread: str) -> None:
    numbers = NUMBERS[spread]
    columns = {"k": KINDS["text"](numbers), "i": Column.dense(np.arange(ROWS))}
    node = aggregated(columns, ["k"])
    node["columns"] = [
        {"id": "i", "type": {"element": "int64", "shape": [None]}, "from": "source", "column": "i"}
    ]
    for threads in (1, 3):
        source = source_of(run_made(node, MemorySource(columns), threads=threads))
        read = source.read("i", "values", 0, source.num_rows)
        groups = group_numbers(numbers)
        assert np.array_equal(read.values, np.argsort(groups, kind="stable"))
        assert np.array_equal(read.shapes[:, 0], np.bincount(groups))


PAIRS = [
    ("int32", "short text"),
    ("far apart", "far apart"),
    ("text", "nullable"),
    ("float64", "int32"),
    ("nullable int64 of all values", "int64 of all values"),
]


@pytest.mark.parametrize(("left", "right"), PAIRS)
@pytest.mark.parametrize("distinct", [10, 250])
def test_groups_by_two_keys(left: str, right: str, distinct: int) -> None:
    numbers = RNG.integers(0, distinct, (2, ROWS))
    columns = {
        "a": KINDS[left](numbers[0]),
        "b": KINDS[right](numbers[1]),
        "row": Column.dense(np.arange(ROWS)),
    }
    node = aggregated(columns, ["row"])
    node["keys"] = [key_of(columns, "a"), key_of(columns, "b")]
    both = numbers[0] * distinct + numbers[1]
    for threads in (1, 3):
        source = source_of(run_made(node, MemorySource(columns), threads=threads))
        assert np.array_equal(source.read("row[0]", "values", 0, source.num_rows).values, first_rows(both))
        assert np.array_equal(
            source.read("n", "values", 0, source.num_rows).values, np.bincount(group_numbers(both))
        )


def distinct_rows(columns: dict[str, Column], threads: int) -> np.ndarray:
    keys = [key_of(columns, name) for name in columns]
    root = {"id": 1, "op": "distinct", "input": scan_of(), "keys": keys}
    return run(root, MemorySource(columns), threads=threads).selection.indices


LISTS: list[Any] = [[], [1], [1, 2], [2, 1], [0, 0], [0], [0, 0, 0], None]
ARRAYS = {
    "int8": lambda n: ragged([LISTS[i % 7] for i in n], "int8", 1),
    "float32": lambda n: ragged(
        [[math.nan, -0.0][: i % 3] if i % 2 else [math.nan, 0.0][: i % 3] for i in n], "float32", 1
    ),
    "texts": lambda n: text_list([[], ["", ""], [""], ["a", "b"], ["ab"], ["ab", ""]][i % 6] for i in n),
    "dense": lambda n: Column.dense(np.array([[i % 4, i % 3] for i in n], np.int16)),
    "nested": lambda n: nested(text(["a", None, "b", "", "a"] * len(n)), [i % 3 for i in n]),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("threads", [1, 3])
def test_distinct_arrays(kind: str, threads: int) -> None:
    columns = {"x": ARRAYS[kind](range(5000))}
    seen: dict[str, int] = {}
    for row, value in enumerate(rows_of(columns["x"])):
        seen.setdefault(repr(value).replace("-0.0", "0.0"), row)
    assert distinct_rows(columns, threads).tolist() == list(seen.values())


def test_matrices_of_equal_elements_and_other_shapes_differ() -> None:
    shapes = [(2, 3), (3, 2), (1, 6), (2, 3), (6, 1)]
    column = ragged([np.zeros(shape, np.int32).tolist() for shape in shapes], "int32", 2)
    assert distinct_rows({"x": column}, 2).tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize("kind", ["int64", "nullable", "text"])
def test_distinct_of_many_rows(kind: str) -> None:
    numbers = NUMBERS["many"]
    columns = {"k": KINDS[kind](numbers), "b": Column.dense(numbers % 2 == 0)}
    for threads in (1, 3):
        assert np.array_equal(distinct_rows(columns, threads), first_rows(numbers))


def pairs_of(left: np.ndarray, right: np.ndarray, never: set[int]) -> tuple[np.ndarray, np.ndarray]:
    """Left rows in order, their partners in order; values in `never` match nothing."""
    order = np.argsort(right, kind="stable")
    begin = np.searchsorted(right[order], left, "left")
    counts = np.searchsorted(right[order], left, "right") - begin
    counts[np.isin(left, list(never))] = 0
    rows = np.repeat(np.arange(len(left)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[begin[rows] + within]


NEVER = {
    "nullable": {2},
    "nullable int64 of all values": {2},
    "float64": {1},
    "float32": {1},
    "nullable float64": {1, 2},
    "nullable text": {2},
}
SIDES = {
    "unique right": (NUMBERS["many"], NUMBERS["all different"]),
    "few on the right": (NUMBERS["many"], RNG.integers(0, 60_000, 500)),
    "repeats": (RNG.integers(0, 90_000, 50_000), RNG.integers(0, 50_000, ROWS)),
    "one left key": (np.where(RNG.random(ROWS) < 0.9, 7, NUMBERS["all different"]), NUMBERS["all different"]),
    "one right key": (RNG.permutation(200_000)[:50_000], np.where(RNG.random(ROWS) < 0.9, 3, skewed(70_000))),
    "no right rows": (NUMBERS["few"], np.zeros(0, np.int64)),
    "no left rows": (np.zeros(0, np.int64), NUMBERS["all different"]),
}


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("kind", KINDS)
def test_joins(kind: str, sides: str) -> None:
    left, right = SIDES[sides]
    columns = [{"k": KINDS[kind](side), "row": Column.dense(np.arange(len(side)))} for side in (left, right)]
    expected = pairs_of(left, right, NEVER.get(kind, set()))
    sources = {"l": MemorySource(columns[0], 70_000), "r": MemorySource(columns[1])}
    for threads in (1, 3):
        source = source_of(run_made(join_of(*columns), sources=sources, threads=threads))
        assert source.num_rows == len(expected[0])
        for name, rows in zip(("l.row", "r.row"), expected, strict=True):
            assert np.array_equal(source.read(name, "values", 0, source.num_rows).values, rows)


@pytest.mark.parametrize("threads", [1, 3])
def test_outer_joins_of_many_rows(threads: int) -> None:
    left, right = RNG.integers(0, 200_000, 100_000), RNG.integers(0, 100_000, ROWS)
    columns = [{"k": Column.dense(side), "row": Column.dense(np.arange(len(side)))} for side in (left, right)]
    sources = {"l": MemorySource(columns[0]), "r": MemorySource(columns[1])}
    source = source_of(run_made(join_of(*columns, "full"), sources=sources, threads=threads))
    rows, partners = pairs_of(left, right, set())
    alone = np.setdiff1d(np.arange(len(left)), rows)
    merged = np.concatenate([rows, alone]), np.concatenate([partners, np.full(len(alone), -1)])
    order = np.argsort(merged[0], kind="stable")
    rest = np.setdiff1d(np.arange(len(right)), partners)
    expected = [
        np.concatenate([merged[0][order], np.full(len(rest), -1)]),
        np.concatenate([merged[1][order], rest]),
    ]
    for name, wanted in zip(("l.row", "r.row"), expected, strict=True):
        found = source.read(name, "values", 0, source.num_rows)
        assert np.array_equal(np.where(wanted < 0, 0, wanted), found.values)
        assert np.array_equal(found.validity, wanted >= 0)
