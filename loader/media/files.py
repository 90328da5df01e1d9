"""The kinds of files: how each begins, what its header says, and how its values are read.

Shapes are those that the format's own package stores: video [frames, height, width, 3], audio
[samples, channels], point clouds [points, dimensions], STL [triangles, 3, 3], PLY [vertices, properties],
volumes as their header says.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import MissingDependencyError
from tql.loader.media import clouds, meshes, streams, volumes

Described = tuple[tuple[int, ...], np.dtype[Any]]


class MediaError(ValueError):
    """The file is damaged, or of a form that can't be read."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of file.

    Attributes:
        begins: whether a file begins as these do.
        describe: the shape and dtype that a file decodes to.
        decode: its values, given the shape that they are to have.
    """

    begins: Callable[[bytes], bool]
    describe: Callable[[bytes], Described]
    decode: Callable[[bytes, tuple[int, ...]], NDArray[Any]]


def describe_media(data: bytes, codec: str) -> Described:
    """The shape and dtype that a file decodes to. Only headers are read.

    Args:
        data: the file.
        codec: one of `MEDIA_CODECS`, as the tensor has it.

    Raises:
        MediaError: a file of another kind, or one that can't be understood.
        MissingDependencyError: the package that reads such files is not installed.
    """
    kind = _KINDS[codec]
    if not kind.begins(data):
        raise MediaError(f"the file is no {codec} file")
    try:
        return kind.describe(data)
    except MemoryError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            f"writing {codec} files needs the package {error.name}", hint="install it: pip install tql[media]"
        ) from None
    except Exception as error:  # each package has errors of its own, of any kind
        reason = str(error).split("\n")[0]
        raise MediaError(f"the {codec} file can't be read ({reason[:1].lower()}{reason[1:]:.100})") from error


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
        values = _KINDS[codec].decode(data, shape)
    except MemoryError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            f"decoding {codec} needs the package {error.name}",
            hint="install it: pip install tql[media]; decode_method='tobytes' gives the files",
        ) from None
    except Exception as error:  # each package has errors of its own, of any kind
        raise MediaError(f"the {codec} file can't be decoded: {error}") from error
    if values.shape != shape:
        raise MediaError(f"the {codec} file has shape {list(values.shape)}, not {list(shape)}")
    return values


_NIFTI_HEADS = tuple(struct.pack(order + "i", size) for order in "<>" for size in (348, 540))

_VIDEO: dict[str, Callable[[bytes], bool]] = {
    "mp4": lambda data: data[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"),
    "mkv": lambda data: data[:4] == b"\x1a\x45\xdf\xa3",
    "avi": lambda data: data[:4] == b"RIFF" and data[8:12] == b"AVI ",
}
_AUDIO: dict[str, Callable[[bytes], bool]] = {
    "mp3": lambda data: data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] >= 0xE0),
    "flac": lambda data: data[:4] == b"fLaC",
    "wav": lambda data: data[:4] == b"RIFF" and data[8:12] == b"WAVE",
}
_NIFTI: dict[str, Callable[[bytes], bool]] = {
    "nii": lambda data: data[:4] in _NIFTI_HEADS,
    "nii.gz": lambda data: data[:2] == b"\x1f\x8b",
}
_KINDS = {
    **{codec: _Kind(begins, streams.describe_video, streams.read_video) for codec, begins in _VIDEO.items()},
    **{codec: _Kind(begins, streams.describe_audio, streams.read_audio) for codec, begins in _AUDIO.items()},
    "nii": _Kind(_NIFTI["nii"], volumes.describe_nifti, volumes.read_nifti),
    "nii.gz": _Kind(_NIFTI["nii.gz"], volumes.describe_packed_nifti, volumes.read_packed_nifti),
    "dcm": _Kind(lambda data: data[128:132] == b"DICM", volumes.describe_dicom, volumes.read_dicom),
    "las": _Kind(lambda data: data[:4] == b"LASF", clouds.describe_las, clouds.read_las),
    "ply": _Kind(lambda data: data[:4] in (b"ply\n", b"ply\r"), meshes.describe_ply, meshes.read_ply),
    "stl": _Kind(meshes.may_be_stl, meshes.describe_stl, meshes.read_stl),
}

VIDEO_CODECS, AUDIO_CODECS, NIFTI_CODECS = tuple(_VIDEO), tuple(_AUDIO), tuple(_NIFTI)
MEDIA_CODECS = tuple(_KINDS)
