"""Video, audio, medical and 3D files as values: which kind of file it is, and the shape that it decodes to.

The bytes are stored as they are; only headers are read. Shapes are those that the format's own package
stores: video [frames, height, width, 3], audio [samples, channels], point clouds [points, dimensions], STL
[triangles, 3, 3], PLY [vertices, properties], volumes as their header says.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tql.errors import ArgumentError, MissingDependencyError

Described = tuple[tuple[int, ...], np.dtype[Any]]

VIDEO_CODECS = ("mp4", "mkv", "avi")
AUDIO_CODECS = ("mp3", "flac", "wav")
NIFTI_CODECS = ("nii", "nii.gz")
MEDIA_CODECS = (*VIDEO_CODECS, *AUDIO_CODECS, *NIFTI_CODECS, "dcm", "las", "ply", "stl")

_STL_HEAD, _STL_TRIANGLE = 84, 50
_PLY_TYPES = {
    "char": "int8", "uchar": "uint8", "short": "int16", "ushort": "uint16", "int": "int32", "uint": "uint32",
    "float": "float32", "double": "float64",
}  # fmt: skip
_PLY_HEADER_BYTES = 1 << 16


def describe_media(data: bytes, codec: str) -> Described:
    """The shape and dtype that a file decodes to.

    Args:
        data: the file.
        codec: one of `MEDIA_CODECS`, as the tensor has it.

    Raises:
        ArgumentError: a file of another kind, or one that can't be understood.
        MissingDependencyError: the package that reads such files is not installed.
    """
    if not _looks_like(data, codec):
        raise ArgumentError(f"the file is no {codec} file")
    try:
        return _READERS[codec](data)
    except ArgumentError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            f"writing {codec} files needs the package {error.name}", hint="install it: pip install tql[media]"
        ) from None
    except Exception as error:  # the packages raise whatever their parsers met
        reason = str(error).split("\n")[0]
        raise ArgumentError(
            f"the {codec} file can't be read ({reason[:1].lower()}{reason[1:]:.100})"
        ) from None


def _looks_like(data: bytes, codec: str) -> bool:
    """Whether a file begins as files of this kind do."""
    match codec:
        case "mp4":
            return data[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")
        case "mkv":
            return data[:4] == b"\x1a\x45\xdf\xa3"
        case "avi" | "wav":
            return data[:4] == b"RIFF" and data[8:12] == {"avi": b"AVI ", "wav": b"WAVE"}[codec]
        case "mp3":
            return data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] >= 0xE0)
        case "flac":
            return data[:4] == b"fLaC"
        case "nii":
            return data[:4] in (struct.pack(order + "i", size) for order in "<>" for size in (348, 540))
        case "nii.gz":
            return data[:2] == b"\x1f\x8b"
        case "dcm":
            return data[128:132] == b"DICM"
        case "las":
            return data[:4] == b"LASF"
        case "ply":
            return data[:4] in (b"ply\n", b"ply\r")
    return data[:5] == b"solid" or len(data) >= _STL_HEAD


def _describe_video(data: bytes) -> Described:
    import av

    file: Any = io.BytesIO(data)
    with av.open(file, "r") as container:
        stream = container.streams.video[0]
        frames = stream.frames
        if frames == 0:
            rate = float(stream.guessed_rate or 0)
            frames = int(_seconds(stream, container.duration, av.time_base) * rate)
        codec = stream.codec_context
        return (frames, codec.height, codec.width, 3), np.dtype(np.uint8)


def _describe_audio(data: bytes) -> Described:
    import av

    file: Any = io.BytesIO(data)
    with av.open(file, "r") as container:
        stream = container.streams.audio[0]
        samples = int(_seconds(stream, container.duration, av.time_base) * stream.sample_rate)
        return (max(samples, 0), stream.codec_context.channels), np.dtype(np.float32)


def _seconds(stream: Any, duration: int | None, unit: int) -> float:
    """How long a stream is, by itself or else by the file around it."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return (duration or 0) / unit


def _describe_nifti(data: bytes, squeezed: bool) -> Described:
    import gzip

    import nibabel

    file: Any = io.BytesIO(data)
    file = gzip.GzipFile(fileobj=file) if squeezed else file
    head = file.read(4)
    file.seek(0)
    second = head in (struct.pack("<i", 540), struct.pack(">i", 540))
    image: Any = (nibabel.Nifti2Image if second else nibabel.Nifti1Image).from_stream(file)
    return tuple(map(int, image.shape)), np.dtype(image.header.get_data_dtype()).newbyteorder("=")


def _describe_dicom(data: bytes) -> Described:
    import pydicom

    file = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    kind = "i" if file.get("PixelRepresentation", 0) else "u"
    dtype = np.dtype(f"{kind}{max(int(file.BitsAllocated), 8) // 8}")
    shape = (int(file.Rows), int(file.Columns), int(file.SamplesPerPixel))
    frames = file.get("NumberOfFrames")
    return (shape if frames is None else (int(frames), *shape)), dtype


def _describe_las(data: bytes) -> Described:
    import laspy

    with laspy.open(io.BytesIO(data)) as file:
        dimensions = len(list(file.header.point_format.dimension_names))
        return (int(file.header.point_count), dimensions), np.dtype(np.float32)


def _describe_ply(data: bytes) -> Described:
    """Its header is text: elements, each followed by its properties."""
    head, found, _ = data[:_PLY_HEADER_BYTES].partition(b"end_header")
    if not found:
        raise ArgumentError("the ply file has no end of its header")
    vertices, dtypes, element = 0, {}, ""
    for line in head.decode("ascii", "replace").splitlines():
        words = line.split()
        if words[:1] == ["element"]:
            element = words[1]
            vertices = int(words[2]) if element == "vertex" else vertices
        elif words[:1] == ["property"] and element == "vertex" and words[1] != "list":
            dtypes[words[2]] = np.dtype(_PLY_TYPES.get(words[1], words[1]))
    return (vertices, len(dtypes)), dtypes.get("x", np.dtype(np.float32))


def _describe_stl(data: bytes) -> Described:
    (triangles,) = struct.unpack_from("<I", data, _STL_HEAD - 4) if len(data) >= _STL_HEAD else (-1,)
    if len(data) != _STL_HEAD + _STL_TRIANGLE * triangles:
        if not data.startswith(b"solid"):
            raise ArgumentError("the stl file has another size than its number of triangles says")
        triangles = sum(line.split()[:1] == [b"facet"] for line in data.splitlines())
    return (triangles, 3, 3), np.dtype(np.float32)


_READERS: dict[str, Callable[[bytes], Described]] = {
    **dict.fromkeys(VIDEO_CODECS, _describe_video),
    **dict.fromkeys(AUDIO_CODECS, _describe_audio),
    "nii": partial(_describe_nifti, squeezed=False),
    "nii.gz": partial(_describe_nifti, squeezed=True),
    "dcm": _describe_dicom,
    "las": _describe_las,
    "ply": _describe_ply,
    "stl": _describe_stl,
}
