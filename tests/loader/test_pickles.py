"""Pickles of datasets, views and loaders: short, and the same rows, weights and columns again."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import StateError
from tql.loader.answer import Answered
from tql.loader.description import Drawn
from tql.loader.sharing import _JobPickler
from tql.loader.weights import WeighedBy

ROWS = 60_000
SHORT = 8000  # bytes
WEIGHTS = "max_weight(labels == 5: 10, labels == 6: 2, true: 1)"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pickles") / "ds"
    rng = np.random.default_rng(0)
    columns = {"labels": rng.integers(0, 10, ROWS, dtype=np.int32), "x": np.arange(ROWS)}
    tql.from_numpy(columns).save(path)
    return path


MADE: dict[str, Callable[[Any], Any]] = {
    "dataset": lambda ds: ds,
    "range": lambda ds: ds[100:50_000],
    "steps": lambda ds: ds[50_000:3:-7],
    "backwards": lambda ds: ds[::-1],
    "filter": lambda ds: ds.query("select * where labels != 5"),
    "parameters": lambda ds: ds.query("select * where labels != ? and x > ?", params=[5, 10]),
    "computed": lambda ds: ds.query("select x * 2 as y, labels where labels != 5"),
    "sorted": lambda ds: ds.query("select * order by labels desc"),
    "random": lambda ds: ds.query("select * order by random()"),
    "sampled by a query": lambda ds: ds.query(f"select * where labels != 3 sample by {WEIGHTS}"),
    "with replacement": lambda ds: ds.sample_by(WEIGHTS),
    "without replacement": lambda ds: ds.sample_by(WEIGHTS, replace=False, size=30_000, seed=7),
    "sampled filter": lambda ds: ds.query("select * where labels != 3").sample_by(WEIGHTS),
    "filtered sample": lambda ds: ds.sample_by(WEIGHTS).query("select * where labels == 5"),
    "sample in steps": lambda ds: ds.sample_by(WEIGHTS)[1:-1:2],
    "grouped": lambda ds: ds.query("select x / 10 as ten, count(*) as n group by x / 10"),
    "of another": lambda ds: ds.query(
        "select * from other where labels = 1", sources={"other": ds[50_000:10:-1]}
    ),
}


def same(view: Any, again: Any) -> None:
    assert np.array_equal(view.indices, again.indices)
    assert view.schema == again.schema
    assert (view.weights is None) == (again.weights is None)
    if view.weights is not None:
        assert np.array_equal(view.weights, again.weights)
    assert (view.order_chosen, view.seed) == (again.order_chosen, again.seed)
    for name in view.columns:
        assert np.array_equal(view[name], again[name])


@pytest.mark.parametrize("name", MADE)
def test_a_view_of_files_pickles_by_what_made_it(path: Path, name: str) -> None:
    view = MADE[name](tql.load(path))
    pickled = pickle.dumps(view)
    assert len(pickled) < SHORT
    same(view, pickle.loads(pickled))
    same(view, pickle.loads(pickle.dumps(pickle.loads(pickled))))
    assert len(pickle.dumps(view.dataloader().batch(64))) < SHORT


def test_a_loader_that_draws_pickles_by_the_expression(path: Path) -> None:
    chain = tql.load(path).dataloader(seed=4).query("select * where labels != 3").sample_by(WEIGHTS)
    for loader in (
        chain.shuffle().batch(500),
        chain.query("select * where x > 9").sample_by("labels").batch(500),
    ):
        pickled = pickle.dumps(loader)
        assert len(pickled) < SHORT
        for one, other in zip(loader, pickle.loads(pickled), strict=True):
            assert np.array_equal(one["x"], other["x"])
        state = loader.state_dict()
        pickle.loads(pickled).load_state_dict(state)


def test_numbers_that_the_caller_gave_are_part_of_the_pickle(path: Path) -> None:
    ds, rng = tql.load(path), np.random.default_rng(1)
    for view in (
        ds.sample_by(rng.random(ROWS)),
        ds[rng.permutation(ROWS)],
        ds[rng.random(ROWS) < 0.5].query("select * where labels == 1"),
        ds.sample_by(rng.random(ROWS), replace=False, size=9000).sample_by(WEIGHTS, seed=3),
    ):
        same(view, pickle.loads(pickle.dumps(view)))


def test_few_rows_need_no_second_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ds = tql.load(path)
    few = ds.query("select * order by x desc limit 10"), ds.sample_by(WEIGHTS)[:20]
    pickles = [pickle.dumps(view) for view in few]
    monkeypatch.setattr(Answered, "view", None)
    monkeypatch.setattr(Drawn, "view", None)
    for view, pickled in zip(few, pickles, strict=True):
        assert len(pickled) < SHORT
        same(view, pickle.loads(pickled))


def test_workers_run_nothing_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ds = tql.load(path)
    loader = ds.dataloader().query("select * where labels != 3").sample_by(WEIGHTS).batch(64)
    stream = io.BytesIO()
    _JobPickler(stream, 5).dump((loader._config.recipe(), loader._config.schedule()))
    for again in Answered, Drawn:
        monkeypatch.setattr(again, "view", None)
    monkeypatch.setattr(WeighedBy, "weights", None)
    recipe, schedule = pickle.loads(stream.getvalue())
    assert np.array_equal(recipe.view.indices, loader.view.indices)
    assert np.array_equal(schedule.global_order(2), loader._config.schedule().global_order(2))


def test_a_dataset_that_has_changed_is_refused(tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="int64")
        ds.extend({"x": np.arange(5000)})
    view = tql.load(tmp_path / "ds").query("select * where x % 3 == 0")
    pickled = pickle.dumps(view)
    assert len(pickle.loads(pickled)) == len(view)
    with tql.load(tmp_path / "ds", read_only=False) as ds:
        ds.extend({"x": np.arange(50)})
    with pytest.raises(StateError, match="the dataset of a pickled view has changed") as error:
        pickle.loads(pickled)
    assert "commit" in str(error.value)


def test_python_functions_are_not_needed_where_a_pickle_is_opened(path: Path) -> None:
    ds = tql.load(path)[:3000]
    tql.register_function("doubled", lambda x: x * 2, returns="int64")
    try:
        views = ds.query("select * where doubled(x) % 3 == 0 and labels > 0"), ds.sample_by("doubled(x)")
        loader = ds.dataloader().sample_by("doubled(x)").batch(64)
        pickles = [pickle.dumps(view) for view in (*views, loader)]
        order = [batch["x"].tolist() for batch in loader]
    finally:
        tql.unregister_function("doubled")
    for view, pickled in zip(views, pickles, strict=False):
        same(view, pickle.loads(pickled))
    assert [batch["x"].tolist() for batch in pickle.loads(pickles[-1])] == order


def test_a_copy_of_a_view_is_the_view(path: Path) -> None:
    view = tql.load(path).query("select * where labels != 3")
    assert copy.copy(view) is copy.deepcopy(view) is view
    loader = view.dataloader().sample_by(WEIGHTS).batch(64)
    assert copy.deepcopy(loader).view is view


def test_a_dataset_stays_where_it_is_when_the_process_goes_elsewhere(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    ds = tql.load(path.name)
    view = tql.query(f'select * from "{path.name}" where labels != 5')
    pickled = pickle.dumps((ds, view))
    monkeypatch.chdir(tmp_path)
    assert ds["x"][:3].ravel().tolist() == [0, 1, 2]  # the first read of its chunks
    again, filtered = pickle.loads(pickled)
    same(ds, again)
    same(view, filtered)
    assert ds.path == again.path == str(path)
