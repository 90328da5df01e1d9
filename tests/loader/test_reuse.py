"""Rows that come again soon are decoded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_view import FakeView, jpeg
from tql.loader.dataloader import DataLoader
from tql.loader.schedule import Draw, ExactShuffle, Schedule
from tql.loader.stages.reuse import Reuse, Turns, near_repeats

ROWS = 12
FILES = [jpeg(np.full((8, 8, 3), 20 * row, np.uint8)) for row in range(ROWS)]
RAGGED = [jpeg(np.full((8, 8 + row % 3, 3), 20 * row, np.uint8)) for row in range(ROWS)]


class CountingView(FakeView):
    """Counts how often each row of the images is decoded."""

    def encoded(self, column: str, rows: Any) -> Any:
        if column == "images":  # equal rows side by side are decoded once
            runs = [row for place, row in enumerate(rows.tolist()) if place == 0 or row != rows[place - 1]]
            self.decoded = [*getattr(self, "decoded", []), *runs]
        return super().encoded(column, rows)


def drawn(files: list[bytes] = FILES, **output: Any) -> tuple[CountingView, DataLoader]:
    view = CountingView({"images": files, "labels": np.arange(ROWS)})
    loader = DataLoader(view, seed=1).sample_by(np.arange(ROWS), size=60)
    return view, loader.shuffle(buffer_size=output.pop("buffer_size", 2048)).batch(5).numpy(**output)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 12))
def test_near_repeats_by_their_definition(rows: list[int], window: int) -> None:
    again, needed = near_repeats(np.array(rows, np.int64), window)
    for slot, row in enumerate(rows):
        before = [other for other in range(slot) if rows[other] == row]
        after = [other for other in range(slot + 1, len(rows)) if rows[other] == row]
        assert again[slot] == bool(before and slot - before[-1] <= window)
        assert needed[slot] == bool(after and after[0] - slot <= window)


@pytest.mark.parametrize("files", [FILES, RAGGED])
def test_each_row_of_an_epoch_is_decoded_once_and_the_batches_are_the_same(files: list[bytes]) -> None:
    view, loader = drawn(files)
    batches = list(loader)
    assert sorted(view.decoded) == sorted(set(view.decoded))
    every = DataLoader(CountingView({"images": files, "labels": np.arange(ROWS)}))
    single = {int(batch["labels"][0]): batch["images"][0] for batch in every}
    for batch in batches:
        assert len(batch["images"]) == 5
        for image, label in zip(batch["images"], batch["labels"].tolist(), strict=True):
            assert np.array_equal(image, single[label])


def test_writing_to_a_batch_does_not_reach_the_next() -> None:
    _, loader = drawn()
    _, other = drawn()
    for batch, untouched in zip(loader, other, strict=True):
        assert np.array_equal(batch["images"], untouched["images"])
        batch["images"][:] = 0


def test_workers_give_the_same() -> None:
    _, loader = drawn()
    _, working = drawn(num_workers=3)
    for batch, other in zip(loader, working, strict=True):
        assert np.array_equal(batch["images"], other["images"])


def test_a_small_buffer_keeps_fewer_rows() -> None:
    view, loader = drawn(buffer_size=192 * 4 / 1e6)
    list(loader)
    assert len(set(view.decoded)) < len(view.decoded) < 60


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 9))
def test_never_more_rows_are_kept_than_the_window(window: int, stride: int, batch: int) -> None:
    draw = Draw(np.arange(1.0, 21.0), 80, replace=True, seed=4)
    order = Schedule(20, batch, draw=draw, shuffle=ExactShuffle(4)).epoch(0)
    reuse = Reuse(order, np.arange(20), Turns(0, stride), window)
    for step in range(0, len(order), stride):
        rows = order.batch(step)
        decoded = reuse.decoded(step, rows)
        assert set(decoded) == set(rows[reuse.fresh(step)])
        got = reuse.complete(
            step, "x", np.stack([np.full(3, row) for row in decoded]) if len(decoded) else []
        )
        assert got is not None and [int(row[0]) for row in got] == rows.tolist()
        assert reuse.kept() <= window
    assert reuse.kept() == 0


def test_a_view_with_repeated_rows_counts_too() -> None:
    import tql

    ds = tql.from_numpy({"x": np.arange(5)})
    assert ds.sample_by(np.ones(5), size=40).has_repeats
    assert ds[[1, 1, 2]].has_repeats
    assert not ds.has_repeats and not ds[[2, 1]].has_repeats
    assert not ds.query("select * where x > 2").has_repeats


def test_a_damaged_row_among_repeats() -> None:
    noise = np.random.default_rng(0).integers(0, 20, (16, 16, 3), np.uint8)
    files = [jpeg(noise + np.uint8(20 * row)) for row in range(ROWS)]
    files[11] = files[11][:-40]
    _, loader = drawn(files, on_error="skip")
    with pytest.warns(UserWarning, match="row 11"):
        batches = list(loader)
    assert [len(batch["images"]) for batch in batches] == [5] * 12
    for batch in batches:
        assert 11 not in batch["labels"]
        assert np.abs(batch["images"].mean(axis=(1, 2, 3)) - 10 - 20 * batch["labels"]).max() < 4
