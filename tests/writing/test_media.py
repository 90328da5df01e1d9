"""Video, audio, medical and 3D files: stored as they are, under the shape that they decode to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from media_files import HTYPES, media_files
from tql.errors import ArgumentError, MissingDependencyError


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[bytes, tuple[int, ...], str]]:
    for package in ("av", "laspy", "nibabel", "pydicom"):
        pytest.importorskip(package)
    return media_files()


@pytest.mark.parametrize("codec", HTYPES)
def test_files_are_stored_as_they_are(codec: str, files: Any, tmp_path: Path) -> None:
    data, shape, dtype = files[codec]
    (tmp_path / "file").write_bytes(data)
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", htype=HTYPES[codec], sample_compression=codec)
    dataset.append({"x": tql.read(tmp_path / "file")})
    dataset.extend({"x": [data, None]})
    dataset[1].update(x=data)
    dataset.pop(0)
    assert dataset.stored_bytes("x", 0) == data
    meta = json.loads((tmp_path / "ds" / "x" / "tensor_meta.json").read_text())
    assert meta["max_shape"] == list(shape)
    assert meta["dtype"] == {"audio": "float64"}.get(HTYPES[codec], dtype)
    dataset.close()
    copied = tql.load(tmp_path / "ds").save(tmp_path / "copy")
    assert copied.stored_bytes("x", 0) == data


def test_what_is_no_such_file(files: Any, tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    for codec, htype in HTYPES.items():
        dataset.create_tensor("x", htype=htype, sample_compression=codec)
        wrong = files["mp4" if codec != "mp4" else "wav"][0]
        if codec != "stl":
            with pytest.raises(ArgumentError, match=f"the file is no {codec} file: Sample of"):
                dataset.append({"x": wrong})
        with pytest.raises(ArgumentError, match=f"{codec} files can't be made of arrays"):
            dataset.append({"x": np.zeros((2, 2))})
        for cut in (20, len(files[codec][0]) // 3):
            with pytest.raises(ArgumentError, match=r"file (can't be read|has|is no)|shape"):
                dataset.append({"x": files[codec][0][:cut]})
            break
        assert len(dataset) == 0
        dataset.delete_tensor("x")


def test_without_the_package(files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", htype="video", sample_compression="mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"needs the package av\n.*tql\[media\]"):
        dataset.append({"x": files["mp4"][0]})


def test_links(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", htype="link[video]", sample_compression="mp4")
    dataset.create_tensor("y", htype="sequence[link[image]]")
    dataset.create_tensor("z", htype="image")
    dataset.append({"x": tql.link("a.mp4"), "y": [tql.link(Path("b.png")), "c.png"], "z": None})
    assert dataset["x"].tolist() == ["a.mp4"]
    assert list(dataset["y"][0]) == ["b.png", "c.png"]
    with pytest.raises(ArgumentError, match=r"tql.link\('a.png'\) goes into a tensor of links only"):
        dataset[0].update(z=tql.link("a.png"))
    with pytest.raises(ArgumentError, match="not a path or URL: 5"):
        tql.link(5)  # type: ignore[arg-type]
