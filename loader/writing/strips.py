"""Chunks whose data area is one image: the items side by side, zeros below the shorter ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.loader.images import encode_image
from tql.loader.writing.blocks import Block


def encode_strip(block: Block, codec: str, dtype: np.dtype[Any]) -> bytes:
    """The image of a block of raw items [height, width(, channels)]; no bytes where all are empty."""
    filled = block.shapes[block.shapes.prod(axis=1) > 0]
    if len(filled) == 0:
        return b""
    canvas: NDArray[Any] = np.zeros((int(filled[:, 0].max()), int(filled[:, 1].sum()), *filled[0, 2:]), dtype)
    start, x = 0, 0
    for shape, size in zip(block.shapes.tolist(), block.sizes.tolist(), strict=True):
        if size:
            item = np.frombuffer(block.data, dtype, size // dtype.itemsize, start).reshape(shape)
            canvas[: shape[0], x : x + shape[1]] = item
            x += shape[1]
        start += size
    return encode_image(canvas, codec)
