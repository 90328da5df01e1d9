"""Labels of several batches are read at once, and nobody notices but storage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fake_view import FakeView, jpeg
from tql.errors import FormatError
from tql.loader.dataloader import DataLoader

ROWS = 60
FILES = [jpeg(np.full((8, 8, 3), 4 * row, np.uint8)) for row in range(ROWS)]


class CountingView(FakeView):
    """Pictures and labels; notes how many labels storage is asked for each time."""

    def __init__(self, fails_at: int | None = None) -> None:
        super().__init__({"images": FILES, "labels": np.arange(ROWS)})
        self.asked: list[int] = []
        self.fails_at = fails_at

    def take(self, column: str, facet: str, rows: Any) -> Any:
        if column == "labels":
            self.asked.append(len(rows))
            if self.fails_at in rows:
                raise FormatError(f"row {self.fails_at} is damaged")
        return super().take(column, facet, rows)


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_labels_go_with_their_pictures(drawn: bool, workers: int) -> None:
    chain = DataLoader(FakeView({"images": FILES, "labels": np.arange(ROWS)}), seed=1)
    if drawn:
        chain = chain.sample_by(np.ones(ROWS), size=90)
    rows = 0
    for batch in chain.shuffle().batch(4).numpy(num_workers=workers, return_index=True):
        assert np.array_equal(batch["labels"], batch["index"])
        assert np.allclose(batch["images"][:, 0, 0, 0], 4 * batch["labels"], atol=3)
        rows += len(batch["labels"])
    assert rows == (90 if drawn else ROWS)


def test_few_batches_at_first_and_more_later() -> None:
    view = CountingView()
    list(DataLoader(view).shuffle(seed=3).batch(4))
    assert view.asked == [4, 8, 16, 32]


def test_labels_belong_to_who_gets_them() -> None:
    batches = iter(DataLoader(CountingView()).batch(4))
    for first in range(0, ROWS, 4):
        labels = next(batches)["labels"]
        assert labels.tolist() == list(range(first, first + 4))
        labels[:] = -1
    assert next(batches, None) is None


def test_what_is_damaged_later_does_no_harm_before() -> None:
    iterator = iter(DataLoader(CountingView(fails_at=30)).batch(4))
    for first in range(0, 28, 4):
        assert next(iterator)["labels"].tolist() == list(range(first, first + 4))
    with pytest.raises(FormatError, match="row 30 is damaged"):
        next(iterator)


def test_two_epochs_at_once() -> None:
    loader = DataLoader(CountingView()).shuffle(seed=1).batch(4).numpy(return_index=True)
    for one, other in zip(loader, loader, strict=True):
        for batch in (one, other):
            assert np.array_equal(batch["labels"], batch["index"])
