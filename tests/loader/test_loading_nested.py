"""Batches of columns that are no plain arrays: lists with NULL, lists of arrays that differ, documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tql

ROWS: dict[str, list[Any]] = {
    "numbers": [[1, None], [], None, [2], [3, 4], []],
    "boxes": [[[1.0, 2.0]], [[3.0], [4.0, 5.0]], [], None, [None, [6.0]], [[]]],
    "words": [["a", None], None, [], ["b"], [], ["c", "d"]],
    "document": [{"a": [1, 2.5]}, None, [1], "x", 5, {}],
    "label": [0, 1, None, 1, 0, 0],
}
TYPES = {
    "numbers": "int32?[]",
    "boxes": "float32[][]",
    "words": "text?[]",
    "document": "json",
    "label": tql.class_label(["cat", "dog"], "uint8"),
}


@pytest.fixture
def ds() -> tql.Dataset:
    return tql.from_pydict(ROWS, TYPES)


def plain(value: Any) -> Any:
    """Arrays and tensors as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("face", ["numpy", "pytorch"])
def test_batches_have_a_list_per_row(ds: tql.Dataset, face: str, workers: int) -> None:
    if face == "pytorch":
        pytest.importorskip("torch")
    loader = getattr(ds[::-1].dataloader().batch(4), face)(num_workers=workers)
    batches = list(loader)
    for name, rows in ROWS.items():
        assert [plain(row) for batch in batches for row in batch[name]] == rows[::-1]


def test_arrays_in_lists_are_arrays_of_the_face(ds: tql.Dataset) -> None:
    (batch,) = ds.dataloader().batch(6).numpy()
    assert all(isinstance(entry, np.ndarray) for entry in batch["boxes"][1])
    assert batch["boxes"][1][0].dtype == np.float32
    torch = pytest.importorskip("torch")
    (batch,) = ds.dataloader().batch(6).pytorch()
    assert batch["boxes"][4][0] is None and batch["boxes"][4][1].dtype == torch.float32


def test_shuffled_and_transformed(ds: tql.Dataset) -> None:
    loader = ds.dataloader(seed=1).shuffle().transform(lambda row: {"n": len(row["words"] or [])}).batch(6)
    (batch,) = loader.numpy()
    assert sorted(batch["n"].tolist()) == [0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("face", ["numpy", "pytorch"])
def test_data_are_python_values(ds: tql.Dataset, face: str, workers: int) -> None:
    if face == "pytorch":
        pytest.importorskip("torch")
    nested = ["numbers", "boxes", "words", "document"]
    chain = getattr(ds.dataloader().batch(4), face)
    batches = list(chain(tensors=nested, decode_method=dict.fromkeys(nested, "data"), num_workers=workers))
    for name in nested:  # equal lists: no array compares equal to a list as a whole
        assert [row for batch in batches for row in batch[name]] == ROWS[name]
    assert type(batches[0]["boxes"][0][0]) is list and type(batches[0]["boxes"][0][0][0]) is float


def test_data_of_a_column_of_numbers_is_refused(ds: tql.Dataset) -> None:
    with pytest.raises(tql.errors.ArgumentError, match=r"^decode_method 'data' gives JSON, lists and texts"):
        ds.dataloader().numpy(decode_method={"label": "data"})
