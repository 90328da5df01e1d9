"""Bad arguments: what is wrong, where, and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import (
    ArgumentError,
    DatasetExistsError,
    DatasetNotFoundError,
    ReadOnlyError,
    RowIndexError,
    StorageError,
    UnknownColumnError,
    UnsupportedError,
)


@pytest.fixture
def dataset(tmp_path: Path) -> tql.WritableDataset:
    made = tql.empty(tmp_path / "ds")
    made.create_tensor("x", dtype="uint8")
    made.create_tensor("box", htype="bbox")
    made.create_tensor("label", htype="class_label")
    made.create_tensor("t", htype="text")
    made.append({"x": 1, "box": [[0, 0, 1, 1]], "label": "a", "t": ""})
    return made


CREATIONS: list[tuple[dict[str, Any], str]] = [
    ({"name": "x"}, "there is a tensor 'x' already"),
    ({"name": "x/y"}, "'x' is a tensor, it can't hold 'x/y'"),
    ({"name": "../y"}, "not a name for a tensor"),
    ({"name": "a//b"}, "not a name for a tensor"),
    ({"name": "versions/a"}, "the format keeps files of its own under this name"),
    ({"name": "y", "htype": "imge"}, "unknown htype 'imge'\n  did you mean 'image'"),
    ({"name": "y", "dtype": "flot32"}, "unknown dtype 'flot32'\n  did you mean 'float32'"),
    ({"name": "y", "dtype": "complex64"}, "unknown dtype 'complex64'"),
    ({"name": "y", "dtype": object}, "unknown dtype 'object'"),
    ({"name": "y", "htype": "image", "sample_compression": "jpegg"}, "did you mean 'jpeg'"),
    (
        {"name": "y", "htype": "image", "sample_compression": "png", "chunk_compression": "lz4"},
        "compressed by sample ('png') and by chunk ('lz4')\n  choose one",
    ),
    (
        {"name": "y", "htype": "text", "chunk_compression": "png"},
        "values of htype text can't be compressed by 'png'",
    ),
    (
        {"name": "y", "htype": "image", "class_names": ["a"]},
        "only class_label and segment_mask have class names",
    ),
    ({"name": "y", "htype": "class_label", "class_names": "ab"}, "class_names is a list of texts"),
    ({"name": "y", "htype": "link[sequence[image]]"}, "an htype is wrapped as"),
    ({"name": "y", "htype": "sequence[tag]"}, "the format has no sequences of tags"),
    ({"name": "y", "htype": "text", "dtype": "int8"}, "values of htype text have no dtype int8"),
    ({"name": "y", "max_chunk_size": 0}, "max_chunk_size is a number of bytes: 0"),
    ({"name": "y", "properties": {"coords": {}}}, "htype generic has no property 'coords'"),
    (
        {"name": "y", "htype": "video", "sample_compression": "jpeg"},
        "values of htype video can't be compressed by 'jpeg'\n  possible: mp4, mkv, avi",
    ),
    (
        {"name": "y", "htype": "audio", "chunk_compression": "wav"},
        "'wav' files are values, no chunks\n  sample_compression='wav'",
    ),
    ({"name": "y", "sample_compression": "mp5"}, "unknown compression 'mp5'\n  did you mean 'mp4'"),
    ({"name": "y", "htype": "link[video"}, "unknown htype 'link[video'"),
    ({"name": "a\\b"}, "not a name for a tensor"),
    ({"name": ""}, "not a name for a tensor"),
    ({"name": "/y"}, "not a name for a tensor"),
    ({"name": "y", "tiling_threshold": 0}, "tiling_threshold is a number of bytes, or -1 for no tiles: 0"),
]


@pytest.mark.parametrize(("arguments", "message"), CREATIONS)
def test_create_tensor(dataset: tql.WritableDataset, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        dataset.create_tensor(**arguments)
    assert message in str(caught.value)
    assert dataset.columns == ("box", "label", "t", "x")


ROW = {"x": 1, "box": [[0, 0, 1, 1]], "label": "b", "t": "b"}
ROWS: list[tuple[dict[str, Any], str]] = [
    ({"x": 256}, "tensor 'x' can't take row 1: uint8 can't hold the value 256"),
    ({"x": -1}, "uint8 can't hold the value -1"),
    ({"x": 1.5}, "an array of float64 does not go into a tensor of uint8"),
    ({"x": "one"}, "not an array of numbers: 'one'"),
    ({"x": [1, 2]}, None),  # type: ignore[list-item]  # one axis all the same
    ({"x": [[1, 2]]}, "an item of shape [1, 2] where items have 1 axis"),
    ({"x": [[1], [1, 2]]}, "nested lists of different lengths are no array"),
    ({"box": [1, 2, 3, 4]}, "an item of shape [4] where items have 2 axes"),
    ({"box": [[1, 2, 3]]}, "the last axis has 4 elements"),
    ({"label": -1}, "uint32 can't hold the value -1"),
    ({"label": 1.5}, "does not go into a tensor of uint32"),
    ({"t": 5}, "tensor 't' can't take row 1: not a text: 5"),
    ({"t": "\ud800"}, "half a surrogate pair"),
    ({"t": b"bytes"}, "not a text: b'bytes'"),
    ({"x": 1j}, "not an array of numbers: 1j"),
    ({"x": 2**70}, "not an array of numbers: 1180591620717411303424"),
    ({"x": tql.link("a")}, "tql.link('a') goes into a tensor of links only"),
    ({"box": {"a": 1}}, "not an array of numbers: {'a': 1}"),
    ({"label": ["a", 1.5]}, "does not go into a tensor of uint32"),
]


@pytest.mark.parametrize(("values", "message"), ROWS)
def test_values(dataset: tql.WritableDataset, values: dict[str, Any], message: str | None) -> None:
    if message is None:
        dataset.append({**ROW, **values})
        return
    for act in (
        lambda: dataset.append({**ROW, **values}),
        lambda: dataset.extend({name: [value] for name, value in {**ROW, **values}.items()}),
    ):
        with pytest.raises(ArgumentError) as caught:
            act()
        assert message in str(caught.value)
    with pytest.raises(ArgumentError):
        dataset[0].update({"t": "changed", **values})
    assert len(dataset) == 1
    assert dataset[0]["t"] == ""
    assert dataset.schema["label"].type.class_names == ("a",)


def test_rows_and_columns(dataset: tql.WritableDataset) -> None:
    with pytest.raises(ArgumentError, match="the row has no value for 'label', 't'"):
        dataset.append({"x": 1, "box": None})
    with pytest.raises(UnknownColumnError, match="no tensor named 'lable'"):
        dataset.append({**ROW, "lable": 1})
    with pytest.raises(ArgumentError, match="a row is a dict of tensor name to value, not list"):
        dataset.append([1])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="the columns have different lengths: 'x' 2, 'box' 1"):
        dataset.extend({"x": [1, 2], "box": [None], "label": [1, 1], "t": ["", ""]})
    with pytest.raises(ArgumentError, match="there are no values for 'box'"):
        dataset.extend({"x": [1, 2], "label": [1, 1], "t": ["", ""]})
    with pytest.raises(ArgumentError, match="column 't' is no sequence of values: str"):
        dataset.extend({"x": [1], "box": [None], "label": [1], "t": "a"})
    with pytest.raises(UnknownColumnError, match="no tensor named 'y'"):
        dataset[0].update(y=1)
    for row in (1, -2):
        with pytest.raises(RowIndexError):
            dataset.pop(row)
    dataset.extend({name: [] for name in dataset.columns})
    assert len(dataset) == 1


def test_places(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    with pytest.raises(
        DatasetExistsError, match=r"there is a dataset already: .*\n.*overwrite=True deletes it"
    ):
        tql.empty(tmp_path / "ds")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("important")
    for overwrite in (False, True):
        with pytest.raises(DatasetExistsError, match="holds other things than a dataset"):
            tql.empty(tmp_path / "other", overwrite=overwrite)
    with pytest.raises(DatasetExistsError, match="there is a file"):
        tql.empty(tmp_path / "other" / "thesis.tex", overwrite=True)
    with pytest.raises(DatasetNotFoundError):
        tql.load(tmp_path / "other", read_only=False)
    assert (tmp_path / "other" / "thesis.tex").exists()
    again = tql.empty(tmp_path / "ds", overwrite=True)
    assert again.columns == ()
    with pytest.raises(ArgumentError, match="is closed: it was overwritten"):
        dataset.append(ROW)


def test_reading_only(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    dataset.close()
    with pytest.raises(ArgumentError, match=r"is closed: ds.close\(\) was called"):
        dataset.append(ROW)
    assert len(dataset) == 1
    opened = tql.load(tmp_path / "ds")
    with pytest.raises(ReadOnlyError, match=r"opened for reading.*\n.*read_only=False"):
        opened.append(ROW)  # type: ignore[attr-defined]
    assert not hasattr(opened, "append")


def test_a_folder_that_can_not_be_written_to(
    dataset: tql.WritableDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.close()

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "link", refuse)  # file modes keep nobody out who runs the tests as root
    with pytest.raises(StorageError, match=r"can't write '.*lock': permission denied\n.*can't be written to"):
        tql.load(tmp_path / "ds", read_only=False)


def test_integers_are_never_rounded(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "big")
    dataset.create_tensor("x")
    with pytest.raises(ArgumentError, match="no integer dtype holds all of these"):
        dataset.append({"x": [2**63, -1]})
    dataset.append({"x": 2**64 - 1})
    assert dataset["x"].tolist() == [[2**64 - 1]]
    assert dataset["x"].dtype == np.uint64


def test_urls_are_no_folders_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = "s3://bucket/flowers"
    for use in (tql.load, tql.empty, tql.read, lambda url: tql.ingest_folder(url, tmp_path / "ds")):
        with pytest.raises(
            UnsupportedError, match=r"'s3://' can't be opened, .*: 's3://bucket/flowers'\n.*copy"
        ):
            use(url)
    with pytest.raises(UnsupportedError, match="gcs://"):
        tql.empty("gcs://bucket/flowers", overwrite=True)
    assert list(tmp_path.iterdir()) == []
