"""Views: indexing, composition, what is known about their order, and that a view is a source."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, RowIndexError, UnknownColumnError, UnsupportedError
from tql.loader.to_numpy import column_values
from tql.loader.view import View


@pytest.fixture
def ds() -> tql.Dataset:
    return tql.from_numpy(
        {
            "x": np.arange(10),
            "half": np.arange(10, dtype=np.float32) / 2,
            "boxes": [np.full((i % 3, 2), i, np.int16) for i in range(10)],
            "name": [f"row {i}" for i in range(10)],
            "tags": [["t"] * (i % 2) for i in range(10)],
            "maybe": np.ma.masked_array(np.arange(10), mask=np.arange(10) % 2 == 0),
            "label": (np.arange(10) % 3).astype(np.uint32),
        },
        class_names={"label": ["cat", "dog", "eel"]},
    )


def test_columns_become_numpy(ds: tql.Dataset) -> None:
    assert ds["x"].dtype == np.int64 and ds["x"].tolist() == list(range(10))
    assert ds["half"].dtype == np.float32
    boxes = ds["boxes"]
    assert boxes.dtype == object and [b.shape for b in boxes[:4]] == [(0, 2), (1, 2), (2, 2), (0, 2)]
    assert ds["name"].dtype == object and ds["name"][3] == "row 3"
    assert ds["tags"].tolist()[:2] == [[], ["t"]]
    assert isinstance(ds["maybe"], np.ma.MaskedArray)
    assert ds["maybe"].tolist() == [None, 1, None, 3, None, 5, None, 7, None, 9]


def test_a_row_is_a_dict_of_all_columns(ds: tql.Dataset) -> None:
    row = ds[-2]
    assert list(row) == list(ds.columns)
    assert (row["x"], row["name"], row["tags"], row["maybe"]) == (8, "row 8", [], None)
    np.testing.assert_array_equal(row["boxes"], np.full((2, 2), 8))


def test_iterating_gives_every_row_once(ds: tql.Dataset) -> None:
    assert [row["name"] for row in ds[::3]] == ["row 0", "row 3", "row 6", "row 9"]
    assert list(ds[:0]) == []


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        (slice(2, 5), [2, 3, 4]),
        (slice(None, None, 4), [0, 4, 8]),
        (slice(-3, 100), [7, 8, 9]),
        (slice(None, None, -3), [9, 6, 3, 0]),
        (slice(5, 2), []),
        ([3, -1, 3], [3, 9, 3]),
        (np.array([7, 1], np.uint8), [7, 1]),
        (np.arange(10) > 6, [7, 8, 9]),
        ([], []),
    ],
)
def test_rows_are_picked_as_in_numpy(ds: tql.Dataset, key: Any, rows: list[int]) -> None:
    view = ds[key]
    assert isinstance(view, View) and len(view) == len(rows)
    assert view.indices.dtype == np.int64 and view.indices.tolist() == rows
    assert view["x"].tolist() == rows
    assert view["name"].tolist() == [f"row {row}" for row in rows]


def test_slices_of_slices_keep_the_dataset_row_numbers(ds: tql.Dataset) -> None:
    view = ds[2:9][1:][::-2][1:]
    assert view.indices.tolist() == [6, 4]
    assert view[0]["x"] == 6


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        (slice(2, 8, 2), False),
        (slice(None, None, -1), True),
        ([1, 1, 4], False),
        ([4, 1], True),
        (np.arange(10) % 2 == 0, False),
        ([5], False),
    ],
)
def test_only_an_order_out_of_sequence_counts_as_chosen(ds: tql.Dataset, key: Any, chosen: bool) -> None:
    assert ds.order_chosen is False
    assert ds[key].order_chosen is chosen


def test_a_chosen_order_lasts_until_a_draw(ds: tql.Dataset) -> None:
    reversed_ = ds[::-1]
    assert reversed_[2:4].order_chosen
    assert reversed_.query("select * where x > 3").order_chosen
    assert ds.query("select * order by half desc").order_chosen
    assert not ds.query("select * where x > 3").order_chosen
    assert not reversed_.sample_by(np.ones(10), seed=1).order_chosen
    assert not reversed_.sample_by(np.ones(10), seed=1)[1:4].order_chosen


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (10, RowIndexError, "row 10 is out of range: there are 10 rows"),
        (-11, RowIndexError, "row -11 is out of range: there are 10 rows"),
        ([1, 42], RowIndexError, "row 42 is out of range: there are 10 rows"),
        ([True, False], ArgumentError, "a mask must have one bool per row: 10 rows, got 2 bools"),
        (
            1.5,
            ArgumentError,
            "rows are picked by an integer, a slice, a list of integers or a bool mask, got 1.5",
        ),
        (
            slice(None, None, 0),
            ArgumentError,
            "a slice needs integers and a step other than 0, got [None:None:0]",
        ),
        (
            "nam",
            UnknownColumnError,
            "no column named 'nam'\n  did you mean 'name'? columns: x, half, boxes, name, tags, maybe, label",
        ),
    ],
)
def test_unusable_keys(ds: tql.Dataset, key: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        ds[key]
    assert str(caught.value) == message


def test_queries_compose_with_slices_and_computed_columns(ds: tql.Dataset) -> None:
    view = ds[::-1].query("select x, x * 10 as ten, boxes where x > 2")
    assert view.columns == ("x", "ten", "boxes")
    assert view.indices.tolist() == [9, 8, 7, 6, 5, 4, 3]
    again = view[1:].query("select ten, ten + x as more where ten < 70")
    assert again.indices.tolist() == [6, 5, 4, 3]
    assert again["ten"].tolist() == [60, 50, 40, 30]
    assert again["more"].tolist() == [66, 55, 44, 33]
    assert again[[-1, 0]]["more"].tolist() == [33, 66]


def test_a_view_is_a_source_of_its_own_rows(ds: tql.Dataset) -> None:
    for view in (ds, ds[2:9], ds[np.arange(10) % 2 == 1], ds[[7, 2, 2, 5]], ds.query("select x, x + 1 as y")):
        assert view.num_rows == len(view)
        for name in view.columns:
            ranges = view.partitions([name])
            assert [0, *(stop for _, stop in ranges)] == [*(start for start, _ in ranges), len(view)]
            part = view.read(name, "values", 1, 4)
            assert len(part) == 3
            taken = view.take(name, "values", np.array([1, 2, 3]))
            type_ = view.schema.type_of(name)
            assert repr(column_values(taken, type_)) == repr(column_values(part, type_))
            shapes = view.read(name, "shape", 0, len(view)).values
            assert shapes.shape == (len(view), view.schema.type_of(name).rank)
        assert view.read("x", "values", 0, len(view)).values.tolist() == view.indices.tolist()


def test_stored_rows_are_those_of_the_view(ds: tql.Dataset) -> None:
    view = ds[[7, 2]]
    assert view.stored_bytes("name", 0) == b"row 7"
    encoded = view.encoded("boxes", np.array([1, 0]))
    assert encoded is not None and encoded.row_bytes(0) == ds["boxes"][2].tobytes()
    assert view.encoded("name", np.array([0])) is None
    computed = ds.query("select x + 1 as y")
    assert computed.encoded("y", np.array([0])) is None
    with pytest.raises(UnsupportedError) as caught:
        computed.stored_bytes("y", 0)
    assert str(caught.value) == "a computed column is not stored as bytes: 'y'"


def test_an_empty_view_keeps_dtypes_and_ranks(ds: tql.Dataset) -> None:
    view = ds[:0]
    assert view["x"].dtype == np.int64 and view["x"].shape == (0,)
    assert view["boxes"].dtype == np.int16 and view["boxes"].shape == (0, 0, 2)
    assert view["name"].shape == (0,)
    assert len(view.query("select * where x > 3")) == 0


def test_views_pickle(ds: tql.Dataset) -> None:
    sampled = ds.query("select *, x + 1 as y where x > 2").sample_by(np.arange(7.0), seed=3)
    for view in (ds, ds[3:7], ds[[4, 1]], sampled):
        copy = pickle.loads(pickle.dumps(view))
        assert copy.indices.tolist() == view.indices.tolist()
        assert (copy.order_chosen, copy.seed, copy.columns) == (view.order_chosen, view.seed, view.columns)
        for name in view.columns:
            assert repr(copy[name]) == repr(view[name])
    assert sampled.weights is not None
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sampled)).weights, sampled.weights)


def test_repr_is_short(ds: tql.Dataset) -> None:
    assert repr(ds[1:3].query("select x, label, boxes")).splitlines() == [
        "View of 2 rows",
        "  x      int64",
        "  label  class_label  (3 classes)",
        "  boxes  int16[,2]",
    ]
