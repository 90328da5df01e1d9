"""Rows out of chunks that the cache has no room for: the same rows, whatever is kept; errors for damage."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import FormatError
from tql.loader.decoding import RowError, decode_rows
from tql.loader.sources.v3 import V3Source, codecs

ROWS = 400
RNG = np.random.default_rng(6)
COLUMNS: dict[str, Any] = {
    "pixels": RNG.integers(0, 256, (ROWS, 9, 7, 3), np.uint8),
    "numbers": RNG.normal(size=(ROWS, 50)).astype(np.float32),
    "scalars": RNG.integers(-99, 99, ROWS).astype(np.int64),
    "masks": RNG.integers(0, 2, (ROWS, 100)).astype(np.bool_),
    "ragged": [RNG.integers(0, 256, (n % 5, 30), np.uint8) for n in range(ROWS)],
    "pictures": RNG.integers(0, 256, (ROWS, 9, 7, 3), np.uint8),
    "grey": RNG.integers(0, 256, (ROWS, 6, 8, 1), np.uint8),
    "black": np.zeros((ROWS, 3000), np.uint8),  # chunks that are read with their header
}

IMAGES = ("pictures", "grey")  # chunks that are one image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("gathering") / "ds"
    with tql.empty(root) as ds:
        for name, rows in COLUMNS.items():
            how = {"dtype": rows[0].dtype.name, "chunk_compression": "lz4"}
            if name in IMAGES:
                how = {"htype": "image", "chunk_compression": "png"}
            ds.create_tensor(name, max_chunk_size=4000, **how)
        ds.create_tensor("photos", htype="image", chunk_compression="jpeg", max_chunk_size=4000)
        ds.extend(
            {name: list(rows) for name, rows in COLUMNS.items()} | {"photos": list(COLUMNS["pictures"])}
        )
    return root


def rows_of(source: V3Source, name: str, rows: np.ndarray) -> Sequence[Any]:
    encoded = source.encoded(name, rows)
    assert encoded is not None
    return decode_rows(encoded)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("room", [0, 3000, 10_000, 1 << 30])
def test_rows_are_those_that_were_written(folder: Path, name: str, room: int) -> None:
    source, rng = V3Source(folder), np.random.default_rng(room)
    source.lease_cache(room)
    orders = [
        rng.permutation(ROWS),
        rng.integers(0, ROWS, 100),
        np.arange(ROWS),
        np.array([7]),
        rng.integers(5, 9, 50),
    ]
    for rows in orders:
        found = rows_of(source, name, rows)
        assert len(found) == len(rows)
        for row, values in zip(rows.tolist(), found, strict=True):
            wanted = np.atleast_1d(COLUMNS[name][row])
            assert values.dtype == wanted.dtype
            assert np.array_equal(values, wanted)


def test_the_engine_decodes_strips_like_pillow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(2).permutation(ROWS)
    native = rows_of(V3Source(folder), "photos", rows)
    assert isinstance(native, np.ndarray) and native.shape == (ROWS, 9, 7, 3)
    monkeypatch.setattr(codecs, "native_jpeg", lambda: False)
    assert np.array_equal(rows_of(V3Source(folder), "photos", rows), native)


@pytest.mark.parametrize("name", ["photos", "pictures"])
def test_damaged_strips_give_what_pillow_says(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, rows = np.random.default_rng(4), np.arange(0, ROWS, 3)
    copy = tmp_path / "ds"
    shutil.copytree(folder, copy)
    chunk = sorted((copy / name / "chunks").iterdir())[1]
    data = chunk.read_bytes()
    native = codecs.native_jpeg
    refused = 0
    for trial in range(40):
        broken = bytearray(data)
        if trial % 4 == 0:
            del broken[int(rng.integers(0, len(data))) :]
        else:
            broken[int(rng.integers(0, len(data)))] ^= 1 << int(rng.integers(0, 8))
        chunk.write_bytes(broken)
        found = []
        for decodes in (native, lambda: False):
            monkeypatch.setattr(codecs, "native_jpeg", decodes)
            try:
                found.append(np.asarray(rows_of(V3Source(copy), name, rows)).tobytes())
            except FormatError as error:
                found.append(str(error).encode())
                refused += 1
        assert found[0] == found[1]
    assert refused >= 20


def test_what_is_handed_out_is_not_kept(folder: Path) -> None:
    source = V3Source(folder)
    source.lease_cache(10_000)
    rows = np.arange(50)
    first = rows_of(source, "pixels", rows)
    assert isinstance(first, np.ndarray) and first.flags.writeable
    first[:] = 0
    assert np.array_equal(rows_of(source, "pixels", rows), COLUMNS["pixels"][:50])


def test_damaged_chunks_are_errors_or_other_bytes(folder: Path, tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(1), np.arange(0, ROWS, 3)
    intact = sorted((folder / "numbers" / "chunks").iterdir())[1]
    data = intact.read_bytes()
    copy = tmp_path / "ds"
    shutil.copytree(folder, copy)
    chunk = copy / "numbers" / "chunks" / intact.name
    refused = 0
    for trial in range(200):
        broken = bytearray(data)
        if trial % 4 == 0:
            del broken[int(rng.integers(0, len(data))) :]
        else:
            for at in rng.integers(0, len(data), int(rng.integers(1, 4))):
                broken[at] ^= 1 << int(rng.integers(0, 8))
        chunk.write_bytes(broken)
        source = V3Source(copy)
        source.lease_cache(5000)
        try:
            assert len(rows_of(source, "numbers", rows)) == len(rows)
        except (FormatError, RowError):
            refused += 1
    assert refused >= 50


def test_a_row_is_not_allocated_before_a_chunk_holds_one(folder: Path, tmp_path: Path) -> None:
    """A header that announces items of 100 MB in front of a few bytes."""
    copy = tmp_path / "ds"
    shutil.copytree(folder, copy)
    name, size, items = "black", 100_000_000, 0
    for chunk in (copy / name / "chunks").iterdir():
        data = bytearray(chunk.read_bytes())
        start = 1 + data[0]
        count, columns = np.frombuffer(data, "<i4", 2, start)
        assert (count, columns) == (1, 2)
        data[start + 8 : start + 12] = size.to_bytes(4, "little")
        positions = start + 8 + 8 + 4
        data[positions : positions + 4] = size.to_bytes(4, "little")
        items += 1
        chunk.write_bytes(data)
    assert items > 1
    source = V3Source(copy)
    source.lease_cache(1000)
    with pytest.raises(FormatError):
        source.encoded(name, np.zeros(1_000_000, np.int64))  # 100 TB
