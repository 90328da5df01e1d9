"""Sampled views: how often each row comes, weights on demand."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, QueryValueError

LABELS = np.random.default_rng(0).integers(0, 10, 5000).astype(np.int32)
WEIGHT = "max_weight(labels == 5: 10, labels == 6: 5)"
OF_LABEL = np.array([0, 0, 0, 0, 0, 10.0, 5.0, 0, 0, 0])


def dataset() -> tql.View:
    return tql.from_numpy({"labels": LABELS, "x": np.arange(5000.0)})


DRAWN = {
    "method": lambda ds: ds.sample_by(WEIGHT, size=20_000, seed=3),
    "numbers": lambda ds: ds.sample_by(OF_LABEL[LABELS], size=20_000, seed=3),
    "query": lambda ds: ds.query(f"select * sample by {WEIGHT} limit 20000", seed=3),
    "of some rows": lambda ds: ds.query(f"select * where x >= 1000 sample by {WEIGHT} limit 20000", seed=3),
    "of scattered rows": lambda ds: ds.query(f"select * where x % 3 == 0 sample by {WEIGHT}", seed=3),
    "of a slice": lambda ds: ds[500:4000].sample_by(WEIGHT, seed=3),
    "query of a slice": lambda ds: ds[500:4000].query(f"select * sample by {WEIGHT}", seed=3),
    "of rows in order": lambda ds: ds.query(f"select * order by x desc sample by {WEIGHT}", seed=3),
    "beside computed": lambda ds: ds.query("select x * 2 as y, labels").sample_by(WEIGHT, seed=3),
    "without replacement": lambda ds: ds.sample_by(WEIGHT, replace=False, size=300, seed=3),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_repeats_and_weights_are_those_of_the_rows(kind: str) -> None:
    view = DRAWN[kind](dataset())
    size = len(view)
    rows, counts = view.repeats
    assert counts.sum() == size
    assert (np.diff(rows) > 0).all()
    expected = np.unique(view.indices, return_counts=True)
    assert np.array_equal(rows, expected[0])
    assert np.array_equal(counts, expected[1])
    assert rows.dtype == counts.dtype == np.int64
    assert np.array_equal(view.weights, OF_LABEL[LABELS[view.indices]])
    assert np.array_equal(view["labels"], LABELS[view.indices])


def test_all_forms_of_a_draw_of_all_rows_agree() -> None:
    drawn = [DRAWN[kind](dataset()).indices for kind in ("method", "numbers")]
    assert np.array_equal(drawn[0], drawn[1])


def test_what_is_made_of_a_sampled_view_keeps_the_weights() -> None:
    view = DRAWN["method"](dataset())
    weights = OF_LABEL[LABELS[view.indices]]
    assert np.array_equal(view[10:500].weights, weights[10:500])
    assert np.array_equal(view[[7, 3, 3]].weights, weights[[7, 3, 3]])
    fives = view.query("select * where labels == 5")
    assert (fives.weights == 10).all()
    assert len(fives) == np.count_nonzero(weights == 10)
    restored = pickle.loads(pickle.dumps(DRAWN["query"](dataset())))
    assert np.array_equal(restored.weights, OF_LABEL[LABELS[restored.indices]])


def test_rows_that_were_not_drawn_come_once_or_as_often_as_they_do() -> None:
    ds = dataset()
    assert ds.weights is None
    rows, counts = ds[100:200].repeats
    assert np.array_equal(rows, np.arange(100, 200))
    assert (counts == 1).all()
    rows, counts = ds[[4, 2, 4]].repeats
    assert rows.tolist() == [2, 4]
    assert counts.tolist() == [1, 2]


def test_bad_weights_name_the_row() -> None:
    weights = np.ones(5000)
    weights[[17, 40]] = -1, np.inf
    with pytest.raises(ArgumentError, match="the weight of row 17 is negative: -1"):
        dataset().sample_by(weights)
    weights[17] = 1
    with pytest.raises(ArgumentError, match="the weight of row 40 is infinite: inf"):
        dataset().sample_by(weights)
    with pytest.raises(QueryValueError, match="the weight of row 3 is infinite"):
        dataset().sample_by("(x == 3) * 1e308 * 10")
    with pytest.raises(QueryValueError, match="all weights are zero"):
        dataset().sample_by("labels == 99")
    assert set(dataset().sample_by("x - 4997.0", size=50, seed=1).indices.tolist()) == {4998, 4999}
