"""Image files to arrays through Pillow: the codecs and colour spaces that the engine does not decode."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import MissingDependencyError


class ImageError(ValueError):
    """The file is damaged, or is not the image that it should be."""


def decode_image(data: Any, max_bytes: int) -> NDArray[Any]:
    """The pixels as Pillow's plain open gives them: (H, W) or (H, W, C), palettes left as indices.

    Raises:
        ImageError: if the file can't be decoded or would take more than `max_bytes` bytes.
        MissingDependencyError: if Pillow is not installed.
    """
    image = open_image(data)
    width, height = image.size
    if width * height * max(len(image.getbands()), 1) > max_bytes:
        raise ImageError(f"an image of {width} x {height} pixels is larger than the limit")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(image)
    except Exception as error:  # Pillow's plugins raise whatever their parser met
        raise ImageError(f"the image can't be decoded ({_reason(error)})") from None


def open_image(data: Any) -> Any:
    """A lazy `PIL.Image.Image` over these bytes."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingDependencyError(
            "decoding this image needs the package Pillow", hint="install it: pip install tql[images]"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its size warning: the caller compares with its own limit
            return Image.open(io.BytesIO(data))
    except Exception as error:
        raise ImageError(f"the image can't be opened ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    text = str(error).split("\n")[0]
    return "unknown format" if "BytesIO" in text or not text else text[:1].lower() + text[1:]
