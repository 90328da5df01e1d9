"""Q8, Q8r, Q8n: weights, and draws of rows by weight."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import tql
from query.filters import rows_of, scalars
from query.line import THREADS, Contender, Faster, Line, equal
from query.peers import Peers, module

WEIGHT = "max_weight(labels == 5: 10, labels == 6: 5)"
SQL_WEIGHT = "case when labels = 5 then 10.0::double when labels = 6 then 5.0::double else 0.0::double end"
OF_LABEL = np.array([0, 0, 0, 0, 0, 10, 5, 0, 0, 0], dtype=np.float64)


def weight_array(rows: int) -> Iterator[Line]:
    labels = scalars(rows)["labels"]
    peers = Peers({"labels": labels})
    dataset = tql.from_numpy({"labels": labels})

    def by_polars(pl, frame):
        label = pl.col("labels")
        weight = pl.when(label == 5).then(10.0).when(label == 6).then(5.0).otherwise(0.0)
        return frame.lazy().select(weight).collect()

    def by_torch(torch, columns):
        label = columns["labels"]
        weight = torch.zeros(len(label), dtype=torch.float64)
        return weight.masked_fill_(label == 6, 5.0).masked_fill_(label == 5, 10.0)

    yield Line(
        f"{WEIGHT} as a weight array",
        Contender(lambda: dataset.weights_for(WEIGHT)),
        equal(OF_LABEL[labels]),
        (Faster(2.5),),
        {
            "numpy": peers.numpy(lambda: np.where(labels == 5, 10.0, np.where(labels == 6, 5.0, 0.0))),
            "polars": peers.polars(by_polars),
            "datafusion": peers.datafusion(f"select {SQL_WEIGHT} from t"),
            "duckdb": peers.duckdb(f"select {SQL_WEIGHT} from t"),
            "torch": peers.torch(by_torch),
        },
        labels.nbytes + 8 * rows,
    )


def right_shares(labels: np.ndarray, size: int, distinct: bool):
    """The check for drawn rows: as many as asked, and of both classes as their weights say."""

    def check(answer: Any) -> None:
        rows = np.asarray(answer)
        assert len(rows) == size
        assert not distinct or len(np.unique(rows)) == size
        shares = np.bincount(labels[rows], minlength=10) / size
        assert shares[[5, 6]].sum() > 1 - 1e-9, "a row of weight 0 was drawn"
        five, six = 10.0 * np.count_nonzero(labels == 5), 5.0 * np.count_nonzero(labels == 6)
        if not distinct:
            assert abs(shares[5] - five / (five + six)) < 6 * (0.25 / size) ** 0.5

    return check


def with_replacement(rows: int) -> Iterator[Line]:
    labels = scalars(rows)["labels"]
    weights = OF_LABEL[labels]
    dataset, random = tql.from_numpy({"labels": labels}), np.random.default_rng(7)
    torch = module("torch")
    sampled = min(rows, 2_000_000)  # torch draws from 2^24 rows at most, and its time per row only grows

    def by_torch() -> float:
        few = torch.from_numpy(weights[:sampled])
        start = time.perf_counter()
        list(torch.utils.data.WeightedRandomSampler(few, sampled))
        return (time.perf_counter() - start) * rows / sampled

    def check(answer: Any) -> None:
        if not isinstance(answer, float):  # torch's draws stay within its sampler
            right_shares(labels, rows, distinct=False)(answer)

    yield Line(
        "weights, then as many independent draws as rows",
        rows_of(dataset, f"select * sample by {WEIGHT}"),
        check,
        (Faster(40, ("numpy",)), Faster(10, ("torch",))),
        {
            "numpy": Contender(lambda: random.choice(rows, rows, p=weights / weights.sum())),
            "torch": None if torch is None else Contender(by_torch, float),
        },
        labels.nbytes,
    )


def without_replacement(rows: int) -> Iterator[Line]:
    labels = scalars(rows)["labels"]
    weights = OF_LABEL[labels]
    size = rows // 20
    dataset, random = tql.from_numpy({"labels": labels}), np.random.default_rng(8)
    peers = Peers({"labels": labels, "weight": weights})

    def by_numpy() -> np.ndarray:
        with np.errstate(divide="ignore"):
            times = random.standard_exponential(rows) / weights
        first = np.argpartition(times, size)[:size]
        return first[np.argsort(times[first])]

    yield Line(
        f"weights, then {size:,} draws without replacement",
        Contender(
            lambda: (
                dataset.query(
                    f"select * sample by {WEIGHT} replace false limit {size}", threads=THREADS
                ).indices
            )
        ),
        right_shares(labels, size, distinct=True),
        (Faster(5, ("duckdb",)),),
        {
            "numpy": peers.numpy(by_numpy),
            "duckdb": peers.duckdb(
                f"select rowid from t where weight > 0 order by -ln(random()) / weight limit {size}"
            ),
        },
        labels.nbytes,
    )
