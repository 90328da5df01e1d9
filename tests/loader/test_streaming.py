"""Batches in one process: their content, the caller's functions, decoding methods, errors and clean-up."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_view import FakeView, jpeg, png
from tql.errors import FormatError
from tql.loader.dataloader import DataLoader

RNG = np.random.default_rng(0)
ROWS = 20
IMAGES = [RNG.integers(0, 255, (8, 8, 3), dtype=np.uint8) for _ in range(ROWS)]


def view(**columns: Any) -> FakeView:
    """Dataset rows 100, 101, ...: images, labels, ragged boxes and text."""
    default = {
        "images": IMAGES,
        "labels": np.arange(ROWS, dtype=np.uint32) % 5,
        "boxes": [np.full((row % 3, 4), row, np.float32) for row in range(ROWS)],
        "text": [f"row {row}" for row in range(ROWS)],
    }
    return FakeView(columns or default, indices=range(100, 100 + ROWS))


def loader(**columns: Any) -> DataLoader:
    return DataLoader(view(**columns))


def first(chain: DataLoader) -> Any:
    return next(iter(chain))


def test_a_numpy_batch() -> None:
    batch = first(loader().batch(4).numpy())
    assert list(batch) == ["images", "labels", "boxes", "text"]
    assert batch["images"].dtype == np.uint8 and np.array_equal(batch["images"], np.stack(IMAGES[:4]))
    assert batch["labels"].dtype == np.uint32 and batch["labels"].tolist() == [0, 1, 2, 3]
    assert [box.shape for box in batch["boxes"]] == [(0, 4), (1, 4), (2, 4), (0, 4)]
    assert batch["text"] == ["row 0", "row 1", "row 2", "row 3"]


def test_batches_may_be_written_to() -> None:
    batch = first(loader().batch(4).numpy())
    batch["images"][:] = 0
    batch["labels"][:] = 0
    batch["boxes"][1][:] = 0


def test_a_loader_without_an_output_gives_numpy() -> None:
    assert isinstance(first(loader().batch(2))["images"], np.ndarray)


def test_tensors_choose_the_columns() -> None:
    assert list(first(loader().numpy(tensors=["text", "labels"]))) == ["text", "labels"]


def test_columns_that_are_not_wanted_are_not_read() -> None:
    rows = view()
    list(DataLoader(rows).batch(5).numpy(tensors=["labels"]))
    assert rows.fetched == ROWS


def labels(chain: DataLoader) -> list[int]:
    return [int(label) for batch in chain for label in batch["labels"]]


def test_every_epoch_is_a_new_order_of_all_rows() -> None:
    chain = loader(labels=np.arange(ROWS)).shuffle().batch(6).numpy()
    epochs = [labels(chain) for _ in range(3)]
    assert all(sorted(epoch) == list(range(ROWS)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_an_epoch_can_be_had_again() -> None:
    chain = loader(labels=np.arange(ROWS)).shuffle().batch(6).numpy()
    epochs = [labels(chain) for _ in range(3)]
    chain.set_epoch(1)
    assert [labels(chain), labels(chain)] == epochs[1:]


def test_the_seed_of_a_shuffle_goes_before_the_seed_of_the_loader() -> None:
    def order(loader_seed: int, **shuffle: Any) -> list[int]:
        return labels(DataLoader(view(labels=np.arange(ROWS)), seed=loader_seed).shuffle(**shuffle))

    assert order(1) == order(1) == order(2, seed=1)
    assert order(1) != order(2)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_batches_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    columns = {"images": [jpeg(image) for image in IMAGES], "labels": np.arange(ROWS)}
    expected = list(loader(**columns).shuffle().batch(6).numpy(num_threads=3))
    for batch, other in zip(
        expected, loader(**columns).shuffle().batch(6).numpy(num_threads=threads), strict=True
    ):
        assert np.array_equal(batch["images"], other["images"])
        assert np.array_equal(batch["labels"], other["labels"])


def test_two_iterations_at_once_do_not_disturb_each_other() -> None:
    chain = loader(labels=np.arange(ROWS)).shuffle().batch(4).numpy()
    pairs = list(zip(chain, chain, strict=True))
    chain.set_epoch(0)
    assert [batch["labels"].tolist() for batch, _ in pairs] == [b["labels"].tolist() for b in chain]
    assert [batch["labels"].tolist() for _, batch in pairs] == [b["labels"].tolist() for b in chain]


# --- the caller's functions --------------------------------------------------------------------------------


def test_a_transform_gets_samples_and_its_result_is_collated() -> None:
    seen: list[dict[str, Any]] = []

    def transform(sample: dict[str, Any], factor: int) -> tuple[Any, str]:
        seen.append(sample)
        return sample["labels"] * factor, sample["text"]

    batch = first(loader().transform(transform, factor=10).batch(3).numpy(prefetch_factor=1))
    assert batch[0].tolist() == [0, 10, 20] and batch[1] == ["row 0", "row 1", "row 2"]
    assert list(seen[0]) == ["images", "labels", "boxes", "text"]
    assert seen[1]["boxes"].shape == (1, 4)
    assert len(seen) == 3


def test_a_dict_of_transforms_chooses_the_columns() -> None:
    batch = first(loader().transform({"text": str.upper, "labels": None}).batch(2).numpy())
    assert list(batch) == ["text", "labels"]
    assert batch["text"] == ["ROW 0", "ROW 1"] and batch["labels"].tolist() == [0, 1]


def test_results_of_different_shapes_come_as_a_list() -> None:
    batch = first(loader().transform({"boxes": lambda boxes: boxes[:, :2]}).batch(3).numpy())
    assert [box.shape for box in batch["boxes"]] == [(0, 2), (1, 2), (2, 2)]


class UserError(Exception):
    """Takes two arguments, so that it can't be unpickled."""

    def __init__(self, text: str, more: int) -> None:
        super().__init__(f"{text} {more}")


def failing(sample: Any) -> Any:
    raise UserError("broken sample", 1)


@pytest.mark.parametrize("transform", [failing, {"labels": failing}])
def test_errors_of_a_transform_point_into_the_callers_code(transform: Any) -> None:
    with pytest.raises(UserError, match=r"^broken sample 1$") as caught:
        list(loader().transform(transform).numpy())
    assert traceback.extract_tb(caught.tb)[-1].name == "failing"


# --- decoding methods --------------------------------------------------------------------------------------


def test_stored_bytes() -> None:
    files = [jpeg(image) for image in IMAGES]
    batch = first(loader(images=files).batch(3).numpy(decode_method={"images": "tobytes"}))
    assert batch["images"] == files[:3]


@pytest.mark.parametrize("encode", [jpeg, png])
def test_pillow_images(encode: Callable[[Any], bytes]) -> None:
    files = [encode(image) for image in IMAGES]
    batch = first(loader(images=files).batch(3).numpy(decode_method={"images": "pil"}))
    assert [image.size for image in batch["images"]] == [(8, 8)] * 3
    assert batch["images"][0].mode == "RGB"


def test_jpegs_are_decoded_into_one_array() -> None:
    batch = first(loader(images=[jpeg(image, quality=100) for image in IMAGES]).batch(3).numpy())
    assert batch["images"].shape == (3, 8, 8, 3)
    assert np.abs(batch["images"].astype(int) - np.stack(IMAGES[:3])).mean() < 60


def test_images_of_different_sizes_come_as_a_list() -> None:
    files = [jpeg(np.zeros((8, 8 + row, 3), np.uint8)) for row in range(ROWS)]
    batch = first(loader(images=files).batch(3).numpy())
    assert [image.shape for image in batch["images"]] == [(8, 8, 3), (8, 9, 3), (8, 10, 3)]


def damaged() -> list[bytes]:
    files = [jpeg(image) for image in IMAGES]
    files[7] = files[7][:-40]
    return files


@pytest.mark.parametrize("method", ["numpy", "pil"])
def test_a_damaged_image_is_named_after_the_batches_before_it(method: Any) -> None:
    iterator = iter(loader(images=damaged()).batch(2).numpy(decode_method={"images": method}))
    assert len([next(iterator) for _ in range(3)]) == 3
    with pytest.raises(FormatError, match=r"^row 107 of column 'images' can't be decoded: \S"):
        next(iterator)


# --- bounds and clean-up -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prefetch", [1, 3])
def test_no_more_is_fetched_than_was_allowed(prefetch: int) -> None:
    rows = view(images=[jpeg(image) for image in IMAGES])
    iterator = iter(DataLoader(rows).batch(2).numpy(prefetch_factor=prefetch))
    for taken in (1, 2, 3):
        next(iterator)
        assert rows.fetched == 2 * (taken + prefetch)


def threads() -> int:
    """Threads of this process. One that was joined may be counted for an instant."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


def thread_ids() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def settles_at(expected: int) -> bool:
    deadline = time.monotonic() + 2
    while threads() != expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return threads() == expected


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts threads in /proc")
def test_no_threads_are_left_behind() -> None:
    chain = loader(images=[jpeg(image) for image in IMAGES]).batch(2).numpy(num_threads=3)
    gc.collect()
    time.sleep(0.05)  # threads of the tests before
    before = threads()

    iterator = iter(chain)
    next(iterator)
    assert threads() == before + 3
    chain.close()
    assert settles_at(before)
    assert next(iterator, None) is None

    with chain as same:
        next(iter(same))
    assert settles_at(before)
    assert len(list(chain)) == len(chain)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts threads in /proc")
def test_threads_stay_from_epoch_to_epoch_and_end_with_the_loader() -> None:
    chain = loader(images=[jpeg(image) for image in IMAGES]).batch(2).numpy(num_threads=3)
    gc.collect()
    time.sleep(0.05)  # threads of the tests before
    before = threads()
    for _ in chain:
        break
    kept = thread_ids()
    list(chain), list(zip(chain, chain, strict=True))
    assert thread_ids() == kept and threads() == before + 3
    del _, chain
    gc.collect()
    assert settles_at(before)


def _batches_of(chain: Any, into: Any) -> None:
    into.put([batch["images"].tolist() for batch in chain])


def test_a_forked_child_goes_on_with_threads_of_its_own() -> None:
    context = multiprocessing.get_context("fork")
    chain = loader(images=[jpeg(image) for image in IMAGES]).batch(2).numpy(num_threads=2)
    expected = [batch["images"].tolist() for batch in chain]
    answers = context.Queue()
    child = context.Process(target=_batches_of, args=(chain, answers))
    child.start()
    assert answers.get(timeout=60) == expected
    child.join(60)
    assert child.exitcode == 0
    assert [batch["images"].tolist() for batch in chain] == expected


class TestTorch:
    """Batches of tensors."""

    @pytest.fixture(autouse=True)
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    def test_a_torch_batch(self, torch: Any) -> None:
        batch = first(loader().batch(4).pytorch())
        assert list(batch) == ["images", "labels", "boxes", "text", "index"]
        assert batch["images"].dtype == torch.uint8 and batch["images"].shape == (4, 8, 8, 3)
        assert batch["labels"].dtype == torch.int64 and batch["labels"].tolist() == [0, 1, 2, 3]
        assert [box.shape for box in batch["boxes"]] == [(0, 4), (1, 4), (2, 4), (0, 4)]
        assert all(box.dtype == torch.float32 for box in batch["boxes"])
        assert batch["text"] == ["row 0", "row 1", "row 2", "row 3"]
        assert batch["index"].dtype == torch.int64 and batch["index"].tolist() == [100, 101, 102, 103]

    def test_the_index_may_be_left_out(self) -> None:
        assert "index" not in first(loader().pytorch(return_index=False))

    def test_collate_fn_gets_the_samples(self) -> None:
        received: list[Any] = []
        batch = first(
            loader().batch(3).pytorch(collate_fn=lambda s: received.append(s) or len(s), prefetch_factor=1)
        )
        assert batch == 3
        assert [list(sample) for sample in received[0]] == [
            ["images", "labels", "boxes", "text", "index"]
        ] * 3
        assert isinstance(received[0][0]["images"], np.ndarray) and received[0][1]["index"] == 101

    def test_collate_fn_gets_what_the_transforms_returned(self) -> None:
        one = loader().transform(lambda s: s["text"]).batch(2).pytorch(collate_fn=list)
        assert first(one) == ["row 0", "row 1"]
        many = loader().transform({"text": str.upper, "labels": None}).batch(2)
        samples = first(many.pytorch(collate_fn=list, return_index=False))
        assert samples == [{"text": "ROW 0", "labels": 0}, {"text": "ROW 1", "labels": 1}]

    def test_the_index_survives_a_transform_that_returns_a_dict(self) -> None:
        batch = first(loader().transform(lambda sample: {"x": sample["index"]}).batch(2).pytorch())
        assert batch["x"].tolist() == [100, 101] == batch["index"].tolist()
        kept = first(loader().transform(lambda sample: {"index": -1}).batch(2).pytorch())
        assert kept["index"].tolist() == [-1, -1]

    def test_errors_of_collate_fn_point_into_the_callers_code(self) -> None:
        with pytest.raises(UserError) as caught:
            list(loader().pytorch(collate_fn=failing))
        assert traceback.extract_tb(caught.tb)[-1].name == "failing"

    def test_pillow_images_go_through_a_transform(self, torch: Any) -> None:
        chain = loader(images=[png(image) for image in IMAGES], labels=np.arange(ROWS)).batch(4)
        chain = chain.transform({"images": lambda image: torch.tensor(image.size), "labels": None})
        batch = first(chain.pytorch(decode_method={"images": "pil"}))
        assert batch["images"].tolist() == [[8, 8]] * 4
