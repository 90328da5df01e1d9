"""FROM: the caller's sources, paths of datasets, the same data under several names, what is not found."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, DatasetNotFoundError, FormatError, SourceNotFoundError
from tql.loader.plan_cache import prepare

FASHION = Path("examples/data/fashion-mnist")


@pytest.fixture
def cats() -> tql.Dataset:
    return tql.from_pydict({"x": [1, 2, 3], "name": ["a", "b", "c"]})


@pytest.fixture
def dogs() -> tql.Dataset:
    return tql.from_pydict({"x": [3, 4], "name": ["c", None]})


def test_from_names_a_source_of_the_caller(cats: tql.Dataset, dogs: tql.Dataset) -> None:
    sources = {"ds://cats": cats, "dogs": dogs}
    view = tql.query('select * from "ds://cats" where x > ?', sources, params=[1])
    assert view.to_pydict() == {"x": [2, 3], "name": ["b", "c"]}
    assert view.indices.tolist() == [1, 2]
    assert tql.query("select x + 1 as y from dogs", sources).to_pydict() == {"y": [4, 5]}
    assert cats.query("select name from dogs", sources=sources).to_pydict() == {"name": ["c", None]}
    assert pickle.loads(pickle.dumps(view)).to_pydict() == view.to_pydict()


def test_the_bound_dataset_is_read_without_from(cats: tql.Dataset, dogs: tql.Dataset) -> None:
    text = "select * from (select * where x > 1) where x < 3"
    assert cats.query(text, sources={"dogs": dogs}).to_pydict()["x"] == [2]


@pytest.mark.parametrize("same", ["the same object", "the storage of the same object"])
def test_one_dataset_under_two_names_is_one_source(cats: tql.Dataset, same: str) -> None:
    other = cats if same == "the same object" else tql.Dataset(cats.storage)
    text = "(select * from a where x >= 2) intersect (select * from b where x <= 2)"
    assert tql.query(text, {"a": cats, "b": other}).to_pydict()["x"] == [2]
    text = "(select * where x >= 2) except (select * from b where x <= 2)"
    assert cats.query(text, sources={"b": other}).to_pydict()["x"] == [3]


def test_a_view_is_a_source_of_its_own_rows(cats: tql.Dataset) -> None:
    late = cats[1:]
    view = tql.query("select * from late where row_number() = 0", {"late": late})
    assert view.to_pydict()["x"] == [2] and view.indices.tolist() == [1]


def test_weights_of_a_sampled_view_stay_with_its_rows(cats: tql.Dataset, dogs: tql.Dataset) -> None:
    sampled = cats.sample_by([1, 2, 3], size=5, seed=1)
    assert sampled.query("select * from dogs", sources={"dogs": dogs}).weights is None
    weights = dogs.query("select * from s limit 2", sources={"s": sampled}).weights
    assert weights is not None and sampled.weights is not None
    assert weights.tolist() == sampled.weights[:2].tolist()


def test_from_names_a_path() -> None:
    view = tql.query(f'select labels from "{FASHION}" where labels = 3 limit 2')
    ds = tql.load(FASHION)
    assert view["labels"].tolist() == ds.query("select labels where labels = 3 limit 2")["labels"].tolist()
    text = f'(select * where labels = 3) except (select * from "{FASHION.resolve()}" where labels = 3)'
    assert len(ds.query(text)) == 0  # the same folder, however it is written


def test_a_source_comes_before_a_path(cats: tql.Dataset) -> None:
    assert list(tql.query(f'select * from "{FASHION}"', {str(FASHION): cats}).schema) == ["x", "name"]


def test_what_is_not_found_is_named_with_its_place(cats: tql.Dataset, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFoundError) as missing:
        tql.query("select * from caats", {"cats": cats})
    assert missing.value.candidates == ("cats",) and missing.value.category == "source_not_found"
    assert missing.value.span is not None and missing.value.span.start == 14
    with pytest.raises(SourceNotFoundError, match="the query has no FROM"):
        tql.query("select 1 as one", {"cats": cats})
    with pytest.raises(DatasetNotFoundError, match="holds no dataset") as empty:
        cats.query(f'select * from "{tmp_path}"')
    assert empty.value.span is not None and "^^^" in str(empty.value)


def test_a_damaged_dataset_is_named_with_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(FASHION, folder)
    text = f'select * from "{folder}" limit 1'
    assert len(tql.query(text)) == 1
    for file in folder.rglob("dataset_meta.json"):
        file.write_text("{")
    with pytest.raises(FormatError) as caught:  # the plan is known by now
        tql.query(text)
    assert caught.value.span is not None and "^^^" in str(caught.value)


@pytest.mark.parametrize("source", [{"x": [1]}, np.zeros(3), None, "cats"])
def test_only_datasets_are_sources(source: Any) -> None:
    with pytest.raises(ArgumentError, match="source 'a' must be a dataset or a view"):
        tql.query("select * from a", {"a": source})


def test_plans_are_kept_by_what_they_depend_on(cats: tql.Dataset, dogs: tql.Dataset) -> None:
    text = "select x from a where x > 2"
    first = prepare(text, None, (), {"a": cats})
    rest = cats[1:]  # has the same columns
    assert prepare(text, None, (), {"a": rest}).planned is first.planned
    assert prepare(text, None, (), {"a": rest}).sources == {"a": rest}
    other = tql.from_pydict({"x": [1.5, 2.5]})
    assert prepare(text, None, (), {"a": other}).planned is not first.planned
    assert tql.query(text, {"a": other}).to_pydict() == {"x": [2.5]}
    assert prepare(text, cats, (), {"a": dogs}).planned is not first.planned
    union = "(select x from a) union all (select x from b)"
    one = prepare(union, None, (), {"a": cats, "b": cats})
    assert one.sources == {"a": cats}
    assert prepare(union, None, (), {"a": cats, "b": cats}).planned is one.planned


def test_explain_names_sources(cats: tql.Dataset) -> None:
    assert "scan: cats" in tql.explain("select * from cats", {"cats": cats})
    assert "rows" in tql.explain("select * from cats", {"cats": cats}, analyze=True)
    assert '"cats"' in cats[1:].explain("select * from cats", sources={"cats": cats}, format="json")


def test_a_loader_queries_other_sources(cats: tql.Dataset, dogs: tql.Dataset) -> None:
    loader = cats.dataloader().query("select * from dogs", sources={"dogs": dogs}).batch(2).numpy()
    assert [batch["x"].tolist() for batch in loader] == [[3, 4]]


def test_a_compiled_query_runs_on_sources_of_its_schemas(cats: tql.Dataset, dogs: tql.Dataset) -> None:
    compiled = tql.compile(
        "select name from a where x > ?", params=[2], sources={"a": {"x": "int64", "name": "text"}}
    )
    assert compiled.execute(sources={"a": cats}).to_pydict() == {"name": ["c"]}
    assert compiled.execute(sources={"a": {"x": np.array([5]), "name": ["z"]}}).to_pydict() == {"name": ["z"]}
    with pytest.raises(ArgumentError, match="source 'a' was compiled for column 'name' of type text"):
        compiled.execute(sources={"a": dogs})  # whose names may be NULL
    with pytest.raises(ArgumentError, match="source 'a' needs data"):
        compiled.execute()
    with pytest.raises(ArgumentError, match="the query needs data"):
        tql.compile("select *", {"x": "int64"}).execute()
    with pytest.raises(ArgumentError, match="column 'x': no element type named 'in64'"):
        tql.compile("select *", {"x": "in64"})
