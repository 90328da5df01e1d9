"""Q11 and G1 to G5: hash aggregation, by few keys and many, of one column and two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import tql
from query.filters import scalars
from query.line import THREADS, Contender, Faster, Line, equal
from query.peers import Peers
from query.ragged import arrow_text, texts_of
from tql.loader.arrays import TextRows
from tql.loader.dataset import Dataset
from tql.loader.sources.numpy import MemoryColumn, NumpySource, convert
from tql.types import Type


def count_per_label(rows: int) -> Iterator[Line]:
    labels = scalars(rows)["labels"]
    dataset, peers = tql.from_numpy({"labels": labels}), Peers({"labels": labels})
    query = "select labels[0] as label, count(*) as n group by labels order by labels"

    def by_polars(pl, frame):
        return frame.lazy().group_by("labels").agg(pl.len()).sort("labels").select("len").collect()

    sql = "select count(*) as n from t group by labels order by labels"
    yield Line(
        "count per label",
        Contender(lambda: dataset.query(query, threads=THREADS)["n"]),
        equal(np.bincount(labels)),
        (Faster(3, ("torch",)), Faster(10, ("duckdb",))),
        {
            "numpy": peers.numpy(lambda: np.bincount(labels)),
            "polars": peers.polars(by_polars),
            "datafusion": peers.datafusion(sql),
            "duckdb": peers.duckdb(sql),
            "torch": peers.torch(lambda torch, columns: torch.bincount(columns["labels"])),
        },
        labels.nbytes,
    )


def dataset_of(columns: Mapping[str, Any]) -> Dataset:
    """A dataset of NumPy arrays, and of texts that are already laid out."""
    made = {
        name: MemoryColumn(values, Type("text"))
        if isinstance(values, TextRows)
        else MemoryColumn(*convert(name, values))
        for name, values in columns.items()
    }
    return Dataset(NumpySource(made))


def _by_key(answer: Mapping[str, Any], keys: int) -> np.ndarray:
    """Count, sum and average of each group in the order of the keys: nobody promises one."""
    columns = [np.ma.getdata(np.asarray(column)) for column in answer.values()]
    order = np.lexsort(columns[:keys][::-1])
    return np.stack([column[order].astype(np.float64) for column in columns[keys:]])


def _expected(codes: np.ndarray, amount: np.ndarray, score: np.ndarray) -> np.ndarray:
    counts = np.bincount(codes)
    found = counts > 0
    total, mean = np.bincount(codes, amount), np.bincount(codes, score) / np.maximum(counts, 1)
    return np.stack([counts[found], total[found], mean[found]])


def _close(expected: np.ndarray) -> Callable[[Any], None]:
    """Sums of floats are rounded in an order of one's own."""

    def check(answer: Any) -> None:
        assert answer.shape == expected.shape
        np.testing.assert_array_equal(answer[:2], expected[:2])
        np.testing.assert_allclose(answer[2], expected[2], rtol=1e-9)

    return check


def _grouped(workload: str, keys: Mapping[str, Any], codes: np.ndarray, arrow: Mapping[str, Any]) -> Line:
    """Count, sum and average per combination of keys; `codes` are numbers in the order of the keys."""
    random = np.random.default_rng(9)
    rows = len(codes)
    values = {
        "amount": random.integers(0, 1000, rows, dtype=np.int64),
        "score": random.random(rows, dtype=np.float32),
    }
    dataset, peers = dataset_of({**keys, **values}), Peers({**arrow, **values})
    names = ", ".join(keys)
    firsts = ", ".join(f"{key}[0] as {key}" for key in keys)
    query = f"select {firsts}, count(*) as n, sum(amount) as total, avg(score) as mean group by {names}"
    aggregates = "count(*) as n, sum(amount) as total, avg(score::double) as mean"
    sql = f"select {names}, {aggregates} from t group by {names}"
    answer_names = [*keys, "n", "total", "mean"]

    def ours() -> dict[str, Any]:
        view = dataset.query(query, threads=THREADS)
        return {name: view[name] for name in answer_names}

    def by_polars(pl, frame):
        mean = pl.col("score").cast(pl.Float64).mean()
        return frame.lazy().group_by(*keys).agg(pl.len(), pl.col("amount").sum(), mean).collect()

    def in_order(
        contender: Contender | None, columns: Callable[[Any], Mapping[str, Any]]
    ) -> Contender | None:
        return contender and replace(contender, values=lambda answer: _by_key(columns(answer), len(keys)))

    return Line(
        f"count, sum and average of {rows:,} rows by {workload}",
        Contender(ours, lambda answer: _by_key(answer, len(keys))),
        _close(_expected(codes, values["amount"], values["score"])),
        (Faster(1, ("polars", "duckdb")),),
        {
            "polars": in_order(
                peers.polars(by_polars), lambda frame: {c.name: c.to_numpy() for c in frame.get_columns()}
            ),
            "duckdb": in_order(peers.duckdb(sql), dict),
        },
    )


def thousand_keys(rows: int) -> Iterator[Line]:
    key = np.random.default_rng(10).integers(0, 1000, max(1, rows // 2))
    yield _grouped("1,000 integers", {"key": key}, key, {"key": key})


def many_keys(rows: int) -> Iterator[Line]:
    count = max(1, rows // 2)
    key = np.random.default_rng(11).integers(0, max(1, count // 10), count)
    far = key * 1_000_003
    yield _grouped("an integer with ten rows each", {"key": far}, key, {"key": far})


def two_keys(rows: int) -> Iterator[Line]:
    first, second = np.random.default_rng(12).integers(0, 100, (2, max(1, rows // 2)))
    keys = {"first": first.astype(np.int32), "second": second.astype(np.int16)}
    yield _grouped("two integers, 10,000 combinations", keys, first * 100 + second, keys)


def text_keys(rows: int) -> Iterator[Line]:
    key = np.random.default_rng(13).integers(0, 1000, max(1, rows // 2))
    texts = texts_of(np.array([f"category {i:04d} of things" for i in range(1000)], dtype="S")[key])
    yield _grouped("1,000 texts", {"key": texts}, key, {"key": lambda: arrow_text(texts)})


def almost_unique_keys(rows: int) -> Iterator[Line]:
    count = max(1, rows // 2)
    random = np.random.default_rng(14)
    keys = {
        "first": random.integers(0, 1000, count),
        "second": random.integers(0, max(1, count // 10), count),
    }
    codes = np.unique(keys["first"] * count + keys["second"], return_inverse=True)[1]
    yield _grouped("two integers, almost all different", keys, codes, keys)
