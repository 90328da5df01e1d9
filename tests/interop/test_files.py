"""Files that are stored as they are, and tensors that change their names."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import tql
from interop.turns import check_theirs
from media_files import HTYPES, media_files
from written import KINDS, Model


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[bytes, tuple[int, ...], str]]:
    return media_files()


@pytest.mark.parametrize("codec", HTYPES)
def test_files(codec: str, files: Any, peer: Any, tmp_path: Path) -> None:
    data, shape, _ = files[codec]
    file = tmp_path / f"file.{codec}"
    file.write_bytes(data)
    path = str(tmp_path / "ds")
    with tql.empty(path) as ours:
        ours.create_tensor("x", htype=HTYPES[codec], sample_compression=codec)
        ours.extend({"x": [tql.read(file)] * 2})
    ours.close()
    peer.open(path)
    peer.append_file("x", str(file))
    assert peer.stored("x") == [[data, list(shape)]] * 3  # the shape is the one that it finds itself
    peer.commit("theirs")
    peer.close()
    with tql.load(path, read_only=False) as again:
        assert again.stored_bytes("x", 2) == data
        again.append({"x": data})
        again.pop(0)
    again.close()
    peer.open(path, None, True)
    assert peer.stored("x") == [[data, list(shape)]] * 3
    peer.close()


def test_renamed_and_deleted_tensors(peer: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "ds")
    ours = tql.empty(path)
    for name in ("a", "b", "c"):
        ours.create_tensor(name, dtype="int64")
    ours.extend({"a": [1, 2], "b": [3, 4], "c": [5, 6]})
    ours.commit("first")
    ours.rename_tensor("a", "aa")
    ours.delete_tensor("b")
    ours.create_tensor("a", htype="text")
    ours.extend({"a": ["x", "y"]})
    ours.close()
    peer.open(path)
    assert peer.read() == {"a": ["x", "y"], "aa": [[1], [2]], "c": [[5], [6]]}
    peer.append({"a": "z", "aa": 7, "c": 8})
    peer.rename_tensor("c", "cc")
    peer.delete_tensor("a")
    peer.commit("theirs")
    peer.close()
    assert tql.load(path).to_pydict() == {"aa": [[1], [2], [7]], "cc": [[5], [6], [8]]}


def test_copies_are_read(peer: Any, tmp_path: Path) -> None:
    """Items that were copied as they are stored, tiles among them."""
    names = ("image_png", "image_tiled", "image_strip", "sequence_image", "text_sample")
    random = Random(5)
    model = Model({name: KINDS[name] for name in names})
    with tql.empty(tmp_path / "ds") as ours:
        model.create(ours)
        for _ in range(12):
            model.edit(ours, random)
        while len(model.rows) < 4:
            model.edit(ours, random)
    ours.close()
    tql.load(tmp_path / "ds").save(tmp_path / "copy")
    check_theirs(peer, str(tmp_path / "copy"), model)


def test_grey_pictures_join_their_rows(peer: Any, tmp_path: Path) -> None:
    """It gives arrays [height, width] of any htype a third axis where an image codec keeps them."""
    path = str(tmp_path / "ds")
    peer.empty(path)
    peer.create_tensor("x", {"dtype": "uint16", "sample_compression": "png"})
    peer.append({"x": np.ones((2, 3), np.uint16)})
    peer.close()
    with tql.load(path, read_only=False) as ours:
        ours.append({"x": np.full((4, 5), 300, np.uint16)})
    ours.close()
    assert [row.shape for row in tql.load(path)["x"]] == [(2, 3, 1), (4, 5, 1)]
    peer.open(path, None, True)
    assert [np.asarray(row).shape for row in peer.read()["x"]] == [(2, 3, 1), (4, 5, 1)]
    peer.close()


def test_what_is_remembered_of_values_is_not_in_the_way(peer: Any, tmp_path: Path) -> None:
    path = tmp_path / "ds"
    with tql.empty(path) as ours:
        ours.create_tensor("x", dtype="int64", max_chunk_size=64_000)
        ours.extend({"x": np.arange(20_000)})
    ours.close()
    time.sleep(0.05)  # until the files count as not just written
    assert len(tql.load(path).query("select * where x >= 19990")) == 10
    assert (path / ".tql" / "statistics" / "x.json").exists()
    peer.open(str(path))
    peer.append({"x": np.array([19_995])})
    peer.update(19_999, {"x": np.array([3])})
    peer.commit("theirs")
    peer.close()
    for _ in range(2):
        assert len(tql.load(path).query("select * where x >= 19990")) == 10
        assert len(tql.load(path).query("select * where x == 3")) == 2
