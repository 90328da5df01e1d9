"""Image transforms of the engine against Pillow and written-out definitions: the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from engine.image_rows import Pixels, one, picture, program, raw, resized, run
from tql import _engine, transforms

SIZES = [(1, 1), (3, 40), (33, 47), (100, 75)]


@pytest.fixture(scope="module")
def pool():
    pool = _engine.DecodePool(2)
    yield pool
    pool.close()


def by_pillow(image: Pixels, function: Any) -> Pixels:
    """Per channel: Pillow itself would multiply by alpha."""
    planes = [np.asarray(function(Image.fromarray(image[..., c]))) for c in range(image.shape[2])]
    return np.stack(planes, -1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("to", [(1, 1), (17, 23), (64, 50), (24, 73), (200, 300)])
def test_resize_gives_the_bytes_of_pillow(pool, channels, size, to):
    image = picture(*size, channels)
    expected = by_pillow(image, lambda plane: resized(plane, *to))
    result = one(pool, image, transforms.Resize(to))
    assert np.array_equal(result, expected)
    at_once = by_pillow(image, lambda plane: plane.resize(to[::-1], Image.Resampling.BILINEAR))
    assert np.abs(result.astype(int) - at_once).max() <= 1


def triangle_weights(pixels: int, size: int) -> NDArray[np.float64]:
    """[size, pixels]: torchvision's antialiased bilinear, a triangle over the middles of the pixels."""
    scale = pixels / size
    stretch = max(scale, 1.0)
    centres = (np.arange(size) + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs(np.arange(pixels) + 0.5 - centres[:, None]) / stretch)
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("to", [(1, 1), (17, 23), (24, 73), (201, 333)])
def test_floats_are_within_one_step_of_resizing_without_rounding(pool, channels, size, to):
    image = picture(*size, channels)
    rows, columns = triangle_weights(size[0], to[0]), triangle_weights(size[1], to[1])
    expected = np.einsum("ab,bcd,ec->dae", rows, image / 255, columns)
    result = one(pool, image, transforms.Resize(to), transforms.ToFloat())
    assert np.abs(result - expected).max() <= 1.001 / 255


@pytest.mark.parametrize(("size", "max_size"), [(20, None), (20, 25), (150, None), (7, 8)])
@pytest.mark.parametrize("of", [(33, 47), (100, 75), (50, 50)])
def test_resize_of_the_shorter_side(pool, size, max_size, of):
    short, long = min(of), max(of)
    small, large = size, int(size * long / short)
    if max_size is not None and large > max_size:
        small, large = int(max_size * small / large), max_size
    result = one(pool, picture(*of), transforms.Resize(size, max_size=max_size))
    assert result.shape[:2] == ((small, large) if of[0] <= of[1] else (large, small))


def test_nearest_takes_pixels_as_they_are(pool):
    image = picture(33, 47)
    expected = by_pillow(image, lambda plane: plane.resize((90, 11), Image.Resampling.NEAREST))
    assert np.array_equal(one(pool, image, transforms.Resize((11, 90), "nearest")), expected)


@pytest.mark.parametrize("crop", [(20, 21), (33, 47), (60, 30), (50, 81), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_centre_crop(pool, crop, channels):
    image = picture(33, 47, channels)
    padded = np.pad(image, [(50, 50), (50, 50), (0, 0)])
    missing = [max(0, c - extent) for c, extent in zip(crop, (33, 47), strict=True)]
    # torchvision: the smaller half of what is missing goes to the top and the left, then half to even.
    top, left = (
        50 - m // 2 + round((extent + m - c) / 2)
        for m, extent, c in zip(missing, (33, 47), crop, strict=True)
    )
    expected = padded[top : top + crop[0], left : left + crop[1]]
    assert np.array_equal(one(pool, image, transforms.CenterCrop(crop)), expected)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [(2, 3, 5, 7), (0, 0, 0, 1), (32, 0, 0, 0)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pad_is_that_of_numpy(pool, mode, padding, channels):
    image = picture(40, 33, channels)
    left, top, right, bottom = padding
    widths = [(top, bottom), (left, right), (0, 0)]
    fill = {"constant_values": 7} if mode == "constant" else {}
    expected = np.pad(image, widths, mode=mode, **fill)
    assert np.array_equal(one(pool, image, transforms.Pad(padding, 7, mode)), expected)


def test_pad_with_a_colour(pool):
    result = one(pool, picture(2, 2), transforms.Pad(1, (1, 2, 3)))
    assert result[0, 0].tolist() == [1, 2, 3] and result[3, 3].tolist() == [1, 2, 3]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_flip_and_float(pool, channels):
    image = picture(9, 14, channels)
    flipped = one(pool, image, transforms.RandomHorizontalFlip(1.0))
    assert np.array_equal(flipped, image[:, ::-1])
    floats = one(pool, image, transforms.RandomHorizontalFlip(1.0), transforms.ToFloat())
    assert floats.dtype == np.float32
    assert np.array_equal(floats, image[:, ::-1].transpose(2, 0, 1) / np.float32(255))


def test_normalize_rounds_as_numpy_does(pool):
    image = picture(21, 30)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    result = one(pool, image, transforms.ToFloat(), transforms.Normalize(mean, std))
    floats = image.transpose(2, 0, 1) / np.float32(255)
    expected = (floats - np.float32(mean)[:, None, None]) / np.float32(std)[:, None, None]
    assert np.array_equal(result, expected)
    after = one(
        pool, image, transforms.ToFloat(), transforms.Normalize(mean, std), transforms.RandomHorizontalFlip(1)
    )
    assert np.array_equal(after, expected[..., ::-1])


@pytest.mark.parametrize("of", [(1, 1), (21, 31)])
def test_normalize_of_grey_images_and_by_one_number(pool, of):
    for channels in (1, 3):
        image = picture(*of, channels)
        result = one(pool, image, transforms.ToFloat(), transforms.Normalize(0.45, 0.22))
        floats = image.transpose(2, 0, 1) / np.float32(255)
        assert np.array_equal(result, (floats - np.float32(0.45)) / np.float32(0.22))


def test_rgb(pool):
    grey, alpha = picture(5, 6, 1), picture(5, 6, 4)
    assert np.array_equal(one(pool, grey, transforms.RGB()), grey.repeat(3, -1))
    assert np.array_equal(one(pool, alpha, transforms.RGB()), alpha[..., :3])
    assert np.array_equal(one(pool, grey[..., 0], transforms.RGB()), grey.repeat(3, -1))
    assert one(pool, grey[..., 0], transforms.CenterCrop(3)).shape == (3, 3)


# --- colour ------------------------------------------------------------------------------------------------

ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
}


@pytest.mark.parametrize("name", list(ENHANCERS))
@pytest.mark.parametrize("factor", [0.0, 0.3, 0.7, 1.0, 1.4, 3.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_enhancing_gives_the_bytes_of_pillow(pool, name, factor, channels):
    image = picture(40, 31, channels)
    pillow = Image.fromarray(image.squeeze())
    expected = np.asarray(ENHANCERS[name](pillow).enhance(factor)).reshape(image.shape)
    jitter = transforms.ColorJitter(**{name: (factor, factor)})
    assert np.array_equal(one(pool, image, jitter), expected)


@pytest.mark.parametrize("turn", [-0.5, -0.1, 0.003, 0.25, 0.5])
def test_hue_is_turned_in_the_hsv_of_pillow(pool, turn):
    image = picture(120, 111)
    hsv = np.array(Image.fromarray(image).convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(turn * 255)) % 256
    expected = _from_hsv(hsv)
    assert np.array_equal(one(pool, image, transforms.ColorJitter(hue=(turn, turn))), expected)


def _from_hsv(hsv: Pixels) -> Pixels:
    planes = [Image.fromarray(hsv[..., c]) for c in range(3)]
    return np.asarray(Image.merge("HSV", planes).convert("RGB"))


def test_grey_has_no_hue_and_no_saturation(pool):
    image = picture(30, 31, 1)
    assert np.array_equal(one(pool, image, transforms.ColorJitter(0, 0, (3, 3), (0.3, 0.3))), image)


def test_alpha_stays(pool):
    image = picture(20, 20, 4)
    jitter = transforms.ColorJitter((2, 2), (0.5, 0.5), (0, 0), (0.2, 0.2))
    result = one(pool, image, jitter)
    assert np.array_equal(result[..., 3], image[..., 3])
    assert not np.array_equal(result[..., :3], image[..., :3])


def test_jitter_draws_factors_and_their_order(pool):
    image = picture(16, 16)
    jitter = transforms.ColorJitter(0.5, 0.5, 0.5, 0.2)
    results = run(pool, raw([image] * 40), jitter)
    assert len({result.tobytes() for result in results}) == 40


# --- random crops ------------------------------------------------------------------------------------------


def test_random_crops_are_those_of_the_definition(pool):
    """Area and place are spread as they should; read off an image of positions."""
    height, width, count = 120, 160, 4000
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([y, x, x], -1).astype(np.uint8)
    crop = transforms.RandomResizedCrop((1, 2), (0.25, 0.5), (0.5, 2.0), "nearest")
    results = run(pool, raw([image] * count), crop).astype(float)
    # A picture of 1 x 2 pixels takes those at 1/4 and 3/4 of the width, in the middle of the height.
    widths = 2 * (results[:, 0, 1, 1] - results[:, 0, 0, 1])
    centre_x, centre_y = results[:, 0, :, 1].mean(1), results[:, 0, 0, 0]
    assert abs(centre_x.mean() - width / 2) < 3 and abs(centre_y.mean() - height / 2) < 3
    assert widths.min() > np.sqrt(0.25 * height * width * 0.5) - 4
    assert widths.max() <= width
    whole = one(pool, image, transforms.RandomResizedCrop((height, width), (1, 1), (4 / 3, 4 / 3)))
    assert np.array_equal(whole, image)


def uniform(seed: int, epoch: int, step: int, place: int, draw: int) -> float:
    """The numbers that a step draws: words of Philox, 64 for each place, in a domain for each step."""
    index = place * 64 + draw
    block, mask = index >> 1, 0xFFFFFFFF
    counter = block & mask, block >> 32 | (128 + step) << 24, epoch & mask, epoch >> 32
    words = _engine.philox4x32(counter, (seed & mask, seed >> 32))
    low, high = words[2 * (index & 1) : 2 * (index & 1) + 2]
    return float((high << 32 | low) >> 11) * 2.0**-53


def random_box(height: int, width: int, scale: Any, ratio: Any, draw: Any) -> tuple[int, int, int, int]:
    """torchvision's RandomResizedCrop.get_params: left, top, right, bottom."""
    for attempt in range(10):
        area, shape, down, along = (draw(4 * attempt + i) for i in range(4))
        wanted = height * width * (scale[0] + (scale[1] - scale[0]) * area)
        low, high = np.log(ratio[0]), np.log(ratio[1])
        aspect = np.exp(low + (high - low) * shape)
        w, h = round(np.sqrt(wanted * aspect)), round(np.sqrt(wanted / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = int(down * (height - h + 1)), int(along * (width - w + 1))
            return left, top, left + w, top + h
    raise AssertionError("not with these pictures")


def test_a_recipe_is_what_its_definition_says(pool):
    seed, epoch, count = 0x1234_5678_9ABC_DEF0, 3, 40
    image = picture(75, 100)
    steps = (
        transforms.RandomResizedCrop((24, 30), (0.2, 1.0)),
        transforms.RandomHorizontalFlip(0.4),
        transforms.ColorJitter(0.5, 0.4, 0.3),
    )
    results = run(pool, raw([image] * count), *steps, seed=seed, epoch=epoch)
    for place, result in enumerate(results):

        def draw(step: int, number: int, place: int = place) -> float:
            return uniform(seed, epoch, step, place, number)

        box = random_box(75, 100, (0.2, 1.0), (3 / 4, 4 / 3), lambda number: draw(0, number))
        expected = resized(Image.fromarray(image).crop(box), 24, 30)
        if draw(1, 0) < 0.4:
            expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        order = ["brightness", "contrast", "saturation", "hue"]
        for i in range(3):
            j = i + int(draw(2, i) * (4 - i))
            order[i], order[j] = order[j], order[i]
        for name in order:
            if name != "hue":
                number = list(ENHANCERS).index(name)
                by = (0.5, 0.4, 0.3)[number]
                low, high = 1 - by, 1 + by
                factor = low + (high - low) * draw(2, 3 + number)
                expected = ENHANCERS[name](expected).enhance(factor)
        assert np.array_equal(result, np.asarray(expected)), place


@pytest.mark.parametrize(("of", "expected"), [((100, 10), (13, 10)), ((10, 100), (10, 13))])
def test_where_no_crop_fits_the_middle_is_taken(pool, of, expected):
    image = picture(*of)
    crop = transforms.RandomResizedCrop(expected, (1, 1))
    top, left = (of[0] - expected[0]) // 2, (of[1] - expected[1]) // 2
    assert np.array_equal(one(pool, image, crop), image[top : top + expected[0], left : left + expected[1]])


def test_draws_depend_on_seed_epoch_place_and_step_alone(pool):
    image = picture(50, 60)
    steps = transforms.RandomResizedCrop(20), transforms.RandomHorizontalFlip()
    rows = raw([image] * 30)
    base = run(pool, rows, *steps)
    shuffled = np.random.default_rng(0).permutation(30)
    assert np.array_equal(run(pool, rows, *steps, places=shuffled), base[shuffled])
    for change in ({"seed": 1}, {"epoch": 1}, {"places": np.arange(30) + 1000}):
        assert not np.array_equal(run(pool, rows, *steps, **change), base)
    later = pool.submit_images(rows, program(*steps, first=1), 0, 0, np.arange(30)).wait(60)
    assert not np.array_equal(later, base)
    with Closing(_engine.DecodePool(1)) as alone:
        assert np.array_equal(run(alone, rows, *steps), base)


class Closing:
    def __init__(self, pool: _engine.DecodePool) -> None:
        self.pool = pool

    def __enter__(self) -> _engine.DecodePool:
        return self.pool

    def __exit__(self, *error: object) -> None:
        self.pool.close()


def test_equal_rows_of_a_batch_are_drawn_for_one_by_one(pool):
    images = [picture(30, 30 + i) for i in range(5)]
    order = [3, 1, 3, 0, 3, 1, 4]
    rows = raw(images).take(np.array(order))
    crop = transforms.RandomResizedCrop(12)
    results = run(pool, rows, crop)
    for place, number in enumerate(order):
        assert np.array_equal(results[place], one(pool, images[number], crop, places=[place]))
    assert not np.array_equal(results[0], results[2])


# --- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "step", "message"),
    [
        (picture(4, 4, 1), transforms.Normalize([0.5] * 3, 1), "Normalize has 3 channels, the image has 1"),
        (picture(4, 4), transforms.Pad(4, 0, "reflect"), "too small to be mirrored into its padding: 4 x 4"),
        (picture(4, 4), transforms.Pad(1, (1, 2)), "the fill of Pad has 2 channels, the image has 3"),
        (picture(4, 4)[:0], transforms.CenterCrop(1), "the image has no pixels"),
        (np.zeros((2, 2, 5), np.uint8), transforms.CenterCrop(1), "1 to 4 channels, not 5"),
        (np.zeros((1, 65000, 1), np.uint8), transforms.Resize(60000), "would have too many pixels"),
    ],
)
def test_images_that_do_not_fit(pool, image, step, message):
    steps = (transforms.ToFloat(), step) if isinstance(step, transforms.Normalize) else (step,)
    with pytest.raises(_engine.EngineError, match=message) as caught:
        run(pool, raw([picture(4, 4), image]) if image.shape[-1] == 3 else raw([image]), *steps)
    assert caught.value.args[0] == "shape"


@pytest.mark.parametrize(
    "step",
    [
        ("Resise", {}),
        ("CenterCrop", {"height": 3}),
        ("CenterCrop", {"height": 0, "width": 3}),
        ("CenterCrop", {"height": 1 << 40, "width": 3}),
        ("RandomHorizontalFlip", {"p": float("nan")}),
        ("Normalize", {"mean": [0.0], "std": [1.0]}),
        ("Normalize", {"mean": [], "std": [1.0]}),
    ],
)
def test_programs_that_make_no_sense(step):
    with pytest.raises(ValueError):
        _engine.ImageProgram([step])


def test_only_bytes_are_images(pool):
    array = np.zeros((2, 2), np.float32)
    rows = _engine.EncodedRows(
        "raw", array.dtype, [array.tobytes()], np.zeros(1, np.int32), np.zeros(1, np.int64),
        np.array([16]), np.array([[2, 2]]),
    )  # fmt: skip
    with pytest.raises(ValueError, match="uint8, not float32"):
        run(pool, rows, transforms.CenterCrop(1))
    with pytest.raises(ValueError, match="one entry per row"):
        run(pool, raw([picture(2, 2)]), transforms.CenterCrop(1), places=[1, 2])


_LEVELS = """
import hashlib, numpy as np
from tql import _engine, transforms as T
pixels = np.random.default_rng(0).integers(0, 256, (6, 70, 83, 3), np.uint8)
rows = _engine.EncodedRows(
    "raw", np.dtype("uint8"), [p.tobytes() for p in pixels], np.arange(6, dtype=np.int32),
    np.zeros(6, np.int64), np.full(6, 70 * 83 * 3), np.array([[70, 83, 3]] * 6),
)
pool = _engine.DecodePool(1)
recipe = [T.RandomResizedCrop(40), T.ToFloat(), T.Normalize(0.4, 0.3)]
for steps in ([T.Resize((31, 45))], [T.Resize((150, 99))], recipe):
    program = _engine.ImageProgram([(type(s).__name__, s.arguments()) for s in steps])
    print(hashlib.sha256(pool.submit_images(rows, program, 1, 2, np.arange(6)).wait().tobytes()).hexdigest())
"""


def test_every_instruction_set_gives_the_same_bytes():
    answers = {
        subprocess.run(
            [sys.executable, "-c", _LEVELS], env={**os.environ, "TQL_SIMD": level}, capture_output=True,
            text=True, check=True,
        ).stdout
        for level in ("base", "avx2", "avx512")
    }  # fmt: skip
    assert len(answers) == 1
