"""J1 to J3: equality joins of two tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tql
from query.line import THREADS, Contender, Faster, Line
from query.peers import module


def _by_polars(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> Contender | None:
    polars = module("polars")
    if polars is None:
        return None
    frames = [polars.DataFrame(side) for side in (left, right)]

    def run() -> Any:
        return frames[0].lazy().join(frames[1].lazy(), on="key").select("amount", "score").collect()

    return Contender(run, lambda frame: [column.to_numpy() for column in frame.get_columns()])


def _by_duckdb(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> Contender | None:
    duckdb, arrow = module("duckdb"), module("pyarrow")
    if duckdb is None or arrow is None:
        return None
    connection = duckdb.connect()
    connection.execute(f"set threads = {THREADS}")
    for name, side in (("l", left), ("r", right)):
        connection.register("arrow_table", arrow.table(side))
        connection.execute(f"create table {name} as select * from arrow_table")
    sql = "select amount, score from l join r on l.key = r.key"
    return Contender(lambda: connection.execute(sql).fetchnumpy(), lambda answer: list(answer.values()))


def _same_pairs(amount: np.ndarray, score: np.ndarray) -> Callable[[Any], None]:
    """Only we promise an order."""

    def check(answer: Any) -> None:
        columns = [np.ma.getdata(np.asarray(column)) for column in answer]
        order = np.lexsort(columns)
        expected = np.lexsort((amount, score))
        np.testing.assert_array_equal(columns[0][order], amount[expected])
        np.testing.assert_array_equal(columns[1][order], score[expected])

    return check


def _joined(workload: str, left_keys: np.ndarray, right_keys: np.ndarray) -> Line:
    """Both columns of all pairs; the right keys are unique."""
    random = np.random.default_rng(15)
    left = {"key": left_keys, "amount": random.integers(0, 1 << 30, len(left_keys), dtype=np.int32)}
    right = {"key": right_keys, "score": random.random(len(right_keys), dtype=np.float32)}
    sources = {"l": tql.from_numpy(left), "r": tql.from_numpy(right)}
    query = "select l.amount as amount, r.score as score from l as l join r as r on l.key == r.key"

    def ours() -> list[Any]:
        view = tql.query(query, sources=sources, threads=THREADS)
        return [view["amount"], view["score"]]

    order = np.argsort(right_keys)
    place = np.minimum(np.searchsorted(right_keys[order], left_keys), len(right_keys) - 1)
    paired = right_keys[order][place] == left_keys
    return Line(
        workload,
        Contender(ours, list),
        _same_pairs(left["amount"][paired], right["score"][order][place][paired]),
        (Faster(1, ("polars", "duckdb")),),
        {"polars": _by_polars(left, right), "duckdb": _by_duckdb(left, right)},
    )


def large_sides(rows: int) -> Iterator[Line]:
    count = max(2, rows // 2)
    random = np.random.default_rng(16)
    yield _joined(
        f"join of {count:,} rows with as many, keys close together",
        random.integers(0, count, count),
        random.permutation(count),
    )


def far_keys(rows: int) -> Iterator[Line]:
    count = max(2, rows // 2)
    random = np.random.default_rng(17)
    yield _joined(
        f"join of {count:,} rows with as many, keys far apart, half of them without partner",
        random.integers(0, 2 * count, count) * 1_000_003,
        random.permutation(count) * 1_000_003,
    )


def small_side(rows: int) -> Iterator[Line]:
    count = max(2, rows // 2)
    random = np.random.default_rng(18)
    yield _joined(
        f"join of {count:,} rows with 1,000",
        random.integers(0, 1000, count) * 7,
        random.permutation(1000) * 7,
    )
