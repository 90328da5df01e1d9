"""Medical volumes: NIfTI files, plain or packed by gzip, and DICOM."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SECOND_HEADER = (540).to_bytes(4, "little")  # the size of a NIfTI-2 header begins it, in either byte order


def describe_nifti(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and the stored dtype of a volume."""
    return _header(_nifti(data[:4]).from_stream(io.BytesIO(data)))


def describe_packed_nifti(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The same of a volume that gzip packed; no more than the header is unpacked."""
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        head = file.read(4)
        file.seek(0)
        return _header(_nifti(head).from_stream(file))


def read_nifti(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The scaled values of a volume."""
    image = _nifti(data[:4]).from_bytes(data)
    if image.shape != shape:
        raise ValueError(f"the volume has shape {list(image.shape)}")
    values: NDArray[Any] = image.get_fdata()
    return values


def read_packed_nifti(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The same of a volume that gzip packed."""
    most = 8 * int(np.prod(shape, dtype=np.float64)) + (1 << 20)  # the largest elements, and the header
    return read_nifti(zlib.decompressobj(31).decompress(data, most), shape)


def _nifti(head: bytes) -> Any:
    """The class for files that begin so."""
    import nibabel

    return nibabel.Nifti2Image if _SECOND_HEADER in (head, head[::-1]) else nibabel.Nifti1Image


def _header(image: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return tuple(map(int, image.shape)), np.dtype(image.header.get_data_dtype()).newbyteorder("=")


def describe_dicom(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """([frames,] rows, columns, samples per pixel) and the dtype of the pixels."""
    import pydicom

    file = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    kind = "i" if file.get("PixelRepresentation", 0) else "u"
    dtype = np.dtype(f"{kind}{max(int(file.BitsAllocated), 8) // 8}")
    shape = (int(file.Rows), int(file.Columns), int(file.SamplesPerPixel))
    frames = file.get("NumberOfFrames")
    return (shape if frames is None else (int(frames), *shape)), dtype


def read_dicom(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The pixels; an axis for the samples of one where `shape` has it."""
    import pydicom

    file = pydicom.dcmread(io.BytesIO(data))
    extents = (int(file.Rows), int(file.Columns))
    if extents not in (shape[:2], shape[1:3]):
        raise ValueError(f"the picture is {extents[0]} x {extents[1]}")
    values: NDArray[Any] = file.pixel_array
    return values[..., None] if values.ndim == 2 or values.ndim < len(shape) else values
