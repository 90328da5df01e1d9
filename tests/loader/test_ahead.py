"""Stored rows of several batches are looked up at once, and nobody notices but storage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_view import FakeView, jpeg
from tql.errors import FormatError
from tql.loader.dataloader import DataLoader

ROWS = 60
NOISE = np.random.default_rng(0).integers(0, 20, (256, 256, 3), np.uint8)
FILES = [jpeg(NOISE + np.uint8(3 * row)) for row in range(ROWS)]


class LargeView(FakeView):
    """Pictures large enough to be looked up ahead; counts how often storage is asked, and for how much."""

    def __init__(self, columns: Any, fails_at: int | None = None) -> None:
        super().__init__(columns)
        self.asked: list[int] = []
        self.fails_at = fails_at
        object.__setattr__(self.schema["images"], "row_bytes", NOISE.nbytes)

    def encoded(self, column: str, rows: Any) -> Any:
        if column == "images":
            self.asked.append(len(rows))
            if self.fails_at in rows:
                raise FormatError(f"row {self.fails_at} is damaged")
        return super().encoded(column, rows)


def view(**more: Any) -> LargeView:
    return LargeView({"images": FILES, "labels": np.arange(ROWS)}, **more)


def same_batches(chain: DataLoader, other: DataLoader) -> None:
    for batch, plain in zip(chain, other, strict=True):
        assert np.array_equal(batch["labels"], plain["labels"])
        assert np.array_equal(batch["images"], plain["images"])


def small() -> FakeView:
    return FakeView({"images": FILES, "labels": np.arange(ROWS)})


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same(workers: int) -> None:
    for drawn in (False, True):
        chains = [DataLoader(source, seed=1) for source in (view(), small())]
        if drawn:
            chains = [chain.sample_by(np.ones(ROWS), size=90) for chain in chains]
        same_batches(*(chain.shuffle().batch(4).numpy(num_workers=workers) for chain in chains))


def test_few_batches_at_first_and_more_later() -> None:
    source = view()
    list(DataLoader(source).shuffle(seed=3).batch(4))
    assert source.asked == [4, 8, 16, 32]


def test_rows_that_are_kept_are_not_looked_up_again() -> None:
    source = view()
    chain = DataLoader(source, seed=1).sample_by(np.ones(ROWS), size=90).batch(4)
    batches = list(chain)
    distinct = {int(label) for batch in batches for label in batch["labels"]}
    assert sum(source.asked) < 90 and sum(source.asked) >= len(distinct)


def test_what_is_damaged_later_does_no_harm_before() -> None:
    source = view(fails_at=30)
    iterator = iter(DataLoader(source).batch(4))
    for first in range(0, 28, 4):
        assert next(iterator)["labels"].tolist() == list(range(first, first + 4))
    with pytest.raises(FormatError, match="row 30 is damaged"):
        next(iterator)
