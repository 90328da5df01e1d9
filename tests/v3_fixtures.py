"""The Deep Lake v3 fixtures: unpacking them, editing copies, and comparing rows with what was written."""

from __future__ import annotations

import base64
import json
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tql.loader.sources.v3 import V3Source
from tql.loader.to_numpy import column_values

ARCHIVES = Path(__file__).parent / "data" / "v3"
NAMES = sorted(path.stem for path in ARCHIVES.glob("*.zip"))

# Decoders of lossy codecs may differ by a few grey levels.
LOSSY_TOLERANCE = 6


def unpack(name: str, folder: Path) -> Path:
    """The fixture's files below `folder`; the dataset is in `ds`."""
    target = folder / name
    if not target.exists():
        with zipfile.ZipFile(ARCHIVES / f"{name}.zip") as archive:
            archive.extractall(target)
    return target


def apply_edits(dataset: Path, edits: list[dict[str, Any]]) -> None:
    """Damage a dataset in place, as damage.json describes it."""
    for edit in edits:
        file = dataset / edit["file"]
        data = file.read_bytes()
        match edit["op"]:
            case "truncate":
                file.write_bytes(data[: edit["size"]])
            case "write":
                patch = bytes.fromhex(edit["hex"])
                file.write_bytes(data[: edit["offset"]] + patch + data[edit["offset"] + len(patch) :])
            case "append":
                file.write_bytes(data + bytes.fromhex(edit["hex"]))
            case "replace":
                file.write_bytes(data.replace(edit["old"].encode(), edit["new"].encode(), 1))
            case "delete":
                file.unlink()


def copy_of(dataset: Path, target: Path) -> Path:
    return Path(shutil.copytree(dataset, target, dirs_exist_ok=True))


def read_all(source: V3Source, name: str) -> list[Any]:
    """Every row of a tensor, those behind the dataset's last row and hidden tensors included."""
    tensor = source.tensor(name)
    column = tensor.read(np.arange(len(tensor))).to_column()
    return list(column_values(column, tensor.meta.type()))


def expected_rows(entry: dict[str, Any], arrays: Any) -> list[Any]:
    """The rows that the writing package reads, in the form of `read_all`."""
    if entry["kind"] == "polygon":
        return [[np.array(p, entry["dtype"]) for p in polygons] for polygons in entry["values"]]
    if entry["kind"] != "array":
        return [plain(value) for value in entry["values"]]
    if not entry["shapes"]:
        return []
    flat = arrays[entry["npz"]]
    at = 0

    def item(shape: list[int]) -> Any:
        nonlocal at
        size = int(np.prod(shape, dtype=np.int64))
        at += size
        return flat[at - size : at].reshape(shape)

    if not entry["is_sequence"]:
        return [item(shape) for shape in entry["shapes"]]
    rows = [[item(shape) for shape in shapes] for shapes in entry["shapes"]]
    if entry["min_shape"] != entry["max_shape"]:
        return rows
    return [np.stack(row) if row else np.zeros((0, *entry["max_shape"]), flat.dtype) for row in rows]


def assert_rows_equal(got: Sequence[Any], expected: Sequence[Any], lossy: bool = False) -> None:
    assert len(got) == len(expected)
    for row, (a, b) in enumerate(zip(got, expected, strict=True)):
        assert_values_equal(a, b, row, lossy)


def assert_values_equal(a: Any, b: Any, row: int, lossy: bool = False) -> None:
    if isinstance(b, list):
        assert isinstance(a, list) and len(a) == len(b), row
        for left, right in zip(a, b, strict=True):
            assert_values_equal(left, right, row, lossy)
        return
    if isinstance(b, dict):
        assert isinstance(a, dict) and a.keys() == b.keys(), row
        for key, value in b.items():
            assert_values_equal(a[key], value, row, lossy)
        return
    if not isinstance(b, np.ndarray):
        assert type(a) is type(b) and (a == b or (a != a and b != b)), row  # NaN equals NaN here
        return
    assert a.dtype == b.dtype, row
    if b.size == 0:
        assert a.size == 0 and (a.shape[0] == b.shape[0]), row
        return
    assert a.shape == b.shape, row
    if lossy:
        assert int(np.abs(a.astype(int) - b.astype(int)).max()) <= LOSSY_TOLERANCE, row
    else:
        np.testing.assert_array_equal(a, b, err_msg=f"row {row}")


def load_json(path: Path) -> Any:
    return json.loads(path.read_text())


def plain(value: Any) -> Any:
    """A value of expected.json: arrays, bytes and floats that JSON lacks out of the objects for them."""
    if isinstance(value, dict):
        if "__ndarray__" in value:
            return np.array(value["__ndarray__"], value["dtype"]).reshape(value["shape"])
        if "__bytes__" in value:
            return base64.b64decode(value["__bytes__"])
        if "__float__" in value:
            return float(value["__float__"])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
