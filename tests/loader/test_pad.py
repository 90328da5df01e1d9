"""Rows of different shapes: lists that say what to do, and filling up."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tql
from tql.errors import ArgumentError, UnknownColumnError
from tql.loader.stages.pad import padded

BOXES = [np.full((row % 3, 4), row, np.int16) for row in range(7)]


def loader() -> Any:
    return tql.from_numpy({"boxes": BOXES, "label": np.arange(7)}).dataloader().batch(4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6), st.integers(-3, 3))
def test_padding_by_its_definition(shapes: list[tuple[int, int]], value: int) -> None:
    rows = [np.arange(10, 10 + a * b, dtype=np.int8).reshape(a, b) for a, b in shapes]
    filled = padded(rows, value, "x")
    assert filled.shape == (len(rows), max(a for a, _ in shapes), max(b for _, b in shapes))
    for row, place in zip(rows, filled, strict=True):
        assert np.array_equal(place[: row.shape[0], : row.shape[1]], row)
        assert (place == value).sum() == place.size - row.size


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("pad", [-1, {"boxes": -1}])
def test_columns_are_filled_up(pad: Any, workers: int) -> None:
    first, second = loader().numpy(pad=pad, num_workers=workers)
    assert first["boxes"].shape == (4, 2, 4) and first["boxes"].dtype == np.int16
    assert first["boxes"][1].tolist() == [[1] * 4, [-1] * 4]
    assert second["boxes"].shape == (3, 2, 4)
    assert first["label"].tolist() == [0, 1, 2, 3]


def test_what_a_transform_returns_is_filled_up_too() -> None:
    chain = loader().transform(lambda sample: {"part": sample["boxes"][:, :2], "n": len(sample["boxes"])})
    batch = next(iter(chain.numpy(pad={"part": 0})))
    assert batch["part"].shape == (4, 2, 2) and batch["n"].tolist() == [0, 1, 2, 0]


def test_pad_names_columns_of_numbers() -> None:
    with pytest.raises(UnknownColumnError, match="no column named 'box'") as error:
        loader().numpy(pad={"box": 0})
    assert error.value.candidates == ("boxes",)
    texts = tql.from_numpy({"text": ["a", "bc"]}).dataloader()
    with pytest.raises(ArgumentError, match="pad= is for columns of numbers, column 'text' is text"):
        texts.numpy(pad={"text": 0})
    lengths = texts.transform({"text": lambda text: np.ones(len(text))}).batch(2).numpy(pad={"text": 0})
    assert next(iter(lengths))["text"].tolist() == [[1, 0], [1, 1]]


def test_other_columns_stay_lists() -> None:
    batch = next(iter(loader().numpy(pad={"label": 0})))
    assert isinstance(batch["boxes"], list) and [box.shape for box in batch["boxes"]] == [
        (0, 4),
        (1, 4),
        (2, 4),
        (0, 4),
    ]


def test_a_list_says_how_to_get_one_array() -> None:
    batch = next(iter(loader().numpy()))
    with pytest.raises(AttributeError) as caught:
        _ = batch["boxes"].shape
    assert str(caught.value) == (
        "the rows of column 'boxes' differ in shape, so a batch of them is a list, which has no 'shape'; "
        "pad={'boxes': 0} fills them up to one shape, or give a collate_fn"
    )
    again = pickle.loads(pickle.dumps(batch["boxes"]))
    assert type(again) is type(batch["boxes"]) and again.column == "boxes"


def test_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    batch = next(iter(loader().pytorch(pad=0)))
    assert batch["boxes"].shape == (4, 2, 4) and batch["boxes"].dtype == torch.int16
    ragged = next(iter(loader().pytorch()))["boxes"]
    assert all(isinstance(box, torch.Tensor) for box in ragged)
    assert not hasattr(ragged, "to")


@pytest.mark.parametrize(
    ("pad", "message"),
    [
        ("0", "pad must be a number or a dict of column name to number, got '0'"),
        ({"boxes": []}, "pad must be a number or a dict of column name to number, got []"),
    ],
)
def test_unusable_values(pad: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        loader().numpy(pad=pad)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("rows", "value", "message"),
    [
        ([np.zeros(2, np.uint8), np.zeros(1, np.uint8)], -1, "the pad value of column 'x' is no uint8: -1"),
        ([np.zeros(2, int), np.zeros(1, int)], 0.5, "the pad value of column 'x' is no int64: 0.5"),
        (
            [np.zeros(2), np.zeros((1, 1))],
            0,
            "pad= needs rows of one rank, those of column 'x' have ranks 1 and 2",
        ),
    ],
)
def test_values_that_do_not_fit(rows: Any, value: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        padded(rows, value, "x")
    assert str(caught.value) == message
