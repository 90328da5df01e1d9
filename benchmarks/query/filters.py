"""Q1, Q2, Q3, Q7: which rows satisfy a condition on scalars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tql
from query.line import THREADS, Contender, Faster, Line, NearLimit, Within, equal, equal_rows
from query.peers import Peers


def rows_of(dataset: tql.View, text: str) -> Contender:
    """Our rows of a query as int64 row numbers."""
    return Contender(lambda: dataset.query(text, threads=THREADS).indices)


def scalars(rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, rows, dtype=np.int32)
    score = random.random(rows, dtype=np.float32)
    score[score == np.float32(0.9)] = 0.5  # the one number of which float32 and float64 differ on `>= 0.9`
    return {"labels": labels, "score": score}


def not_equal(rows: int) -> Iterator[Line]:
    labels = scalars(rows)["labels"]
    dataset, peers = tql.from_numpy({"labels": labels}), Peers({"labels": labels})
    query = "select * where labels != 5"
    expected = np.flatnonzero(labels != 5)
    yield Line(
        "labels != 5 as int64 row ids",
        rows_of(dataset, query),
        equal_rows(expected),
        (Faster(3),),
        {
            "numpy": peers.numpy(lambda: np.flatnonzero(labels != 5)),
            "numexpr": peers.numexpr("labels != 5"),
            "polars": peers.polars(lambda pl, frame: frame["labels"].ne(5).arg_true()),
            "datafusion": peers.datafusion("select id from t where labels <> 5"),
            "duckdb": peers.duckdb("select rowid from t where labels <> 5"),
            "deeplake": peers.deeplake("labels != 5", expected),
        },
        labels.nbytes,
    )
    yield Line(
        "labels != 5, only how many",
        Contender(lambda: len(dataset.query(query, threads=THREADS))),
        equal(len(expected)),
        (Faster(1.25, ("polars",)), NearLimit(1.2)),
        {
            "numpy": peers.numpy(lambda: np.count_nonzero(labels != 5)),
            "polars": peers.polars(
                lambda pl, frame: frame.lazy().filter(pl.col("labels") != 5).select(pl.len()).collect()
            ),
            "datafusion": peers.datafusion("select count(*) from t where labels <> 5"),
            "duckdb": peers.duckdb("select count(*) from t where labels <> 5"),
        },
        labels.nbytes,
    )


def disjunction(rows: int) -> Iterator[Line]:
    columns = scalars(rows)
    labels, score = columns["labels"], columns["score"]
    peers = Peers(columns)
    condition = "(labels > 2 and labels < 7) or score >= 0.9"

    def by_numpy() -> np.ndarray:
        return np.flatnonzero(((labels > 2) & (labels < 7)) | (score >= 0.9))

    def by_polars(pl, frame):
        is_chosen = ((pl.col("labels") > 2) & (pl.col("labels") < 7)) | (pl.col("score") >= 0.9)
        return frame.lazy().select(is_chosen.arg_true()).collect()

    expected = by_numpy()
    yield Line(
        condition,
        rows_of(tql.from_numpy(columns), f"select * where {condition}"),
        equal_rows(expected),
        (Faster(4),),
        {
            "numpy": peers.numpy(by_numpy),
            "numexpr": peers.numexpr("((labels > 2) & (labels < 7)) | (score >= 0.9)"),
            "polars": peers.polars(by_polars),
            "datafusion": peers.datafusion(f"select id from t where {condition}"),
            "duckdb": peers.duckdb(f"select rowid from t where {condition}"),
            "deeplake": peers.deeplake(condition, expected),
        },
        labels.nbytes + score.nbytes,
    )


def one_of_twenty(rows: int) -> Iterator[Line]:
    random = np.random.default_rng(1)
    labels = random.integers(0, 100, rows, dtype=np.int32)
    wanted = np.sort(random.choice(100, 20, replace=False)).tolist()
    peers = Peers({"labels": labels})
    condition = f"labels in ({', '.join(map(str, wanted))})"
    expected = np.flatnonzero(np.isin(labels, wanted))
    yield Line(
        "labels in (20 values)",
        rows_of(tql.from_numpy({"labels": labels}), f"select * where {condition}"),
        equal_rows(expected),
        (Faster(8),),
        {
            "numpy": peers.numpy(lambda: np.flatnonzero(np.isin(labels, wanted))),
            "polars": peers.polars(
                lambda pl, frame: frame.lazy().select(pl.col("labels").is_in(wanted).arg_true()).collect()
            ),
            "datafusion": peers.datafusion(f"select id from t where {condition}"),
            "duckdb": peers.duckdb(f"select rowid from t where {condition}"),
            "deeplake": peers.deeplake(condition, expected),
        },
        labels.nbytes,
    )


def union_of_firsts(rows: int) -> Iterator[Line]:
    labels = scalars(rows)["labels"]
    peers = Peers({"labels": labels})
    first = min(1000, rows // 20)
    query = " union ".join(f"(select * where labels == {label} limit {first})" for label in (1, 2))
    expected = np.sort(np.concatenate([np.flatnonzero(labels == label)[:first] for label in (1, 2)]))

    def sql(row: str) -> str:
        parts = (f"(select {row} from t where labels = {label} limit {first})" for label in (1, 2))
        return " union all ".join(parts)

    def by_polars(pl, frame):
        numbered = frame.lazy().with_row_index()
        parts = [numbered.filter(pl.col("labels") == label).head(first) for label in (1, 2)]
        return pl.concat(parts).select("index").collect()

    yield Line(
        f"first {first:,} of label 1, union first {first:,} of label 2",
        rows_of(tql.from_numpy({"labels": labels}), query),
        equal_rows(expected),
        (Within(0.2e-3),),
        {"polars": peers.polars(by_polars), "duckdb": peers.duckdb(sql("rowid"))},
        rounds=99,
    )
