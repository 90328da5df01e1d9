"""Rows that come again soon are decoded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_view import FakeView, jpeg
from tql.loader.dataloader import DataLoader
from tql.loader.decoding import decode_rows
from tql.loader.schedule import Draw, ExactShuffle, Schedule
from tql.loader.stages.reuse import Reuse, Turns, come_again

ROWS = 12
FILES = [jpeg(np.full((8, 8, 3), 20 * row, np.uint8)) for row in range(ROWS)]
RAGGED = [jpeg(np.full((8, 8 + row % 3, 3), 20 * row, np.uint8)) for row in range(ROWS)]


class CountingView(FakeView):
    """Counts how often each row of the images is decoded."""

    def encoded(self, column: str, rows: Any) -> Any:
        if column == "images":
            self.decoded = [*getattr(self, "decoded", []), *rows.tolist()]
        return super().encoded(column, rows)


def drawn(files: list[bytes] = FILES, **output: Any) -> tuple[CountingView, DataLoader]:
    view = CountingView({"images": files, "labels": np.arange(ROWS)})
    loader = DataLoader(view, seed=1).sample_by(np.arange(ROWS), size=60)
    return view, loader.shuffle(buffer_size=output.pop("buffer_size", 2048)).batch(5).numpy(**output)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 12))
def test_come_again_by_its_definition(rows: list[int], window: int) -> None:
    again = come_again(np.array(rows, np.int64), window)
    for slot, row in enumerate(rows):
        assert again[slot] == (row in rows[slot + 1 : slot + 1 + window])


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
@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 9), st.booleans())
def test_never_more_rows_are_kept_than_the_window(window: int, stride: int, batch: int, native: bool) -> None:
    draw = Draw(np.arange(1.0, 21.0), 80, replace=True, seed=4)
    order = Schedule(20, batch, draw=draw, shuffle=ExactShuffle(4)).epoch(0)
    reuse = Reuse(order, np.arange(20), Turns(0, stride), window)
    kept = reuse.of("x")
    view = FakeView({"x": [np.full(3, row) for row in range(20)]})
    asked: list[int] = []
    for step in range(0, len(order), stride):
        rows = order.batch(step)

        def fetch(positions: Any) -> Any:
            asked.extend(positions.tolist())
            return view.encoded("x", positions)

        def decode(positions: Any) -> Any:
            asked.extend(positions.tolist())
            return [np.full(3, row) for row in positions]

        if native:
            stored = kept.encoded(reuse.batch(step), rows, fetch)
            assert stored is not None
            got = decode_rows(stored)
        else:
            got = kept.decoded(reuse.batch(step), rows, decode)
        assert [int(row[0]) for row in got] == rows.tolist()
        assert len(kept) <= window
    assert len(kept) == 0
    if window == 30 and stride == 1:
        assert len(asked) < 80


def test_rows_whose_first_batch_was_never_fetched_are_fetched_later() -> None:
    order = Schedule(4, 2, draw=Draw(np.ones(4), 12, replace=True, seed=1)).epoch(0)
    reuse, view = (
        Reuse(order, np.arange(4), Turns(), 100),
        FakeView({"x": [np.full(3, row) for row in range(4)]}),
    )
    for step in range(1, len(order)):
        rows = order.batch(step)
        stored = reuse.of("x").encoded(reuse.batch(step), rows, lambda at: view.encoded("x", at))
        assert stored is not None
        assert [int(row[0]) for row in decode_rows(stored)] == rows.tolist()


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
