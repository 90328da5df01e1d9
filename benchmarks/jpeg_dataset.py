"""A Deep Lake v3 dataset of made-up photographs for the benchmarks of the loader."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

_VERSION = b"3.9.52"
_CHUNK_BYTES = 8_000_000


def photographs(count: int, size: int, seed: int = 0) -> list[bytes]:
    """`count` JPEG files of size x size x 3 that look like photographs: smooth areas, edges, noise."""
    rng = np.random.default_rng(seed)
    files = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (size // 16 + 2, size // 16 + 2, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        x, y = rng.integers(0, size // 2, 2)
        image.paste(Image.fromarray(coarse[:4, :4]).resize((size // 3, size // 3)), (int(x), int(y)))
        pixels = np.asarray(image.filter(ImageFilter.SHARPEN), dtype=np.int16) + rng.normal(
            0, 6, (size, size, 3)
        )
        buffer = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "jpeg", quality=90)
        files.append(buffer.getvalue())
    return files


def write(root: Path, images: list[bytes], shape: tuple[int, int, int], labels: np.ndarray) -> None:
    """Write `images` (one JPEG each, all of one shape) and uint32 `labels` as a v3 dataset."""
    root.mkdir(parents=True)
    first = "firstdbf9474d461a19e9333c2fd19b46115348f"
    node = {
        "branch": "main",
        "parent": None,
        "children": [],
        "commit_message": None,
        "commit_time": None,
        "commit_user_name": None,
        "is_checkpoint": False,
        "total_samples_processed": 0,
    }
    _json(root / "version_control_info.json", {"commits": {first: node}, "branches": {"main": first}})
    names = ["images", "labels"]
    meta = {
        "version": "3.9.52",
        "tensors": names,
        "tensor_names": {name: name for name in names},
        "hidden_tensors": [],
        "groups": [],
        "allow_delete": True,
        "default_index": [{"start": None, "stop": None, "step": None}],
    }
    _json(root / "dataset_meta.json", meta)
    _tensor(root / "images", images, shape, dtype="uint8", htype="image", sample_compression="jpeg")
    _tensor(root / "labels", [label.tobytes() for label in labels.astype("<u4")], (1,), dtype="uint32",
            htype="class_label", sample_compression=None)  # fmt: skip
    _json(
        root / "labels" / "tensor_info.json", {"class_names": [str(i) for i in range(int(labels.max()) + 1)]}
    )


def _tensor(root: Path, rows: list[bytes], shape: tuple[int, ...], **meta: object) -> None:
    (root / "chunks").mkdir(parents=True)
    (root / "chunks_index").mkdir()
    index = bytes([len(_VERSION)]) + _VERSION + bytes([8])
    begin = 0
    while begin < len(rows):
        end, size = begin, 0
        while end < len(rows) and (end == begin or size + len(rows[end]) <= _CHUNK_BYTES):
            size += len(rows[end])
            end += 1
        (root / "chunks" / f"{begin + 1:x}").write_bytes(_chunk(rows[begin:end], shape))
        index += struct.pack("<QQ", begin + 1, end - 1)
        begin = end
    (root / "chunks_index" / "unsharded").write_bytes(index)
    defaults = {
        "version": "3.9.52",
        "name": root.name,
        "length": len(rows),
        "min_shape": list(shape),
        "max_shape": list(shape),
        "chunk_compression": None,
        "is_sequence": False,
        "is_link": False,
        "hidden": False,
        "links": {},
    }
    _json(root / "tensor_meta.json", {**defaults, **meta})


def _chunk(rows: list[bytes], shape: tuple[int, ...]) -> bytes:
    shape_rows = struct.pack(f"<{len(shape) + 1}I", *shape, len(rows) - 1)
    positions = b""
    at = 0
    for number, row in enumerate(rows):
        positions += struct.pack("<III", len(row), at, number)
        at += len(row)
    head = bytes([len(_VERSION)]) + _VERSION + struct.pack("<ii", 1, len(shape) + 1) + shape_rows
    return head + struct.pack("<I", len(rows)) + positions + b"".join(rows)


def _json(path: Path, data: object) -> None:
    path.write_text(json.dumps(data))
