"""Small files of every kind that a tensor stores as it is."""

from __future__ import annotations

import gzip
import io
import struct
import wave
from typing import Any

import numpy as np


def media_files() -> dict[str, tuple[bytes, tuple[int, ...], str]]:
    """Codec to a file, and the shape and dtype that it decodes to."""
    nifti = _nifti()
    return {
        "mp4": (_video("mp4", "mpeg4"), (5, 16, 24, 3), "uint8"),
        "mkv": (_video("matroska", "mpeg4"), (5, 16, 24, 3), "uint8"),
        "avi": (_video("avi", "mpeg4"), (5, 16, 24, 3), "uint8"),
        "wav": (_wav(), (400, 2), "float32"),
        "flac": (_audio("flac", "flac", "s16"), (4608, 1), "float32"),
        "nii": (nifti, (3, 4, 2), "int16"),
        "nii.gz": (gzip.compress(nifti), (3, 4, 2), "int16"),
        "dcm": (_dicom(), (4, 6, 1), "uint16"),
        "las": (_las(), (7, 15), "float32"),
        "ply": (_ply(), (2, 6), "float32"),
        "stl": (bytes(80) + struct.pack("<I", 2) + bytes(100), (2, 3, 3), "float32"),
    }


HTYPES = {
    "mp4": "video", "mkv": "video", "avi": "video", "wav": "audio", "flac": "audio", "nii": "nifti",
    "nii.gz": "nifti", "dcm": "dicom", "las": "point_cloud", "ply": "mesh", "stl": "mesh",
}  # fmt: skip


def _video(container: str, codec: str) -> bytes:
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 24, 16, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((16, 24, 3), 40 * number, np.uint8), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return out.getvalue()


def _audio(container: str, codec: str, samples: str) -> bytes:
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4608), np.int16), format=samples, layout="mono")
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return out.getvalue()


def _wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.arange(800, dtype="<i2").tobytes())
    return out.getvalue()


def _nifti() -> bytes:
    import nibabel

    values = np.arange(24, dtype=np.int16).reshape(3, 4, 2)
    return bytes(nibabel.Nifti1Image(values, np.eye(4)).to_bytes())


def _dicom() -> bytes:
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = pydicom.dataset.FileDataset("x", {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID = CTImageStorage, "1.2.3"
    file.Rows, file.Columns, file.SamplesPerPixel = 4, 6, 1
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.PhotometricInterpretation = "MONOCHROME2"
    file.PixelData = np.arange(24, dtype="<u2").tobytes()
    out = io.BytesIO()
    file.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _las() -> bytes:
    import laspy

    file = laspy.create(point_format=0, file_version="1.2")
    file.x = file.y = file.z = np.arange(7.0)
    out = io.BytesIO()
    file.write(out)
    return out.getvalue()


def _ply() -> bytes:
    """As text and with normals: of others the format's own package can't tell the dtype."""
    names = "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    rows = "0 1 2 0 0 1\n3 4 5 0 1 0\n"
    return f"ply\nformat ascii 1.0\nelement vertex 2\n{names}end_header\n{rows}".encode()
