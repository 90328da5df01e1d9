"""Video, audio, point clouds, meshes and volumes to arrays, by the packages of the extra `tql[media]`."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import MissingDependencyError
from tql.loader.meshes import read_ply, read_stl


class MediaError(ValueError):
    """The file is damaged, or of a form that can't be decoded."""


def decode_media(data: bytes, codec: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The values of a file.

    Args:
        data: the file.
        codec: one of `MEDIA_CODECS`.
        shape: what is known to be in it: (frames, height, width, channels) of a video, (samples, channels)
            of audio, (points, dimensions), ... Nothing that is larger is made.

    Returns:
        An array of this shape; uint8 RGB of a video, of audio the samples as stored, of a point cloud all
        dimensions as float32, of a volume the scaled values.

    Raises:
        MediaError: if the file can't be decoded to this shape.
        MissingDependencyError: if the package that decodes it is not installed.
    """
    try:
        values = _DECODERS[codec](data, shape)
    except (MissingDependencyError, MemoryError):
        raise
    except Exception as error:  # each package has errors of its own, of any kind
        raise MediaError(f"the {codec} file can't be decoded: {error}") from error
    if values.shape != shape:
        raise MediaError(f"the {codec} file has shape {list(values.shape)}, not {list(shape)}")
    return values


def _package(name: str, codec: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingDependencyError(
            f"decoding {codec} needs the package {name}",
            hint="install it: pip install tql[media]; decode_method='tobytes' gives the files",
        ) from None


def _video(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """All frames in order; those that the file announces and lacks are black."""
    av = _package("av", "video")
    frames, height, width, _ = shape
    values = np.zeros((frames, height, width, 3), np.uint8)
    with av.open(io.BytesIO(data)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= frames:
                break
            if (frame.height, frame.width) != (height, width):
                raise MediaError(f"a frame is {frame.height} x {frame.width}")
            values[number] = frame.to_ndarray(format="rgb24")
    return values


def _audio(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """All samples in order; those that the file announces and lacks are 0."""
    av = _package("av", "audio")
    samples, channels = shape
    values = np.zeros((samples, channels), np.float32)
    done = 0
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            part = frame.to_ndarray()  # [channels, samples], or [1, samples * channels] where they alternate
            part = part.T if part.shape[0] == channels else part.reshape(-1, channels)
            part = part[: samples - done]
            values[done : done + len(part)] = part
            done += len(part)
            if done == samples:
                break
    return values


def _las(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    laspy = _package("laspy", "las")
    with laspy.open(io.BytesIO(data)) as reader:
        if reader.header.point_count != shape[0]:
            raise MediaError(f"there are {reader.header.point_count} points")
        cloud = reader.read()
    names = cloud.point_format.dimension_names
    return np.stack([np.asarray(cloud[name]) for name in names], axis=1).astype(np.float32)


def _volume(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    nibabel = _package("nibabel", "nifti")
    second = _SECOND_HEADER in (data[:4], data[3::-1])
    kind = nibabel.Nifti2Image if second else nibabel.Nifti1Image
    image = kind.from_bytes(data)
    if image.shape != shape:
        raise MediaError(f"the volume has shape {list(image.shape)}")
    values: NDArray[Any] = image.get_fdata()
    return values


def _packed_volume(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    import zlib

    most = 8 * int(np.prod(shape, dtype=np.float64)) + (1 << 20)  # the largest elements, and the header
    unpacker = zlib.decompressobj(31)
    return _volume(unpacker.decompress(data, most), shape)


def _dicom(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    pydicom = _package("pydicom", "dicom")
    file = pydicom.dcmread(io.BytesIO(data))
    extents = (int(file.Rows), int(file.Columns))
    if extents not in (shape[:2], shape[1:3]):
        raise MediaError(f"the picture is {extents[0]} x {extents[1]}")
    values: NDArray[Any] = file.pixel_array
    return values[..., None] if values.ndim == 2 or values.ndim < len(shape) else values


_SECOND_HEADER = (540).to_bytes(4, "little")  # the size of a NIfTI-2 header begins it, in either byte order
_Decoder = Callable[[bytes, tuple[int, ...]], NDArray[Any]]
_DECODERS: dict[str, _Decoder] = {
    **dict.fromkeys(("mp4", "mkv", "avi"), _video),
    **dict.fromkeys(("mp3", "flac", "wav"), _audio),
    "las": _las,
    "ply": read_ply,
    "stl": read_stl,
    "nii": _volume,
    "nii.gz": _packed_volume,
    "dcm": _dicom,
}
MEDIA_CODECS = tuple(_DECODERS)
