"""Rare and old forms: sequences of lists, all polygons, links of several files, LZ4 frames, old indexes.

`v3_forms.zip` was written by deeplake 3.9.52.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import lz4.block
import lz4.frame
import numpy as np
import pytest

import tql
from tql.errors import FormatError
from tql.loader.sources.v3 import V3Source, codecs
from tql.loader.sources.v3.indexes import TileEntry, parse_tile_index
from tql.loader.sources.v3.links import parse_paths
from tql.loader.sources.v3.place import Place
from tql.loader.sources.v3.polygons import decode_polygons
from v3_fixtures import ARCHIVES, assert_rows_equal, copy_of, read_all, unpack

PLACE = Place("file", "tensor")


@pytest.fixture(scope="session")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    with zipfile.ZipFile(ARCHIVES.parent / "v3_forms.zip") as archive:
        archive.extractall(folder)
    return folder / "ds"


def points(count: int, k: int, dtype: str, ndim: int = 2) -> np.ndarray:
    return (np.arange(count * ndim, dtype=dtype) + 100 * k).reshape(count, ndim).astype(dtype)


FLAT = [[points(3, 0, "i4", 3), points(4, 1, "i4", 3)], [], [points(1, 2, "i4", 3)]]
ROWS: dict[str, list[Any]] = {
    "outlines": [
        [[points(3, 0, "f4")], [points(4, 1, "f4"), points(3, 2, "f4")]],
        [],
        [[points(5, 3, "f4")], []],
    ],
    "whole": FLAT,
    "each": FLAT,
    "chunk": FLAT,
    "lists": [[[1, 2], ["x"]], [], [[]]],
    "documents": [[{"a": 1}, [1.5]], [], [{}, "t"]],
    "multi": [[np.array([0, 1], "u4"), np.array([2], "u4")], [], [np.array([1], "u4")]],
    "big": ["\n".join(f"files/{i}{j}.png" for i in range(2) for j in range(3)), "files/00.png", ""],
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_in_order_and_by_number(forms: Path, name: str) -> None:
    ds = tql.load(forms)
    assert_rows_equal(list(ds[name]), ROWS[name])
    assert_rows_equal([ds[row][name] for row in range(3)], ROWS[name])
    order = [2, 0, 1, 0, 2]
    assert_rows_equal(list(ds[order][name]), [ROWS[name][row] for row in order])


@pytest.mark.parametrize("name", ["outlines", "whole", "each", "multi", "lists"])
def test_the_shape_of_a_list_is_its_length(forms: Path, name: str) -> None:
    column = V3Source(forms).read(name, "shape", 0, 3)
    assert column.values.tolist() == [[len(row)] for row in ROWS[name]]


def test_types(forms: Path) -> None:
    types = {name: str(field.type) for name, field in tql.load(forms).schema.items()}
    assert types == {
        "big": "text",
        "chunk": "int32[,][]",
        "documents": "json[]",
        "each": "int32[,][]",
        "lists": "json[]",
        "multi": "class_label[][]",
        "outlines": "float32[,][][]",
        "whole": "int32[,][]",
    }


def test_polygons_in_queries_and_batches(forms: Path) -> None:
    ds = tql.load(forms)
    assert ds.query("select * where shape(whole)[0] = 1").indices.tolist() == [2]
    (batch,) = ds.dataloader().batch(3).numpy()
    assert_rows_equal(batch["whole"], ROWS["whole"])


def test_a_saved_copy_has_the_same_rows(forms: Path, tmp_path: Path) -> None:
    ds = tql.load(forms)
    names = [name for name in ROWS if name != "big"]
    copy = ds.query(f"select {', '.join(names)}").save(tmp_path / "copy")
    for name in names:
        assert_rows_equal(list(copy[name]), ROWS[name])


@pytest.mark.parametrize(
    ("data", "shape", "what"),
    [
        (struct.pack("<HH4f", 1, 2, 1, 2, 3, 4), (2, 2, 2), "the number of polygons"),
        (struct.pack("<HH4f", 1, 2, 1, 2, 3, 4), (1, 3, 2), "the most points"),
        (struct.pack("<HH4f", 1, 2, 1, 2, 3, 4), (1, 2, 3), "not as many as its bytes"),
        (struct.pack("<HH4f", 1, 2, 1, 2, 3, 4), (1, 2, 0), "not as many as its bytes"),
        (struct.pack("<HH4f", 1, 2, 1, 2, 3, 4), (1, 2, (1 << 32) - 1), "not as many as its bytes"),
        (struct.pack("<HH4f", 1, 2, 1, 2, 3, 4)[:-1], (1, 2, 2), "not as many as its bytes"),
        (struct.pack("<HH4f", 60000, 2, 1, 2, 3, 4), (60000, 2, 2), "ends within the points"),
        (b"\1", (1, 2, 2), "too short"),
        (b"", (1, 2, 2), "the number of polygons"),
    ],
)
def test_polygons_that_contradict_their_bytes(data: bytes, shape: tuple[int, ...], what: str) -> None:
    area = np.frombuffer(data, np.uint8)
    with pytest.raises(FormatError, match=what):
        decode_polygons(
            area,
            np.array([0]),
            np.array([len(data)]),
            np.array([shape], np.int64),
            np.dtype("f4"),
            PLACE,
            range(1),
        )


def test_lz4_frames_of_old_writers(tmp_path: Path) -> None:
    folder = unpack("lz4", tmp_path)
    source = V3Source(folder / "ds")
    expected = read_all(source, "chunk")
    for chunk in (folder / "ds" / "chunk" / "chunks").iterdir():
        data = chunk.read_bytes()
        header = _header_size(data)
        block = data[header:]
        if block:
            plain = lz4.block.decompress(block[4:], int.from_bytes(block[:4], "little"))
            chunk.write_bytes(data[:header] + lz4.frame.compress(plain))
    assert_rows_equal(read_all(V3Source(folder / "ds"), "chunk"), expected)
    chunk.write_bytes(data[:header] + lz4.frame.compress(plain + b"\0"))
    with pytest.raises(FormatError, match="the frame holds more than"):
        read_all(V3Source(folder / "ds"), "chunk")


def _header_size(data: bytes) -> int:
    at = 1 + data[0]
    rows, columns = struct.unpack_from("<ii", data, at)
    at += 8 + 4 * rows * columns
    return at + 4 + 12 * struct.unpack_from("<I", data, at)[0]


def bytes_of(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def test_lz4_items_of_every_form() -> None:
    frame, block = lz4.frame.compress(b"abc" * 50), lz4.block.compress(b"abc" * 50, store_size=True)
    for data in (frame, block):
        for expected in (150, None):
            assert codecs.lz4_unpack(bytes_of(data), expected, PLACE).tobytes() == b"abc" * 50
        with pytest.raises(FormatError):
            codecs.lz4_unpack(bytes_of(data), 149, PLACE)
        with pytest.raises(FormatError):
            codecs.lz4_unpack(bytes_of(data[:-3]), None, PLACE)
    assert len(codecs.lz4_unpack(bytes_of(b"\0" * 5), 0, PLACE)) == 0
    bomb = lz4.frame.compress(b"\0" * (1 << 24))
    with pytest.raises(FormatError, match="holds more than 100 bytes"):
        codecs.lz4_unpack(bytes_of(bomb), 100, PLACE)


def test_blocks_for_the_engine_leave_frames_and_old_empty_items_to_python() -> None:
    block = lz4.block.compress(b"abcd", store_size=True)
    area = bytes_of(block + b"\0" * 5)
    starts, sizes = np.array([0, len(block)]), np.array([len(block), 5])
    spans = codecs.raw_blocks(area, starts, sizes, np.array([4, 0]), PLACE)
    assert spans is not None and [span.tolist() for span in spans] == [[4, len(block)], [len(block) - 4, 0]]
    framed = bytes_of(lz4.frame.compress(b"abcd"))
    one = np.array([len(framed)])
    assert codecs.raw_blocks(framed, np.array([0]), one, np.array([4]), PLACE) is None


def test_old_tile_indexes_are_big_endian_without_a_version() -> None:
    entry = struct.pack(">2Q5Q", 1, 2, 7, 100, 50, 30, 50)
    assert parse_tile_index(entry, PLACE) == {7: TileEntry((100, 50), (30, 50))}
    assert parse_tile_index(struct.pack(">Q", 0), PLACE) == {}
    for damaged in (entry[:-1], entry + b"\0", struct.pack(">2Q", 1 << 40, 2), b"\0"):
        with pytest.raises(FormatError):
            parse_tile_index(damaged, PLACE)


def test_an_old_tile_index_in_a_dataset(tmp_path: Path) -> None:
    folder = unpack("tiled", tmp_path)
    copy = copy_of(folder / "ds", tmp_path / "copy")
    changed = 0
    for index in copy.rglob("tiles_index/unsharded"):
        data = index.read_bytes()
        index.write_bytes(np.frombuffer(data, "<u8", offset=1 + data[0]).astype(">u8").tobytes())
        changed += 1
    assert changed > 0
    for name in V3Source(copy).schema:
        assert_rows_equal(read_all(V3Source(copy), name), read_all(V3Source(folder / "ds"), name))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x063.9.52",
        b"\x063.9.52\x01\x02\x00",
        b"\x063.9.52\x01\x02\x00\x00\x00a\x00b",
        b"\x063.9.52\x01\x02\x00\x00\x00a\x00",
        b"\x063.9.52\x01\x01\x00\x00\x00\xff\x00",
        b"\x063.9.52\x04" + b"\xff" * 16 + b"a\x00",
    ],
)
def test_damaged_grids_of_paths(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_paths(data, PLACE)


def test_rows_without_a_value_in_a_chunk_that_never_learned_its_rank(tmp_path: Path) -> None:
    """Two such rows, committed, so that the values went to a chunk of their own; written by deeplake 3.9.52.
    deeplake itself can't read `same`, whose values have one shape.
    """
    with zipfile.ZipFile(ARCHIVES.parent / "v3_more.zip") as archive:
        archive.extractall(tmp_path)
    ds = tql.load(tmp_path / "early")
    none = np.zeros((0, 0), np.int32)
    assert_rows_equal(list(ds["x"]), [none, none, *(np.full((n + 1, 2), n, np.int32) for n in range(3))])
    assert_rows_equal(list(ds["same"]), [none, none, *(np.full((1, 2), n, np.int32) for n in range(3))])
    assert [row.tolist() for row in ds[[4, 0, 3]]["same"]] == [[[2, 2]], [], [[1, 1]]]
    assert ds.query("select * where sum(same) >= 2").indices.tolist() == [3, 4]
    assert V3Source(tmp_path / "early").read("x", "shape", 0, 3).values.tolist() == [[0, 0], [0, 0], [1, 2]]
