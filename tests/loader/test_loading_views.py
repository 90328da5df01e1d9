"""Loaders over real views: row numbers, draws, computed columns, NULL and pickling."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError

ROWS = 40


@pytest.fixture
def dataset() -> Any:
    return tql.from_numpy(
        {
            "x": np.arange(ROWS, dtype=np.int32),
            "labels": np.arange(ROWS) % 4,
            "boxes": [np.full((row % 3, 4), row, np.float32) for row in range(ROWS)],
            "names": [f"row {row}" for row in range(ROWS)],
        },
        class_names={"labels": ["cat", "dog", "bird", "fish"]},
    )


def joined(loader: Any, column: str) -> list[Any]:
    return [value for batch in loader for value in batch[column]]


def test_a_slice(dataset: Any) -> None:
    loader = dataset[10:30:2].dataloader().batch(4)
    assert joined(loader, "x") == list(range(10, 30, 2))
    assert joined(loader, "names") == [f"row {row}" for row in range(10, 30, 2)]
    assert [box.shape for box in joined(loader, "boxes")] == [(row % 3, 4) for row in range(10, 30, 2)]


def test_a_filter(dataset: Any) -> None:
    loader = dataset.dataloader().query("select * where labels == 'dog'").batch(4)
    assert joined(loader, "x") == list(range(1, ROWS, 4)) and len(loader) == 3


def test_a_filter_with_parameters(dataset: Any) -> None:
    assert joined(dataset.dataloader().query("select * where x > ?", params=[37]), "x") == [38, 39]


def test_a_filtered_or_sliced_view_shuffles_and_an_ordered_one_does_not(dataset: Any) -> None:
    for view in (
        dataset[5:],
        dataset.query("select * where x > 3"),
        dataset[[3, 8, 9]],
        dataset.sample_by("x"),
    ):
        assert len(joined(view.dataloader().shuffle(), "x")) == len(view)
    for view in (dataset.query("select * order by x desc"), dataset[[9, 3, 8]], dataset[::-1]):
        with pytest.raises(ArgumentError, match=r"^shuffle\(\) would throw away the order"):
            view.dataloader().shuffle()


@pytest.mark.parametrize("weights", ["labels", "max_weight(labels == 'dog': 10, true: 1)", np.arange(ROWS)])
@pytest.mark.parametrize("replace", [True, False])
def test_the_first_epoch_is_the_draw_of_the_view(dataset: Any, weights: Any, replace: bool) -> None:
    view = dataset.sample_by(weights, replace, 20, seed=11)
    loader = dataset.dataloader(seed=11).sample_by(weights, replace, 20).batch(6).numpy()
    first, second = joined(loader, "x"), joined(loader, "x")
    assert first == view["x"].tolist()
    assert len(loader) == 4 and first != second


def test_negative_weights_of_an_expression_count_as_zero_before_a_query(dataset: Any) -> None:
    loader = dataset.dataloader().sample_by("x - 20").query("select * where x >= 0").batch(8)
    assert min(joined(loader, "x")) > 20


def test_computed_columns(dataset: Any) -> None:
    batch = next(iter(dataset.dataloader().query("select x, x * 2 as twice where x > 4").batch(3)))
    assert list(batch) == ["x", "twice"]
    assert batch["twice"].tolist() == [10, 12, 14]


def test_a_query_may_drop_a_column_that_the_loader_reads(dataset: Any) -> None:
    with pytest.raises(tql.errors.UnknownColumnError, match="no column named 'names'"):
        dataset.dataloader().numpy(tensors=["names"]).query("select x")


def test_null_comes_as_none() -> None:
    values = np.ma.MaskedArray(np.arange(4), mask=[False, True, False, False])
    loader = tql.from_numpy({"x": values}).dataloader().batch(2)
    first, second = (batch["x"] for batch in loader)
    assert isinstance(first, list) and first[0] == 0 and first[1] is None
    assert list(second) == [2, 3]


def test_a_loader_over_a_view_pickles(dataset: Any) -> None:
    loader = dataset[5:].dataloader(seed=3).sample_by("labels").shuffle().batch(7).numpy()
    assert joined(pickle.loads(pickle.dumps(loader)), "x") == joined(loader, "x")


def test_rows_are_those_of_the_dataset(dataset: Any) -> None:
    pytest.importorskip("torch")
    loader = dataset.query("select * where x > 9").dataloader().shuffle().batch(8).pytorch()
    rows = [
        (int(index), int(x)) for batch in loader for index, x in zip(batch["index"], batch["x"], strict=True)
    ]
    assert sorted(rows) == [(row, row) for row in range(10, ROWS)]
