"""Pictures as the engine takes them, and image programs run on them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tql import _engine, transforms

Pixels = NDArray[np.uint8]
needs_jpeg = pytest.mark.skipif("jpeg" not in _engine.codecs(), reason="built without libjpeg-turbo")


def picture(height: int, width: int, channels: int = 3) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(height * 1000 + width).normal(0, 20, (height, width, 4))
    smooth = [x * 3.1 + y, 128 + 90 * np.sin(y / 5.0), 128 + 90 * np.cos(x / 7.0), 255 - x * 2.0]
    return np.clip(np.stack(smooth, -1) + noise, 0, 255).astype(np.uint8)[..., :channels]


def jpeg(pixels: Pixels, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.squeeze() if pixels.shape[2] == 1 else pixels).save(stream, "JPEG", **options)
    return stream.getvalue()


def opened(data: bytes) -> Pixels:
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def rows_of(codec: Any, items: list[bytes], shapes: list[tuple[int, ...]]) -> _engine.EncodedRows:
    sizes = np.array([len(item) for item in items], np.int64)
    which, starts = np.arange(len(items), dtype=np.int32), np.zeros(len(items), np.int64)
    extents = np.array(shapes, np.int64).reshape(len(items), -1)
    return _engine.EncodedRows(codec, np.dtype(np.uint8), items, which, starts, sizes, extents)


def raw(images: list[Pixels]) -> _engine.EncodedRows:
    return rows_of("raw", [image.tobytes() for image in images], [image.shape for image in images])


def program(*steps: transforms.Transform, first: int = 0) -> _engine.ImageProgram:
    return _engine.ImageProgram([(type(step).__name__, step.arguments()) for step in steps], first)


def run(pool: _engine.DecodePool, rows: Any, *steps: transforms.Transform, **key: Any) -> Any:
    places = np.asarray(key.get("places", np.arange(len(rows))), np.int64)
    ticket = pool.submit_images(rows, program(*steps), key.get("seed", 0), key.get("epoch", 0), places)
    return ticket.wait(60)


def one(pool: _engine.DecodePool, image: Pixels, *steps: transforms.Transform, **key: Any) -> Any:
    return run(pool, raw([image]), *steps, **key)[0]


def resized(image: Image.Image, height: int, width: int) -> Image.Image:
    """Rows first, then columns. In one call Pillow takes the other order for some sizes, by its version."""
    rows = image.resize((width, image.height), Image.Resampling.BILINEAR)
    return rows.resize((width, height), Image.Resampling.BILINEAR)
