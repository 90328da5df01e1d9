"""A loader among torch's own tools: datasets, devices, pinned memory."""

from __future__ import annotations

import contextlib
import warnings
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError

torch = pytest.importorskip("torch")

from tql.loader.device import copy_ahead, map_tensors  # noqa: E402
from tql.loader.pipeline import Made  # noqa: E402
from tql.loader.stats import Times  # noqa: E402

ROWS = 30


def loader(**output: Any) -> tql.DataLoader:
    ds = tql.from_numpy({"x": np.arange(ROWS), "text": [str(i) for i in range(ROWS)]})
    return ds.dataloader(seed=1).shuffle().batch(4).pytorch(**output)


def rows(batches: Any) -> list[list[int]]:
    return [batch["x"].tolist() for batch in batches]


def test_an_iterable_dataset_gives_the_batches() -> None:
    dataset = loader().to_iterable_dataset()
    assert isinstance(dataset, torch.utils.data.IterableDataset)
    expected = [rows(loader()), rows(dataset)]
    assert expected[0] == expected[1]
    assert len(dataset) == len(loader()) == 8
    through = torch.utils.data.DataLoader(loader().to_iterable_dataset(), batch_size=None)
    assert rows(through) == expected[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_torchs_workers_share_the_batches(workers: int) -> None:
    dataset = loader().to_iterable_dataset()
    through = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert sorted(rows(through)) == sorted(rows(loader()))
        dataset.set_epoch(1)
        second = loader()
        second.set_epoch(1)
        assert sorted(rows(through)) == sorted(rows(second))


def test_a_dataset_keeps_the_state_of_its_loader() -> None:
    dataset = loader().to_iterable_dataset()
    iterator = iter(dataset)
    next(iterator)
    other = loader().to_iterable_dataset()
    other.load_state_dict(dataset.state_dict())
    assert rows(other) == rows(iterator)


class FakeStream:
    """Notes in which order copies are begun and handed over."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def copying(self) -> Any:
        self.events.append("copy")
        return contextlib.nullcontext()

    def mark(self) -> int:
        return self.events.count("copy")

    def hand_over(self, tensors: list[Any], mark: int) -> None:
        self.events.append(f"wait for copy {mark}, hand over {len(tensors)}")


def test_the_next_batch_is_copied_before_this_one_is_handed_over() -> None:
    def batches() -> Any:
        for number in range(3):
            yield Made({"x": torch.full((2,), number), "text": ["a"]}, 2, (), Times())

    stream = FakeStream()
    got = []
    for made in copy_ahead(batches(), "cpu", stream):
        stream.events.append("use")
        got.append(made.batch["x"].tolist())
        assert made.batch["text"] == ["a"]
    assert got == [[0, 0], [1, 1], [2, 2]]
    handed = [f"wait for copy {number}, hand over 1" for number in (1, 2, 3)]
    # The consumer waits for the copy of its own batch, and not for the one that runs ahead.
    assert stream.events == ["copy", "copy", handed[0], "use", "copy", handed[1], "use", handed[2], "use"]


def test_a_loader_with_a_device() -> None:
    chain = loader(device="cpu")
    assert rows(chain) == rows(loader())
    iterator = iter(chain)
    next(iterator)
    state = chain.state_dict()  # of what was handed over, not of what was copied ahead
    other = loader()
    other.load_state_dict(state)
    assert rows(other) == rows(iterator)


def test_closing_ends_what_is_ahead() -> None:
    closed = []

    def batches() -> Any:
        try:
            while True:
                yield Made({"x": torch.zeros(1)}, 1, (), Times())
        finally:
            closed.append(True)

    ahead = copy_ahead(batches(), "cpu")
    next(ahead)
    ahead.close()
    assert closed == [True]


@pytest.mark.skipif(torch.cuda.is_available(), reason="speaks of machines without a GPU")
def test_pinning_without_a_gpu_warns_and_goes_on() -> None:
    with pytest.warns(RuntimeWarning, match="pin_memory=True has no effect: torch finds no GPU"):
        assert rows(loader(pin_memory=True)) == rows(loader())


@pytest.mark.skipif(torch.cuda.is_available(), reason="speaks of machines without a GPU")
def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ArgumentError, match="torch finds no GPU for device='cuda:1'"):
        next(iter(loader(device="cuda:1")))
    with pytest.raises(ArgumentError, match="device must be one of torch's, got 'gpu'"):
        next(iter(loader(device="gpu")))


def test_lists_of_rows_say_what_to_do_on_a_device_too() -> None:
    ragged = tql.from_numpy({"boxes": [np.zeros((n, 4)) for n in range(3)]}).dataloader().batch(3)
    (batch,) = ragged.pytorch(device="cpu")
    with pytest.raises(AttributeError, match=r"pad=\{'boxes': 0\}"):
        batch["boxes"].shape  # noqa: B018


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_batches_on_a_gpu() -> None:
    batches = list(loader(device="cuda", pin_memory=True))
    assert all(batch["x"].is_cuda for batch in batches)
    assert rows(batches) == rows(loader())


def test_tensors_are_found_in_containers() -> None:
    pair = namedtuple("pair", "left right")
    value = {"a": [torch.zeros(1), "x"], "b": pair(torch.zeros(2), 3), "c": (torch.zeros(3),)}
    moved = map_tensors(value, lambda tensor: len(tensor))
    assert moved == {"a": [1, "x"], "b": pair(2, 3), "c": (3,)} and isinstance(moved["b"], pair)
