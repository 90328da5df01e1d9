"""Views over rows that a query made: joins, groups, parts of rows, sources one behind the other."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import UnsupportedError


@pytest.fixture
def cats() -> tql.Dataset:
    return tql.from_pydict(
        {
            "name": ["Tom", "Felix", "Kit", None],
            "owner": [2, 1, 2, None],
            "boxes": [[[1, 2]], [], [[3, 4], [5, 6]], None],
            "info": [{"age": 3}, None, {"age": 1.5, "tags": ["a"]}, {}],
            "kind": ["small", "big", "small", "big"],
        },
        {"boxes": "float32[,2]", "kind": tql.class_label(["small", "big"])},
    )


@pytest.fixture
def owners() -> tql.Dataset:
    return tql.from_pydict({"id": [1, 2, 3], "city": ["Rome", "Oslo", "Bern"]})


def plain(value: Any) -> Any:
    """Arrays and tensors as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(item) for item in value] if isinstance(value, list) else value


JOIN = 'select c.name, o.city, c.boxes from "cats" as c left join "owners" as o on c.owner = o.id'


def test_a_join_is_a_view_of_pairs(cats: tql.Dataset, owners: tql.Dataset) -> None:
    view = tql.query(JOIN, {"cats": cats, "owners": owners})
    assert view.to_pydict() == {
        "name": ["Tom", "Felix", "Kit", None],
        "city": ["Oslo", "Rome", "Oslo", None],
        "boxes": [[[1, 2]], [], [[3, 4], [5, 6]], None],
    }
    assert view.indices.tolist() == [0, 1, 2, 3]
    assert view[::-2].indices.tolist() == [3, 1]
    assert view[2]["city"] == "Oslo" and view["boxes"][2].shape == (2, 2)


def test_it_can_be_queried_sampled_and_joined_again(cats: tql.Dataset, owners: tql.Dataset) -> None:
    view = tql.query(JOIN, {"cats": cats, "owners": owners})
    oslo = view.query("select name where city = 'Oslo' order by name")
    assert oslo.to_pydict() == {"name": ["Kit", "Tom"]}
    assert oslo.indices.tolist() == [2, 0] and oslo.order_chosen
    assert set(view.sample_by("city = 'Oslo'", size=20, seed=1)["city"]) == {"Oslo"}
    again = view.query(
        "select v.name, o.id from v as v join owners as o on v.city = o.city order by o.id, v.name",
        sources={"v": view, "owners": owners},
    )
    assert again.to_pydict() == {"name": ["Felix", "Kit", "Tom"], "id": [1, 2, 2]}


def test_groups_are_lists(cats: tql.Dataset) -> None:
    view = cats.query("select owner[0] as owner, name, boxes, count(*) as n, info group by owner")
    assert view.to_pydict() == {
        "owner": [2, 1, None],
        "name": [["Tom", "Kit"], ["Felix"], [None]],
        "boxes": [[[[1, 2]], [[3, 4], [5, 6]]], [[]], [None]],
        "n": [2, 1, 1],
        "info": [[{"age": 3}, {"age": 1.5, "tags": ["a"]}], [None], [{}]],
    }
    assert view[0]["boxes"][1].dtype == np.float32
    back = view.query("select name, info ungroup by split")
    assert back.to_pydict() == {
        "name": ["Tom", "Kit", "Felix", None],
        "info": [{"age": 3}, {"age": 1.5, "tags": ["a"]}, None, {}],
    }


def test_class_names_survive(cats: tql.Dataset, owners: tql.Dataset) -> None:
    joined = tql.query(
        "select kind, city from c join o on owner = id where kind = 'small'", {"c": cats, "o": owners}
    )
    assert joined.to_pydict(names=True) == {"kind": ["small", "small"], "city": ["Oslo", "Oslo"]}
    grouped = cats.query("select kind, name group by kind")
    assert grouped.to_pydict(names=True)["kind"] == [["small", "small"], ["big", "big"]]


def test_sources_behind_each_other(cats: tql.Dataset) -> None:
    more = tql.from_pydict({"name": ["Max"], "owner": [7]})
    view = cats.query(
        "(select name, owner where owner = 2) union (select name, owner from more)", sources={"more": more}
    )
    assert view.to_pydict() == {"name": ["Tom", "Kit", "Max"], "owner": [2, 2, 7]}


def test_weights_of_the_sampled_view_do_not_reach_what_is_made_of_it(
    cats: tql.Dataset, owners: tql.Dataset
) -> None:
    sampled = cats.sample_by([1, 2, 3, 4], size=10, seed=1)
    assert sampled.query("select kind group by kind").weights is None
    assert (
        sampled.query("select name from s join o on owner = id", sources={"s": sampled, "o": owners}).weights
        is None
    )
    drawn = sampled.query("select kind group by kind sample by 3 limit 4")
    assert drawn.weights is not None and drawn.weights.tolist() == [3.0] * 4


@pytest.mark.parametrize(
    "text",
    [
        JOIN,
        "select kind, name, boxes, random() as r from cats group by kind",
        "select * from (select name, owner from cats sample by 1) as c join owners as o on c.owner = o.id",
        "select name, boxes from cats where owner is not null ungroup by split",
        "select info['age'] as age, city from cats cross join owners order by city limit 5",
    ],
)
def test_a_pickle_has_the_same_rows(cats: tql.Dataset, owners: tql.Dataset, text: str) -> None:
    view = tql.query(text, {"cats": cats, "owners": owners}, seed=3)
    assert len(view) > 0
    again = pickle.loads(pickle.dumps(view))
    assert again.to_pydict() == view.to_pydict() and again.schema == view.schema
    assert pickle.loads(pickle.dumps(view[::-1])).to_pydict() == view[::-1].to_pydict()


def test_a_pickle_of_stored_rows_holds_no_values(owners: tql.Dataset) -> None:
    folder = "examples/data/fashion-mnist"
    text = f'select f.images, o.city from "{folder}" as f join owners as o on f.labels = o.id'
    view = tql.query(text, {"owners": owners})
    pickled = pickle.dumps(view)
    assert len(pickled) < 20_000 < view["images"].nbytes
    assert (pickle.loads(pickled)["images"] == view["images"]).all()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("face", ["numpy", "pytorch"])
def test_batches(cats: tql.Dataset, owners: tql.Dataset, face: str, workers: int) -> None:
    if face == "pytorch":
        pytest.importorskip("torch")
    view = tql.query(JOIN, {"cats": cats, "owners": owners})
    loader = getattr(view.dataloader().batch(2), face)(num_workers=workers)
    first, second = list(loader)
    assert first["name"] == ["Tom", "Felix"] and first["city"] == ["Oslo", "Rome"]
    assert plain(second["boxes"]) == [[[3, 4], [5, 6]], None]
    grouped = cats.query("select name, boxes, count(*) as n group by kind")
    (batch,) = getattr(grouped.dataloader().batch(2), face)(num_workers=workers)
    assert batch["name"] == [["Tom", "Kit"], ["Felix", None]]
    assert plain(batch["n"]) == [2, 2]


def test_shuffled_batches_have_the_same_rows(cats: tql.Dataset, owners: tql.Dataset) -> None:
    view = tql.query("select name, city from c cross join o", {"c": cats, "o": owners})
    loader = view.dataloader(seed=1).shuffle().batch(5).numpy()
    pairs = [pair for batch in loader for pair in zip(batch["name"], batch["city"], strict=True)]
    assert len(pairs) == 12 and set(pairs) == set(zip(view["name"], view["city"], strict=True))


def test_rows_that_were_made_are_not_stored(cats: tql.Dataset) -> None:
    view = cats.query("select name group by kind")
    with pytest.raises(UnsupportedError, match="rows that a query made are not stored as bytes"):
        view.stored_bytes("name", 0)
    facts = view.describe()
    assert facts["format"] == "query" and facts["rows"] == 2
