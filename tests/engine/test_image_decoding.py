"""Image programs and decoding: parts of a JPEG, fractions of its size, rows that are kept."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.image_rows import jpeg, needs_jpeg, opened, picture, raw, resized, rows_of, run
from tql import _engine, transforms


@pytest.fixture(scope="module")
def pool():
    pool = _engine.DecodePool(2)
    yield pool
    pool.close()


SHARED = [
    (transforms.Resize((20, 24)),),
    (transforms.Resize((90, 150)), transforms.ToFloat()),
    (transforms.RandomResizedCrop((30, 40)), transforms.RandomHorizontalFlip()),
    (transforms.RandomResizedCrop((60, 70)), transforms.ToFloat()),
    (transforms.CenterCrop(40), transforms.ColorJitter(0.3)),
]


@pytest.mark.parametrize("steps", SHARED, ids=lambda steps: "-".join(type(step).__name__ for step in steps))
@pytest.mark.parametrize("codec", ["raw", pytest.param("jpeg", marks=needs_jpeg)])
def test_kept_rows_give_what_each_row_gives_alone(pool, codec, steps):
    images = [picture(150, 200 - 8 * i) for i in range(4)]
    items = [image.tobytes() if codec == "raw" else jpeg(image) for image in images]
    stored = rows_of(codec, items, [image.shape for image in images])
    kept = stored.keep(np.array([0, 2]), _engine.RowMemory())
    batches = [[-1, 1, -1, -2, 1, 3], [-2, -2, 0, -1], [-1, -2]]
    for number, slots in enumerate(batches):
        rows = None if min(slots) == max(slots) or all(slot < 0 for slot in slots) else stored
        joined = _engine.EncodedRows.join(rows, np.array(slots), kept)
        assert joined is not None
        results = run(pool, joined, *steps, places=np.arange(len(slots)) + 10 * number)
        for place, slot in enumerate(slots):
            row = slot if slot >= 0 else [0, 2][-1 - slot]
            alone = run(pool, stored.take(np.array([row])), *steps, places=[place + 10 * number])[0]
            assert np.array_equal(results[place], alone)


def test_rows_that_do_not_go_together_are_not_joined(pool):
    image = picture(8, 9)
    rows, flat = raw([image]), raw([image[..., 0]])
    kept = rows.keep(np.array([0]), _engine.RowMemory())
    assert _engine.EncodedRows.join(flat, np.array([0, -1]), kept) is None
    for slots in ([1], [-2], [-1, 5]):
        with pytest.raises(IndexError, match=r"(row|slot) is out of range"):
            _engine.EncodedRows.join(rows, np.array(slots), kept)
    with pytest.raises(IndexError, match="row is out of range: 1"):
        rows.keep(np.array([1]), _engine.RowMemory())
    with pytest.raises(IndexError, match="no rows to join"):
        _engine.EncodedRows.join(None, np.array([0]), [])


# --- jpeg --------------------------------------------------------------------------------------------------

JPEGS = [{"subsampling": s} for s in (0, 1, 2)] + [{"progressive": True}, {"restart_marker_rows": 1}]
STEPS = [
    (transforms.RandomResizedCrop(40, exact=True), transforms.RandomHorizontalFlip()),
    (transforms.CenterCrop((31, 57)),),
    (transforms.RandomHorizontalFlip(), transforms.CenterCrop((50, 33)), transforms.ToFloat()),
    (transforms.CenterCrop(60), transforms.RandomResizedCrop((20, 30), exact=True), transforms.Pad(2)),
    (transforms.RGB(), transforms.RandomHorizontalFlip(), transforms.Resize(64, exact=True)),
    (transforms.ColorJitter(0.5, 0.5), transforms.CenterCrop((90, 180))),
]


@needs_jpeg
@pytest.mark.parametrize(
    "steps", STEPS, ids=[type(steps[0]).__name__ + str(i) for i, steps in enumerate(STEPS)]
)
@pytest.mark.parametrize("options", JPEGS, ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_decoding_a_part_changes_nothing(pool, steps, options, channels):
    files = [jpeg(picture(120 + 7 * i, 165 - 5 * i, channels), quality=85, **options) for i in range(8)]
    images = [opened(data) for data in files]
    stored = rows_of("jpeg", files, [image.shape for image in images])
    for epoch in range(3):
        part, whole = run(pool, stored, *steps, epoch=epoch), run(pool, raw(images), *steps, epoch=epoch)
        assert all(np.array_equal(a, b) for a, b in zip(part, whole, strict=True))


@needs_jpeg
@pytest.mark.parametrize("options", [*JPEGS, None], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_resize_and_centre_crop_at_once_are_one_after_the_other(pool, options, channels, interpolation):
    """Only the pixels that the middle depends on are decoded, at a fraction of the size too."""
    image = picture(201, 333, channels)
    data = image.tobytes() if options is None else jpeg(image, quality=85, **options)
    stored = rows_of("raw" if options is None else "jpeg", [data], [image.shape])
    sizes = [
        (64, 40),
        (100, 99),
        (256, 224),
        (17, 1),
        ((201, 333), 50),
        ((90, 333), (90, 10)),
        (40, (40, 66)),
    ]
    for flipped in (0.0, 1.0):
        flip = transforms.RandomHorizontalFlip(flipped)
        for size, crop in sizes:
            resize = transforms.Resize(size, interpolation)
            middle = transforms.CenterCrop(crop)
            apart = run(pool, raw([run(pool, stored, flip, resize)[0]]), middle)
            assert np.array_equal(run(pool, stored, flip, resize, middle), apart)
            floats = run(pool, stored, flip, resize, middle, flip, transforms.ToFloat())
            last = apart[..., ::-1, :] if flipped else apart
            assert np.array_equal(floats, last.transpose(0, 3, 1, 2) / np.float32(255))


@needs_jpeg
@pytest.mark.parametrize(
    ("to", "mean", "most"), [((100, 120), 1.5, 24), ((60, 60), 2.5, 32), ((40, 30), 4.0, 40)]
)
def test_scaled_decoding_is_near(pool, to, mean, most):
    y, x = np.mgrid[0:375, 0:500]
    smooth = np.stack([128 + 100 * np.sin(x / 40), 128 + 100 * np.cos(y / 30), (x + y) / 4], -1)
    noise = np.random.default_rng(0).normal(0, 8, smooth.shape)
    data = jpeg(np.clip(smooth + noise, 0, 255).astype(np.uint8), quality=90)
    stored = rows_of("jpeg", [data], [(375, 500, 3)])
    exact = run(pool, stored, transforms.Resize(to, exact=True))
    near = run(pool, stored, transforms.Resize(to))
    difference = np.abs(exact.astype(int) - near)
    assert 0 < difference.mean() < mean and difference.max() <= most
    assert np.array_equal(exact[0], np.asarray(resized(Image.open(io.BytesIO(data)), *to)))


@needs_jpeg
@pytest.mark.parametrize("channels", [1, 3])
def test_crops_of_scaled_pictures_are_near(pool, channels):
    """The tolerance of docs/transforms.md: smooth pictures, any crop."""
    y, x = np.mgrid[0:601, 0:803]
    smooth = np.stack([128 + 100 * np.sin(x / 40), 128 + 100 * np.cos(y / 30), (x + y) / 6], -1)[
        ..., :channels
    ]
    data = jpeg(np.clip(smooth, 0, 255).astype(np.uint8), quality=90)
    stored = rows_of("jpeg", [data] * 60, [(601, 803, channels)] * 60)
    near, exact = (
        run(pool, stored, transforms.RandomResizedCrop((97, 131), (0.4, 1.0), exact=flag))
        for flag in (False, True)
    )
    difference = np.abs(near.astype(int) - exact)
    assert 0 < difference.mean() < 1 and difference.max() <= 16
    # A shift by half a pixel of the scaled picture would be far more than that.
    assert abs((near.astype(int) - exact).mean()) < 0.3


@needs_jpeg
def test_never_scaled_below_what_was_asked_for(pool):
    data = jpeg(picture(100, 200))
    stored = rows_of("jpeg", [data], [(100, 200, 3)])
    for size in ((51, 51), (20, 101), (100, 20)):  # a half would be too small in one direction
        exact, near = (run(pool, stored, transforms.Resize(size, exact=exact)) for exact in (True, False))
        assert np.array_equal(exact, near)


@needs_jpeg
def test_damage_names_the_first_row(pool):
    good = jpeg(picture(64, 64))
    cut = good[: len(good) // 2]
    rows = rows_of("jpeg", [good, cut, good, cut], [(64, 64, 3)] * 4)
    with pytest.raises(_engine.EngineError) as caught:
        run(pool, rows, transforms.Resize(16))
    assert (caught.value.args[0], caught.value.args[2]) == ("value", 1)
    lying = rows_of("jpeg", [good], [(64, 63, 3)])
    with pytest.raises(_engine.EngineError, match="64 x 64 x 3 instead of 64 x 63 x 3"):
        run(pool, lying, transforms.CenterCrop(8))
