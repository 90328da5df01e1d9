"""Q11: hash aggregation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tql
from query.filters import scalars
from query.line import THREADS, Contender, Faster, Line, equal
from query.peers import Peers


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
