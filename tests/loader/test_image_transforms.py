"""Image transforms of the loader: where they may stand, what they are seeded by, what they refuse."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tql
from fake_view import FakeView, jpeg
from tql import transforms
from tql.errors import ArgumentError, FormatError, RowWarning, UnknownColumnError
from tql.loader.dataloader import DataLoader

pytest.importorskip("PIL")
Pixels = NDArray[np.uint8]


def pictures(count: int, height: int = 40, width: int = 48) -> list[Pixels]:
    coarse = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), np.uint8)
    rows = [np.arange(height) * 4 // height, np.arange(width) * 4 // width]
    return [image[rows[0]][:, rows[1]] for image in coarse]


def view(encode: Any = jpeg, count: int = 12, **more: Any) -> FakeView:
    images = [encode(image) for image in pictures(count)]
    return FakeView({"images": images, "labels": np.arange(count), **more})


def loader(source: FakeView | None = None, **options: Any) -> DataLoader:
    return DataLoader(source or view(), seed=5, **options).batch(5)


def epoch(made: DataLoader) -> dict[str, Any]:
    """The rows of an epoch by their index in the dataset, joined."""
    batches = list(made)
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


TRAIN = transforms.Compose(
    [
        transforms.RandomResizedCrop(16),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.2),
        transforms.ToFloat(),
        transforms.Normalize(0.5, 0.2),
    ]
)


def test_a_recipe_fills_the_batch() -> None:
    batches = list(loader().transform({"images": TRAIN, "labels": None}))
    assert [batch["images"].shape for batch in batches] == [(5, 3, 16, 16), (5, 3, 16, 16), (2, 3, 16, 16)]
    assert batches[0]["images"].dtype == np.float32
    assert batches[0]["labels"].tolist() == [0, 1, 2, 3, 4]


def test_without_a_column_the_images_are_meant() -> None:
    named = epoch(loader().transform({"images": TRAIN, "labels": None}))
    for transform in (TRAIN, list(TRAIN.transforms), transforms.Compose([TRAIN])):
        result = epoch(loader().transform(transform))
        assert list(result) == ["images", "labels"]
        assert np.array_equal(result["images"], named["images"])
    alone = epoch(loader().transform(transforms.CenterCrop(8)).numpy(tensors=["images"]))
    assert list(alone) == ["images"] and alone["images"].shape == (12, 8, 8, 3)


def test_images_in_memory_are_those_of_a_file() -> None:
    images = np.stack(pictures(12))
    other = images.dtype.newbyteorder("=")  # the same dtype as another object, as a pickle brings it too
    for given in (images, images.view(other), list(images)):
        ds = tql.from_numpy({"images": given, "labels": np.arange(12)})
        for each in (ds, pickle.loads(pickle.dumps(ds))):
            made = each.dataloader(seed=5).batch(5).transform({"images": transforms.CenterCrop(16)})
            assert np.array_equal(epoch(made)["images"], images[:, 12:28, 16:32])


def test_neither_batches_nor_threads_workers_and_ranks_matter() -> None:
    rows = view()
    made = DataLoader(rows, seed=5).shuffle(seed=3).transform({"images": TRAIN, "labels": None})
    plain = epoch(made.batch(5).numpy(num_threads=1))
    for batch, threads, workers in ((4, 2, 0), (12, 3, 0), (5, 1, 2), (2, 2, 3)):
        other = epoch(made.batch(batch).numpy(num_threads=threads, num_workers=workers))
        assert np.array_equal(other["images"], plain["images"])
        assert np.array_equal(other["labels"], plain["labels"])
    ranks = [made.batch(2).numpy(rank=rank, world_size=2) for rank in range(2)]
    pieces = [batch["images"] for step in zip(*ranks, strict=True) for batch in step]
    assert np.array_equal(np.concatenate(pieces), plain["images"])
    begun = made.batch(3).numpy()
    iterator = iter(begun)
    next(iterator), next(iterator)
    resumed = made.batch(4).numpy(num_workers=2)
    resumed.load_state_dict(begun.state_dict())
    assert np.array_equal(epoch(resumed)["images"], plain["images"][6:])


def test_the_place_in_the_epoch_is_the_key_and_not_the_row() -> None:
    rows = view()
    made = DataLoader(rows, seed=5).transform(TRAIN).batch(2)
    in_order = epoch(made)["images"]
    swapped = DataLoader(rows.chosen(np.array([1, 0, 2])), seed=5).transform(TRAIN).batch(2)
    results = epoch(swapped)["images"]
    assert np.array_equal(results[2], in_order[2])
    assert not np.array_equal(results[0], in_order[1])


@pytest.mark.parametrize("encode", [jpeg, lambda image: image], ids=["jpeg", "raw"])
@pytest.mark.parametrize("size", [16, (30, 47)])
def test_a_row_that_comes_twice_looks_different_each_time(encode: Any, size: Any) -> None:
    """Equal to a loader that decodes each occurrence by itself, whatever the buffer, workers and ranks."""
    crop = transforms.RandomResizedCrop(size)
    steps = [crop, transforms.RandomHorizontalFlip(), transforms.ColorJitter(0.2)]
    rows = view(encode)
    base = (
        DataLoader(rows, seed=5).sample_by(np.ones(12), size=40).transform({"images": steps, "labels": None})
    )
    drawn = epoch(base.batch(40))
    apart = rows.chosen(drawn["labels"])
    apart.columns["images"] = [bytes(bytearray(i)) if isinstance(i, bytes) else i.copy()
                               for i in apart.columns["images"]]  # fmt: skip
    expected = epoch(DataLoader(apart, seed=5).batch(40).transform(steps))["images"]
    assert np.array_equal(drawn["images"], expected)
    for buffer_size, batch, workers in ((2048, 7, 0), (192 * 3 / 1e6, 7, 0), (2048, 3, 2)):
        made = base.batch(batch).shuffle(False, buffer_size).numpy(num_workers=workers)
        assert np.array_equal(epoch(made)["images"], expected)
    seen = {image.tobytes() for image in expected}
    assert len(seen) == 40


def test_a_function_is_called_for_each_occurrence() -> None:
    calls: list[int] = []
    steps = [transforms.CenterCrop(8), lambda image: (calls.append(1), image)[1]]
    made = DataLoader(view(), seed=5).sample_by(np.ones(12), size=40).batch(6)
    batches = list(made.transform(steps))
    assert len(calls) == 40 and sum(len(batch["images"]) for batch in batches) == 40


def test_each_epoch_and_seed_draws_anew() -> None:
    made = loader().transform(TRAIN)
    first, second = epoch(made)["images"], epoch(made)["images"]
    assert not np.array_equal(first, second)
    made.set_epoch(0)
    assert np.array_equal(epoch(made)["images"], first)
    assert not np.array_equal(epoch(DataLoader(view(), seed=6).batch(5).transform(TRAIN))["images"], first)


def test_columns_with_the_same_steps_get_the_same_crop() -> None:
    images = pictures(6)
    pair = FakeView({"images": images, "masks": [image[..., 0] for image in images]})
    crop = transforms.RandomResizedCrop(20, interpolation="nearest")
    batch = next(iter(DataLoader(pair).batch(6).transform({"images": crop, "masks": crop})))
    assert batch["masks"].shape == (6, 20, 20)
    assert np.array_equal(batch["images"][..., 0], batch["masks"])


def test_every_encoding_gives_the_same(tmp_path: Path) -> None:
    steps = [transforms.CenterCrop(30), transforms.RandomHorizontalFlip(), transforms.ToFloat()]
    kinds: dict[str, dict[str, str]] = {
        "png": {"sample_compression": "png"},
        "raw": {},
        "lz4": {"sample_compression": "lz4"},
        "packed": {"chunk_compression": "lz4"},
    }
    with tql.empty(str(tmp_path / "dataset")) as dataset:
        for name, options in kinds.items():
            dataset.create_tensor(name, htype="image", dtype="uint8", **options)
        for image in pictures(7):
            dataset.append(dict.fromkeys(kinds, image))
    made = tql.load(str(tmp_path / "dataset")).dataloader(seed=1).batch(3)
    drawn = made.sample_by(np.ones(7), size=20)
    for chain in (made, drawn):
        results = epoch(chain.transform(dict.fromkeys(kinds, steps)))
        for name in ("png", "lz4", "packed"):
            assert np.array_equal(results[name], results["raw"]), name


def invert(image: Pixels) -> Pixels:
    return 255 - image


def to_text(image: Pixels) -> str:
    return "x".join(map(str, image.shape))


def test_python_functions_stand_anywhere() -> None:
    steps = [
        transforms.RandomResizedCrop(16),
        invert,
        transforms.RandomHorizontalFlip(),
        transforms.ToFloat(),
        invert,
    ]
    raw = view(lambda image: image)
    mixed = epoch(loader(raw).transform(steps))["images"]
    native = epoch(loader(raw).transform([transforms.RandomResizedCrop(16)]))["images"]
    assert mixed.dtype == np.float32
    back = ((255 - mixed) * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)
    same = [np.array_equal(255 - a, b) for a, b in zip(back, native, strict=True)]
    flipped = [np.array_equal(255 - a[:, ::-1], b) for a, b in zip(back, native, strict=True)]
    assert all(a or b for a, b in zip(same, flipped, strict=True)) and any(same) and any(flipped)
    first = epoch(loader(raw).transform({"images": [invert, transforms.CenterCrop(10)]}))["images"]
    assert np.array_equal(
        first, 255 - epoch(loader(raw).transform({"images": transforms.CenterCrop(10)}))["images"]
    )
    texts = next(iter(loader(raw).transform([transforms.CenterCrop(7), to_text])))
    assert texts["images"] == ["7x7x3"] * 5
    assert np.array_equal(epoch(loader(raw).transform(steps).numpy(num_workers=2))["images"], mixed)


def test_a_function_of_the_sample_and_a_collate_function_see_the_images() -> None:
    torch = pytest.importorskip("torch")
    made = loader().transform(transforms.CenterCrop(9)).pytorch(collate_fn=lambda samples: samples)
    samples = next(iter(made))
    assert samples[0]["images"].shape == (9, 9, 3) and "index" in samples[0]
    batch = next(iter(loader().transform(TRAIN).pytorch()))
    assert batch["images"].dtype == torch.float32 and batch["images"].shape == (5, 3, 16, 16)


def test_images_of_different_results_are_a_list() -> None:
    images = [image[: 20 + i] for i, image in enumerate(pictures(3))]
    batch = next(iter(DataLoader(FakeView({"images": images})).batch(3).transform(transforms.Pad(1))))
    assert [image.shape for image in batch["images"]] == [(22 + i, 50, 3) for i in range(3)]


def test_grey_images_among_others() -> None:
    images = [image if i % 2 else image[..., :1] for i, image in enumerate(pictures(4))]
    grey = FakeView({"images": [jpeg(image.squeeze()) for image in images]})
    steps = [transforms.CenterCrop(8), transforms.ToFloat(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    with pytest.raises(ArgumentError) as caught:
        list(DataLoader(grey).batch(4).transform(steps))
    assert str(caught.value) == (
        "row 0 of column 'images' can't be transformed: Normalize has 3 channels, the image has 1\n"
        "  put RGB() first: it gives every image three channels"
    )
    batch = next(iter(DataLoader(grey).batch(4).transform([transforms.RGB(), *steps])))
    assert batch["images"].shape == (4, 3, 8, 8)


def test_a_damaged_image_is_named() -> None:
    files = [jpeg(image) for image in pictures(6)]
    files[4] = files[4][: len(files[4]) * 3 // 5]  # the header is there
    damaged = FakeView({"images": files}, indices=[10, 11, 12, 13, 14, 15])
    with pytest.raises(FormatError, match=r"row 14 of column 'images'.* can't be decoded: "):
        list(DataLoader(damaged).batch(6).transform(TRAIN))


def test_what_stands_for_a_damaged_image_is_transformed_too() -> None:
    files = [jpeg(image) for image in pictures(6)]
    files[4] = files[4][: len(files[4]) * 3 // 5]
    made = DataLoader(FakeView({"images": files}), seed=5).batch(3).transform(TRAIN)
    whole = (
        DataLoader(FakeView({"images": [*files[:4], files[0], files[5]]}), seed=5).batch(3).transform(TRAIN)
    )
    expected = epoch(whole)["images"]
    with pytest.warns(RowWarning, match="row 4 of column 'images'"):
        replaced = epoch(made.numpy(on_error="replace"))["images"]
    good = [0, 1, 2, 3, 5]
    assert np.array_equal(replaced[good], expected[good])
    assert np.allclose(replaced[4], -0.5 / 0.2)  # black, after the same steps
    with pytest.warns(RowWarning, match="another row"):
        skipped = epoch(made.numpy(on_error="skip"))["images"]
    assert np.array_equal(skipped[good], expected[good])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("labels", "image transforms need uint8 images of 2 or 3 axes, column 'labels' is int64"),
        ("floats", "image transforms need uint8 images of 2 or 3 axes, column 'floats' is float32[2,2]"),
        ("names", "image transforms need uint8 images of 2 or 3 axes, column 'names' is text"),
    ],
)
def test_columns_that_are_no_images(column: str, message: str) -> None:
    rows = view(floats=np.zeros((12, 2, 2), np.float32), names=["a"] * 12)
    with pytest.raises(ArgumentError) as caught:
        loader(rows).transform({column: transforms.CenterCrop(2)})
    assert caught.value.message.startswith(message)


def test_which_column_is_meant_must_be_clear() -> None:
    images = pictures(12)
    with pytest.raises(ArgumentError, match="there are 'images', 'others'\n  name the column"):
        loader(view(others=images)).transform(transforms.CenterCrop(2))
    with pytest.raises(ArgumentError, match="there is none"):
        loader(FakeView({"labels": np.arange(3)})).transform([transforms.CenterCrop(2)])
    with pytest.raises(UnknownColumnError):
        loader().transform({"image": transforms.CenterCrop(2)})
    with pytest.raises(ArgumentError, match="need decode_method 'numpy', got 'tobytes'"):
        loader().transform(TRAIN).numpy(decode_method={"images": "tobytes"})


def test_a_python_function_that_leaves_no_image() -> None:
    with pytest.raises(ArgumentError, match="column 'images' has a value of type str"):
        list(loader().transform([to_text, transforms.CenterCrop(2)]))
    with pytest.raises(ArgumentError, match="column 'images' has float64 of 3 axes"):
        list(loader().transform([lambda image: image / 2, transforms.CenterCrop(2)]))


def test_loaders_with_transforms_pickle() -> None:
    made = loader().transform([TRAIN, invert])
    next(iter(made))
    made.set_epoch(0)
    again = pickle.loads(pickle.dumps(made))
    assert np.array_equal(epoch(again)["images"], epoch(made)["images"])


def test_draws_are_pinned() -> None:
    """A seed means one order of crops, in every version: models are compared across them."""
    y, x = np.mgrid[0:100, 0:100]
    image = np.stack([y, x, x], -1).astype(np.uint8)
    crop = transforms.RandomResizedCrop((2, 2), interpolation="nearest")
    batch = next(iter(DataLoader(FakeView({"images": [image] * 3}), seed=1).batch(3).transform(crop)))
    assert batch["images"][:, [0, 1], [0, 1], :2].reshape(3, 4).tolist() == PINNED


PINNED = [[29, 25, 52, 54], [30, 29, 70, 62], [31, 43, 77, 79]]


def test_draws_of_repeated_rows_are_pinned() -> None:
    y, x = np.mgrid[0:100, 0:100]
    files = [np.stack([y, x, np.full_like(x, row)], -1).astype(np.uint8) for row in range(3)]
    crop = transforms.RandomResizedCrop((2, 2), interpolation="nearest")
    made = DataLoader(FakeView({"images": files}, encodings={"images": "raw"}), seed=1)
    batches = made.sample_by(np.ones(3), size=6).shuffle().batch(4).transform(crop)
    corners = np.concatenate([batch["images"][:, [0, 1], [0, 1]].reshape(-1, 6) for batch in batches])
    assert corners[:, 2].tolist() == PINNED_ROWS
    assert corners[:3, [0, 1, 3, 4]].tolist() == PINNED  # by place: whichever rows these are
    assert corners[3:, [0, 1, 3, 4]].tolist() == PINNED_AFTER


PINNED_ROWS = [0, 1, 0, 1, 1, 0]
PINNED_AFTER = [[29, 25, 63, 51], [17, 45, 50, 81], [51, 30, 83, 72]]
