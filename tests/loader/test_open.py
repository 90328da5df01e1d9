"""`tql.load`: what is a dataset, and what the errors say where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import tql
from tql.errors import DatasetNotFoundError, FormatError, UnsupportedError
from v3_fixtures import unpack


def test_a_v3_folder_opens(tmp_path: Path) -> None:
    ds = tql.load(unpack("class_label", tmp_path) / "ds")
    assert ds.columns == ("by_name", "multi", "packed", "seg", "single")
    assert len(ds) == 2  # the shortest tensor
    assert ds.schema.type_of("single").class_names == ("car", "motorcycle", "person", "dog", "traffic light")
    assert ds.branches == {"main": ds.version}
    assert ds[0]["seg"].shape == (9, 7)


def test_info_and_path(tmp_path: Path) -> None:
    folder = unpack("versions", tmp_path) / "ds"
    ds = tql.load(str(folder))
    assert ds.info == {"step": 2}
    assert ds.path == str(folder)
    assert ds.describe()["columns"]["x"]["chunks"] > 1


def test_a_tensor_that_cannot_be_read_hurts_only_when_touched(tmp_path: Path) -> None:
    folder = unpack("bbox", tmp_path) / "ds"
    meta = folder / "polygons" / "tensor_meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "dtype": "complex64"}))
    ds = tql.load(folder)
    assert "polygons" in ds.columns
    assert ds.describe()["columns"]["polygons"]["readable"] is False
    assert len(ds["boxes"]) == len(ds)
    with pytest.raises(UnsupportedError) as caught:
        ds["polygons"]
    assert caught.value.message == "tensor 'polygons': polygons of dtype complex64 can't be read"


def test_scalars_keep_the_shape_that_the_format_gives_them(tmp_path: Path) -> None:
    ds = tql.load(unpack("scalars", tmp_path) / "ds")
    assert str(ds.schema.type_of("int8_")) == "int8[1]"
    assert ds["int8_"].shape == (len(ds), 1) and ds["int8_"].dtype == np.int8


@pytest.mark.parametrize("kind", ["missing", "file", "other folder"])
def test_what_is_no_dataset(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data"
    messages = {
        "missing": f"there is no folder '{path}'",
        "file": f"a dataset is a folder, this is a file: '{path}'",
        "other folder": f"this folder holds no dataset: '{path}'\n"
        "  looked for dataset_meta.json or version_control_info.json (Deep Lake v3)",
    }
    if kind == "file":
        path.write_text("x")
    elif kind == "other folder":
        path.mkdir()
    with pytest.raises(DatasetNotFoundError) as caught:
        tql.load(path)
    assert str(caught.value) == messages[kind]
    assert isinstance(caught.value, FileNotFoundError)


def test_a_dataset_without_its_meta_is_damaged(tmp_path: Path) -> None:
    folder = unpack("no_hidden", tmp_path) / "ds"
    (folder / "dataset_meta.json").unlink()
    with pytest.raises(FormatError) as caught:
        tql.load(folder)
    assert str(caught.value) == "damaged dataset: the file is missing\n  in file 'dataset_meta.json'"
