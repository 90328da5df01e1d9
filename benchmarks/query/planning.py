"""Q10: from text to plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

import tql
from query.line import Contender, Line, Within
from query.peers import Peers
from query.ragged import CLASSES, dataset_of
from tql.loader.arrays import ArrayRows
from tql.loader.plan_cache import prepare
from tql.types import Type

UNION = (
    "(select * where contains(categories, 'car') limit {}) union "
    "(select * where contains(categories, 'motorcycle') limit 1000)"
)
SQL = (
    "(select * from t where category = 2 limit {}) union all (select * from t where category = 3 limit 1000)"
)


def anything(answer: Any) -> None:
    """Plans of different engines have nothing to compare; that there is one is enough."""
    assert answer


def text_to_plan(rows: int) -> Iterator[Line]:
    labels = ArrayRows(np.zeros(4, np.int32), np.ones((4, 1), np.int64))
    dataset = dataset_of("categories", labels, Type("int32", (None,), class_names=CLASSES))
    peers = Peers({"category": np.zeros(16, np.int32)})

    def by_polars(pl, frame):
        return pl.SQLContext(t=frame).execute(SQL.format(next(limits))).explain()

    limits = itertools.count(1000)  # every text is new, so no cache can answer
    duckdb = peers.duckdb_statement(lambda: "explain " + SQL.format(next(limits)))
    polars = peers.polars(by_polars)
    yield Line(
        "text to plan: the reference page's union, not seen before",
        Contender(lambda: tql.compile(UNION.format(next(limits)), dataset.schema), bool),
        anything,
        (Within(2e-3),),
        {"polars": polars, "duckdb": duckdb},
        rounds=99,
    )
    yield Line(
        "text to plan: the same, cached",
        Contender(lambda: prepare(UNION.format(1000), dataset), bool),
        anything,
        (Within(50e-6),),
        rounds=999,
    )
