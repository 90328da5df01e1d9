"""Rows that can't be read, under each policy."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from fake_view import FakeView, jpeg
from tql.errors import ArgumentError, FormatError, RowWarning
from tql.loader.dataloader import DataLoader

ROWS = 24
BAD = (7, 8, 15)


def files(bad: tuple[int, ...] = BAD) -> list[bytes]:
    noise = np.random.default_rng(0).integers(0, 20, (16, 16, 3), np.uint8)
    whole = [jpeg(noise + np.uint8(10 * row)) for row in range(ROWS)]
    return [data[:-40] if row in bad else data for row, data in enumerate(whole)]


def chain(**columns: Any) -> DataLoader:
    view = FakeView(columns or {"images": files(), "labels": np.arange(ROWS)}, indices=range(100, 100 + ROWS))
    return DataLoader(view, seed=2)


def rows(loader: DataLoader) -> list[list[int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RowWarning)
        return [batch["index"].tolist() for batch in loader]


def test_raising_is_the_default() -> None:
    with pytest.raises(FormatError, match=r"^row 107 of column 'images' can't be decoded"):
        list(chain().batch(4).numpy())


@pytest.mark.parametrize("workers", [0, 2])
def test_skipped_rows_are_listed_and_others_take_their_place(workers: int) -> None:
    loader = chain().batch(4).numpy(on_error="skip", num_workers=workers, return_index=True)
    with pytest.warns(RowWarning, match=r"row 107 of column 'images': .*: another row takes its place"):
        batches = list(loader)
    assert [len(batch["images"]) for batch in batches] == [4] * 6
    seen = [int(row) for batch in batches for row in batch["index"]]
    assert not {row - 100 for row in seen} & set(BAD)
    wanted = [row for row in range(100, 100 + ROWS) if row - 100 not in BAD]
    assert [row for place, row in enumerate(seen) if place not in BAD] == wanted
    for batch in batches:  # values, labels and row numbers belong together
        assert (batch["labels"] + 100).tolist() == batch["index"].tolist()
        assert np.abs(batch["images"].mean(axis=(1, 2, 3)) - 10 - 10 * batch["labels"]).max() < 4
    assert [(bad.row, bad.column) for bad in loader.errors] == [
        (107, "images"),
        (108, "images"),
        (115, "images"),
    ]
    assert all(bad.reason for bad in loader.errors)


def test_the_rows_that_take_their_place_depend_on_nothing_but_the_place() -> None:
    def order(**arguments: Any) -> list[list[int]]:
        loader = chain().shuffle().batch(4).numpy(on_error="skip", return_index=True, **arguments)
        return rows(loader)

    expected = order()
    assert order(num_workers=3) == expected == order(num_threads=1)
    one = [row for step in expected for row in step]
    ranks = [
        rows(chain().shuffle().batch(2).numpy(ignore_errors=True, return_index=True, rank=rank, world_size=2))
        for rank in range(2)
    ]
    assert [row for a, b in zip(*ranks, strict=True) for row in a + b] == one
    loader = chain().shuffle().batch(4).numpy(on_error="skip", return_index=True)
    loader.load_state_dict({**loader.state_dict(), "rows": 8})
    assert rows(loader) == expected[2:]


@pytest.mark.parametrize("policy", ["skip", "replace"])
@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_stay_in_step_under_each_policy(policy: Any, workers: int) -> None:
    def rank(number: int, of: int, workers: int = workers) -> tuple[list[list[int]], set[int]]:
        loader = (
            chain()
            .shuffle()
            .batch(8 // of)
            .numpy(on_error=policy, return_index=True, rank=number, world_size=of, num_workers=workers)
        )
        return rows(loader), {bad.row for bad in loader.errors}

    whole, bad = rank(0, 1, workers=0)
    (left, bad_left), (right, bad_right) = rank(0, 2), rank(1, 2)
    assert [len(step) for step in left] == [len(step) for step in right] == [4] * 3
    assert [one + other for one, other in zip(left, right, strict=True)] == whole
    assert bad_left | bad_right == bad == {107, 108, 115}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_rank_raises_for_its_own_rows_alone(workers: int) -> None:
    first, second = (
        chain().batch(12).numpy(rank=rank, world_size=2, num_workers=workers) for rank in range(2)
    )
    with pytest.raises(FormatError, match="row 107 of column 'images'"):
        list(first)
    with pytest.raises(FormatError, match="row 115 of column 'images'"):
        list(second)


def test_replaced_rows_keep_their_place() -> None:
    loader = chain().batch(4).numpy(on_error="replace", return_index=True)
    with pytest.warns(RowWarning, match="an empty value takes its place"):
        batches = list(loader)
    assert [row for batch in batches for row in batch["index"].tolist()] == list(range(100, 100 + ROWS))
    assert [row for batch in batches for row in batch["labels"].tolist()] == list(range(ROWS))
    images = np.concatenate([batch["images"] for batch in batches])
    assert [row for row in range(ROWS) if not images[row].any()] == list(BAD)


@pytest.mark.parametrize(
    ("method", "check"), [("tobytes", lambda x: x), ("pil", lambda x: x.size == (16, 16))]
)
def test_other_decode_methods(method: Any, check: Any) -> None:
    loader = chain().batch(4).numpy(on_error="skip", decode_method={"images": method})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RowWarning)
        assert all(check(image) for batch in loader for image in batch["images"])
    assert len(loader.errors) == (0 if method == "tobytes" else len(BAD))


def test_nothing_but_damage_is_an_error() -> None:
    loader = chain(images=files(tuple(range(ROWS)))).batch(4).numpy(on_error="skip")
    with pytest.raises(FormatError, match=r"^no row can be read in place of those that can't: 64 were tried"):
        next(iter(loader))


@pytest.mark.parametrize("policy", ["skip", "replace"])
def test_errors_of_a_transform_are_raised_all_the_same(policy: Any) -> None:
    def failing(sample: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        list(chain(x=np.arange(4)).transform(failing).numpy(on_error=policy))


def test_a_damaged_file_names_its_chunk(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), np.uint8)
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("labels", dtype="int64")
        ds.extend({"images": list(pixels), "labels": np.arange(6)})
    (chunk,) = (tmp_path / "ds" / "images" / "chunks").iterdir()
    data = bytearray(chunk.read_bytes())
    data[-600:] = b"\xff" * 600  # the last picture
    chunk.write_bytes(data)
    loader = tql.load(tmp_path / "ds").dataloader().batch(3).numpy(on_error="replace", return_index=True)
    with pytest.warns(RowWarning, match=f"row 5 of column 'images' \\(chunk {chunk.name}\\)"):
        batches = list(loader)
    assert batches[1]["images"].shape == (3, 32, 32, 3) and not batches[1]["images"][2].any()
    assert batches[1]["labels"].ravel().tolist() == [3, 4, 5]
    (bad,) = loader.errors
    assert (bad.row, bad.column, bad.chunk) == (5, "images", chunk.name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_error": "stop"}, "on_error must be one of 'raise', 'skip', 'replace', got 'stop'"),
        (
            {"on_error": "raise", "ignore_errors": True},
            "ignore_errors=True and on_error='raise' contradict each other",
        ),
    ],
)
def test_unusable_policies(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        chain().numpy(**arguments)
    assert str(caught.value) == message
