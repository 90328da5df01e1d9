"""How fast is `select * where labels != 5` over 20 million int32 in memory, against DuckDB and Polars?"""

from __future__ import annotations

import os

THREADS = 2
os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))

import duckdb  # noqa: E402  (Polars reads its thread count when it is imported)
import limits  # noqa: E402
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import timing  # noqa: E402

import tql  # noqa: E402

ROWS = 20_000_000


def main() -> None:
    labels = np.random.default_rng(0).integers(0, 10, ROWS, dtype=np.int32)
    dataset = tql.from_numpy({"labels": labels})
    connection = duckdb.connect()
    connection.execute(f"set threads = {THREADS}")
    frame = pl.DataFrame({"labels": labels})
    connection.execute("create table t as select labels from frame")

    def ours() -> tql.View:
        return dataset.query("select * where labels != 5", threads=THREADS)

    expected = np.flatnonzero(labels != 5)
    assert np.array_equal(ours().indices, expected)
    assert np.array_equal(frame["labels"].ne(5).arg_true().to_numpy(), expected)
    assert connection.execute("select count(*) from t where labels <> 5").fetchone() == (len(expected),)

    floor = limits.read_seconds(labels.nbytes, THREADS)
    counted = timing.interleave(
        {
            "tql: selection and its length": lambda: len(ours()),
            "polars: boolean mask": lambda: frame["labels"] != 5,
            "polars: count": lambda: (
                frame.lazy().filter(pl.col("labels") != 5).select(pl.len()).collect().item()
            ),
            "duckdb: count": lambda: connection.execute(
                "select count(*) from t where labels <> 5"
            ).fetchone(),
            "numpy: count_nonzero": lambda: np.count_nonzero(labels != 5),
        }
    )
    timing.report(
        f"labels != 5, {ROWS:,} int32, {THREADS} threads: how many", counted, "tql: selection and its length"
    )
    ratio = counted["tql: selection and its length"].median / floor
    print(f"  reading the column once takes {floor * 1e3:.3f} ms: ours is {ratio:.2f} x that")

    ids = timing.interleave(
        {
            "tql: int64 indices": lambda: ours().indices,
            "polars: arg_true": lambda: frame["labels"].ne(5).arg_true(),
            "polars: filter": lambda: frame.filter(pl.col("labels") != 5),
            "duckdb: row ids": lambda: connection.execute(
                "select rowid from t where labels <> 5"
            ).fetchnumpy(),
            "numpy: flatnonzero": lambda: np.flatnonzero(labels != 5),
        },
        rounds=5,
    )
    timing.report(f"labels != 5, {ROWS:,} int32, {THREADS} threads: which rows", ids, "tql: int64 indices")


if __name__ == "__main__":
    main()
