"""Image files to arrays and back through Pillow: what the engine does not decode, and all encoding."""

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


def describe_image(data: Any) -> tuple[str, tuple[int, ...], np.dtype[Any]]:
    """What `decode_image` would give, from the file's header: its codec, shape and dtype.

    Raises:
        ImageError: if it is no image, or of a colour space that has no dtype.
    """
    image = open_image(data)
    if image.mode not in _DTYPES:
        raise ImageError(f"an image of mode {image.mode} has no array form")
    width, height = image.size
    bands = len(image.getbands())
    codec = _CODECS.get(image.format, str(image.format).lower())
    return codec, (height, width) if bands == 1 else (height, width, bands), np.dtype(_DTYPES[image.mode])


def image_of(pixels: NDArray[Any]) -> Any:
    """A `PIL.Image.Image` of an array (H, W), (H, W, 1) or (H, W, C)."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def encode_image(pixels: NDArray[Any], codec: str) -> bytes:
    """An image file of an array (H, W) or (H, W, C). Lossless but for jpeg, which gets quality 95.

    Raises:
        ImageError: if the codec can't hold arrays of this dtype and number of channels.
    """
    from PIL import Image

    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    out = io.BytesIO()
    try:
        image = Image.fromarray(np.ascontiguousarray(flat))
        image.save(out, _FORMATS.get(codec, codec.upper()), **_OPTIONS.get(codec, {}))
    except ImportError:
        raise
    except Exception as error:
        extents = "x".join(map(str, pixels.shape))
        raise ImageError(
            f"{codec} can't hold an array {pixels.dtype}[{extents}] ({_reason(error)})"
        ) from None
    return out.getvalue()


_DTYPES = {
    "1": "bool", "L": "uint8", "P": "uint8", "LA": "uint8", "RGB": "uint8", "RGBA": "uint8", "CMYK": "uint8",
    "YCbCr": "uint8", "LAB": "uint8", "HSV": "uint8", "I;16": "uint16", "I": "int32", "F": "float32",
}  # fmt: skip
_FORMATS = {"jpeg2000": "JPEG2000", "tga": "TGA", "ppm": "PPM"}
_CODECS = {"MPO": "jpeg", "JPEG2000": "jpeg2000"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 95, "subsampling": 0},
    "webp": {"lossless": True},
    "jpeg2000": {"irreversible": False},
}


def _reason(error: Exception) -> str:
    text = str(error).split("\n")[0]
    return "unknown format" if "BytesIO" in text or not text else text[:1].lower() + text[1:]
