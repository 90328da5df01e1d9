"""`View.sample_by`: arguments, what is kept of a draw, and that rows of weight 0 never come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, SampleWarning


@pytest.fixture
def ds() -> tql.Dataset:
    return tql.from_numpy({"x": np.arange(20), "w": np.arange(20) % 5})


def test_a_draw_keeps_weights_seed_and_dataset_rows(ds: tql.Dataset) -> None:
    weights = np.arange(20) % 5
    drawn = ds.sample_by(weights, size=50, seed=9)
    assert len(drawn) == 50 and drawn.seed == 9
    assert drawn.weights is not None and drawn.weights.tolist() == weights[drawn.indices].tolist()
    assert (drawn.weights > 0).all()
    assert drawn["x"].tolist() == drawn.indices.tolist()
    part = drawn[5:8]
    assert part.weights is not None and part.weights.tolist() == drawn.weights[5:8].tolist()
    assert part.query("select * where x > 3").weights is not None


def test_equal_seeds_give_equal_rows_and_fresh_ones_differ(ds: tql.Dataset) -> None:
    first, second = ds.sample_by(np.ones(20)), ds.sample_by(np.ones(20))
    assert first.seed != second.seed
    assert ds.sample_by(np.ones(20), seed=first.seed).indices.tolist() == first.indices.tolist()


def test_expressions_and_arrays_weigh_alike(ds: tql.Dataset) -> None:
    by_text = ds.sample_by("w", size=30, seed=4)
    by_array = ds.sample_by((np.arange(20) % 5).tolist(), size=30, seed=4)
    assert by_text.indices.tolist() == by_array.indices.tolist()
    assert ds.weights_for("w + 1").tolist() == [1.0, 2.0, 3.0, 4.0, 5.0] * 4


def test_a_draw_from_a_view_has_rows_of_the_view(ds: tql.Dataset) -> None:
    view = ds[10:15]
    drawn = view.sample_by([0, 0, 1, 0, 1], size=40, seed=1)
    assert set(drawn.indices.tolist()) == {12, 14}


def test_without_replacement_fewer_rows_come_with_a_warning(ds: tql.Dataset) -> None:
    weights = [i % 5 for i in range(20)]
    with pytest.warns(SampleWarning) as caught:
        drawn = ds.sample_by(weights, replace=False)
    assert str(caught[0].message) == (
        "only 16 of 20 rows have a positive weight: 16 rows are drawn without replacement, not 20"
    )
    assert caught[0].filename == __file__
    assert sorted(drawn.indices.tolist()) == [row for row in range(20) if row % 5]
    assert len(ds.sample_by(weights, replace=False, size=7)) == 7


def test_nothing_is_drawn_where_nothing_is_asked_or_there(ds: tql.Dataset) -> None:
    assert len(ds.sample_by(np.zeros(20), size=0)) == 0
    assert len(ds[:0].sample_by([])) == 0
    assert len(ds[:0].sample_by([], size=5)) == 0


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ([1.0] * 19, {}, "weights must have one number per row: 20 rows, got 19 weights"),
        (np.ones((20, 1)), {}, "weights must be one-dimensional, one number per row, got shape [20, 1]"),
        ([1, 1, -2.5, *[1] * 17], {}, "the weight of row 2 is negative: -2.5"),
        ([1] * 19 + [float("nan")], {}, "the weight of row 19 is not a number: nan"),
        ([float("inf")] * 20, {}, "the weight of row 0 is infinite: inf"),
        (
            [0] * 20,
            {},
            "all weights are zero, so that no row can be drawn\n"
            "  give at least one row a positive weight; 'true: 1' in max_weight(...) covers all the rest",
        ),
        (["a"] * 20, {}, "weights must be a TQL expression or one number per row, got list"),
        ([1] * 20, {"size": -1}, "size must not be negative, got -1"),
        ([1] * 20, {"size": 2.5}, "size must be an integer, got 2.5"),
        ([1] * 20, {"seed": -1}, "a seed must be an integer from 0 to 2^64 - 1, got -1"),
    ],
)
def test_unusable_arguments(ds: tql.Dataset, weights: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        ds.sample_by(weights, **options)
    assert str(caught.value) == message


def test_weights_of_an_expression_follow_the_language(ds: tql.Dataset) -> None:
    drawn = ds.sample_by("x - 17", size=30, seed=2)
    assert set(drawn.indices.tolist()) == {18, 19}
    with pytest.raises(tql.TQLError) as caught:
        ds.sample_by("x * 0")
    assert caught.value.category == "value"
