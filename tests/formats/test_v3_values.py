"""Every row of every fixture equals what the writing package reads."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tql._engine import DecodePool
from tql.errors import ArgumentError, MissingDependencyError, UnsupportedError
from tql.loader import compression
from tql.loader.sources.v3 import V3Source, codecs
from tql.loader.sources.v3.files import Folder
from tql.loader.to_numpy import column_values
from v3_fixtures import (
    NAMES,
    assert_rows_equal,
    assert_values_equal,
    expected_rows,
    load_json,
    plain,
    read_all,
    unpack,
)

# A tensor of which the writing package reads nothing itself.
NOT_EXPECTED = {"only_none"}


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("v3")


@pytest.fixture(params=["native", "packages"])
def decoders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the engine's codecs, and without them: Pillow and the lz4 package."""
    if request.param == "packages":
        monkeypatch.setattr(compression, "native_lz4", lambda: False)
        monkeypatch.setattr(codecs, "native_jpeg", lambda: False)


@pytest.mark.usefixtures("decoders")
@pytest.mark.parametrize("fixture", NAMES)
def test_every_row_of_every_version(fixture: str, unpacked: Path) -> None:
    folder = unpack(fixture, unpacked)
    arrays = np.load(folder / "expected.npz")
    for version in load_json(folder / "expected.json")["versions"]:
        source = V3Source(folder / "ds", version["address"])
        for name, entry in version["tensors"].items():
            if name in NOT_EXPECTED:
                continue
            assert_rows_equal(read_all(source, name), expected_rows(entry, arrays), entry.get("lossy", False))


@pytest.mark.parametrize("fixture", NAMES)
def test_names_lengths_and_types(fixture: str, unpacked: Path) -> None:
    folder = unpack(fixture, unpacked)
    for version in load_json(folder / "expected.json")["versions"]:
        source = V3Source(folder / "ds", version["address"])
        visible = {name: e for name, e in version["tensors"].items() if not e["hidden"]}
        assert source.commit.id == version["commit_id"]
        assert list(source.schema) == sorted(visible)
        assert list(source.meta.groups) == version["groups"]
        assert_values_equal(source.info, plain(version["info"]), 0)
        assert source.num_rows == min((e["length"] for e in visible.values()), default=0)
        for name, entry in version["tensors"].items():
            tensor = source.tensor(name)
            assert len(tensor) == entry["length"]
            given = {name: value for name, value in plain(entry["info"]).items() if value is not None}
            assert_values_equal({name: tensor.meta.info[name] for name in given}, given, 0)
            if entry["kind"] == "array" and entry["dtype"] is not None:
                assert tensor.meta.type().element == entry["dtype"]
            assert list(tensor.meta.class_names or ()) == (entry["info"].get("class_names") or [])


@pytest.mark.parametrize(
    "fixture", ["ragged", "lz4", "chunks", "images", "tiled", "sequence", "bbox", "text_json_list"]
)
def test_rows_in_any_order_with_repeats(fixture: str, unpacked: Path) -> None:
    folder = unpack(fixture, unpacked)
    source = V3Source(folder / "ds")
    rng = np.random.default_rng(5)
    for name in source.schema:
        rows = read_all(source, name)
        order = rng.integers(0, len(rows), 2 * len(rows))
        taken = source.tensor(name).read(order).to_column()
        assert taken.element == source.tensor(name).read(np.arange(1)).to_column().element
        got = list(column_values(taken, source.schema.type_of(name)))
        assert_rows_equal(got, [rows[row] for row in order])


@pytest.mark.parametrize(
    "fixture", ["ragged", "lz4", "images", "embedding", "tiled", "sequence", "class_label", "bbox"]
)
def test_shapes_are_those_of_the_values_and_need_no_decoding(
    fixture: str, unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = V3Source(unpack(fixture, unpacked) / "ds")
    names = [n for n, f in source.schema.items() if f.type.is_numeric]
    values = {name: read_all(source, name) for name in names}

    def refuse(*_: Any) -> Any:
        raise AssertionError("decoded")

    for module, function in ((codecs, "decode_item"), (codecs, "lz4_unpack"), (codecs, "decode_strip")):
        monkeypatch.setattr(module, function, refuse)
    fresh = V3Source(source.path)
    for name in names:
        shapes = fresh.tensor(name).shapes(np.arange(len(values[name])))
        assert shapes.tolist() == [_shape(value) for value in values[name]]


def _shape(value: Any) -> list[int]:
    return [len(value)] if isinstance(value, list) else list(value.shape)


@pytest.mark.parametrize("fixture", ["scalars", "ragged", "lz4", "images", "no_hidden", "embedding"])
def test_encoded_rows_decode_to_the_values(fixture: str, unpacked: Path) -> None:
    source = V3Source(unpack(fixture, unpacked) / "ds")
    pool = DecodePool(2)
    offered = 0
    for name in source.schema:
        rows = np.arange(len(source.tensor(name)))[::-1].copy()
        encoded = source.encoded(name, rows)
        if encoded is None:
            continue
        offered += 1
        assert_rows_equal(list(pool.submit(encoded).wait()), read_all(source, name)[::-1])
    pool.close()
    assert offered > 0


def test_stored_bytes_of_encoded_items(unpacked: Path) -> None:
    folder = unpack("images", unpacked)
    source = V3Source(folder / "ds")
    (version,) = load_json(folder / "expected.json")["versions"]
    checked = 0
    for name, entry in version["tensors"].items():
        for row, digest in enumerate(entry.get("encoded_sha256") or []):
            assert hashlib.sha256(source.tensor(name).stored_bytes(row)).hexdigest() == digest
            checked += 1
    assert checked > 50
    with pytest.raises(UnsupportedError, match="not stored as one string of bytes"):
        source.tensor("strip_png").stored_bytes(0)


def test_partitions_cover_all_rows_along_chunks(unpacked: Path) -> None:
    source = V3Source(unpack("embedding", unpacked) / "ds")
    ranges = source.partitions(["one_by_one"])
    assert [a for a, _ in ranges] + [source.num_rows] == [0] + [b for _, b in ranges]
    assert source.partitions([]) == [(0, source.num_rows)]


def test_versions_by_branch_and_commit(unpacked: Path) -> None:
    folder = unpack("versions", unpacked)
    expected = load_json(folder / "expected.json")
    assert V3Source(folder / "ds").commit.id == expected["branches"]["main"]
    side = V3Source(folder / "ds", "side")
    assert side.commit.branch == "side" and "extra" in side.schema
    with pytest.raises(ArgumentError) as caught:
        V3Source(folder / "ds", "nowhere")
    assert str(caught.value) == "no branch or commit named 'nowhere'\n  branches: main, side"


def test_the_version_tree_is_rebuilt_from_the_commits(unpacked: Path, tmp_path: Path) -> None:
    folder = unpack("versions", unpacked)
    copy = Path(shutil.copytree(folder / "ds", tmp_path / "ds"))
    (copy / "version_control_info.json").unlink()
    rebuilt, sound = V3Source(copy), V3Source(folder / "ds")
    assert rebuilt.versions.branches == sound.versions.branches
    assert rebuilt.commit == sound.commit


def test_a_source_pickles_by_path_and_commit(unpacked: Path) -> None:
    source = V3Source(unpack("versions", unpacked) / "ds", "side")
    data = pickle.dumps(source)
    assert len(data) < 1000
    copy = pickle.loads(data)
    assert copy.commit == source.commit
    assert_rows_equal(read_all(copy, "x"), read_all(source, "x"))


def test_opening_reads_metas_only(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpack("ragged", unpacked)
    opened: list[str] = []
    for method in ("read", "open"):
        original = getattr(Folder, method)
        monkeypatch.setattr(
            Folder,
            method,
            lambda self, file, *rest, o=original: (opened.append(file), o(self, file, *rest))[1],
        )
    source = V3Source(folder / "ds")
    assert all(file.endswith(".json") for file in opened)
    assert len(opened) <= 3 + 2 * len(source.schema)


@pytest.mark.parametrize(
    ("fixture", "tensor", "package", "message"),
    [
        (
            "lz4",
            "chunk",
            "lz4.block",
            "reading lz4 data needs the package lz4\n  install it: pip install tql[lz4]",
        ),
        (
            "images",
            "png",
            "PIL",
            "decoding this image needs the package Pillow\n  install it: pip install tql[images]",
        ),
    ],
)
def test_a_missing_package_is_named(
    fixture: str, tensor: str, package: str, message: str, unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "native_lz4", lambda: False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError) as caught:
        read_all(V3Source(unpack(fixture, unpacked) / "ds"), tensor)
    assert str(caught.value) == message
