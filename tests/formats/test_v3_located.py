"""Rows that are read one by one: found once per chunk, read when they are needed, wherever they lie."""

from __future__ import annotations

import io
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tql
from tql.errors import FormatError, RowWarning
from tql.loader.decoding import decode_rows
from tql.loader.sources.v3 import V3Source

ROWS = 60


def picture(row: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(row).integers(0, 255, (60 + row % 3, 70, 3), np.uint8)


def jpeg(pixels: np.ndarray[Any, Any], mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG", quality=95)
    return stream.getvalue()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chunks of several rows each; the last one is small enough to be read whole."""
    path = tmp_path_factory.mktemp("located") / "ds"
    with tql.empty(path) as ds:
        ds.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=200_000)
        ds.create_tensor("raw", dtype="float32", max_chunk_size=200_000)
        ds.create_tensor("flags", dtype="bool", max_chunk_size=200_000)
        for row in range(ROWS):
            wide = np.full((40, 40 + row % 5), row, np.float32)
            ds.append({"images": picture(row), "raw": wide, "flags": np.ones((90, 90), bool)})
    return path


def chunks_of(path: Path, tensor: str) -> list[Path]:
    return sorted((path / tensor / "chunks").iterdir())


def copy(path: Path, to: Path) -> Path:
    return Path(shutil.copytree(path, to / "copy"))


def test_there_are_chunks_of_both_kinds(written: Path) -> None:
    sizes = [chunk.stat().st_size for chunk in chunks_of(written, "raw")]
    assert len(sizes) > 2 and max(sizes) > 64 * 1024 > min(sizes)


@pytest.mark.parametrize("column", ["images", "raw", "flags"])
def test_rows_in_any_order_are_those_of_the_column(written: Path, column: str) -> None:
    source, rng = V3Source(written), np.random.default_rng(0)
    for count in (1, 7, 200):
        rows = rng.integers(0, ROWS, count)
        encoded = source.encoded(column, rows)
        assert encoded is not None
        for row, value in zip(rows.tolist(), decode_rows(encoded), strict=True):
            expected = V3Source(written).take(column, "values", np.array([row]))
            assert value.tobytes() == expected.values.tobytes()
            assert value.shape == tuple(V3Source(written).take(column, "shape", np.array([row])).values[0])


def test_threads_find_rows_at_once(written: Path) -> None:
    source, wrong = V3Source(written), []
    expected = [V3Source(written).stored_bytes("images", row) for row in range(ROWS)]

    def work(number: int) -> None:
        for _ in range(30):
            rows = np.random.default_rng(number).integers(0, ROWS, 20)
            encoded = source.encoded("images", rows)
            assert encoded is not None
            wrong.extend(row for at, row in enumerate(rows) if encoded.row_bytes(at) != expected[row])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_loader_reads_every_row_once(written: Path) -> None:
    for seed in (0, 1):
        loader = tql.load(written).dataloader(seed=seed).shuffle().batch(7).numpy(return_index=True)
        seen = []
        for batch in loader:
            for row, raw, image in zip(batch["index"], batch["raw"], batch["images"], strict=True):
                assert raw.shape == (40, 40 + row % 5) and (raw == row).all()
                assert image.shape == picture(row).shape
                seen.append(int(row))
        assert sorted(seen) == list(range(ROWS))


@pytest.mark.parametrize("damage", ["rewritten", "removed"])
def test_a_chunk_that_changes_while_the_loader_runs(written: Path, tmp_path: Path, damage: str) -> None:
    path = copy(written, tmp_path)
    ds = tql.load(path)
    list(ds.dataloader().batch(8).numpy())  # every chunk is known now
    chunk = max(chunks_of(path, "images"), key=lambda chunk: chunk.stat().st_size)
    if damage == "removed":
        chunk.unlink()
    else:
        os.utime(chunk, ns=(1, 1))
    reason = {
        "removed": "the file can't be read: No such file",
        "rewritten": "was changed after it was opened",
    }
    with pytest.raises(FormatError, match=rf"of column 'images' \(chunk {chunk.name}\).*{reason[damage]}"):
        list(ds.dataloader().batch(8).numpy())
    loader = ds.dataloader().shuffle(seed=2).batch(8).numpy(on_error="skip", return_index=True)
    with pytest.warns(RowWarning, match="another row takes its place"):
        rows = [int(row) for batch in loader for row in batch["index"]]
    bad = loader.errors
    assert len(rows) == ROWS and bad
    assert {error.chunk for error in bad} == {chunk.name} and {error.column for error in bad} == {"images"}
    assert all(reason[damage] in error.reason for error in bad)
    assert not {error.row for error in bad} & set(rows)


def test_rows_that_the_engine_does_not_decode_are_among_them(tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("images", htype="image", sample_compression="jpeg", max_chunk_size=200_000)
        for row in range(ROWS):
            if row % 20 == 5:
                (tmp_path / "cmyk.jpg").write_bytes(jpeg(picture(row), "CMYK"))
                ds.append({"images": tql.read(tmp_path / "cmyk.jpg")})
            else:
                ds.append({"images": picture(row)})
    source = V3Source(tmp_path / "ds")
    assert source.encoded("images", np.array([0, 5, 7])) is None
    assert source.encoded("images", np.array([0, 4, 7])) is not None
    images = [
        image
        for batch in tql.load(tmp_path / "ds").dataloader().batch(8).numpy()
        for image in batch["images"]
    ]
    assert [image.shape[2] for image in images] == [4 if row % 20 == 5 else 3 for row in range(ROWS)]


def test_tiled_rows_among_others(tmp_path: Path) -> None:
    values = [np.full((300 if row == 3 else 30, 100), row, np.float32) for row in range(8)]
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="float32", max_chunk_size=70_000, tiling_threshold=70_000)
        for value in values:
            ds.append({"x": value})
    source = V3Source(tmp_path / "ds")
    for rows in ([0, 1], [2, 3], [3], [7, 3, 0]):
        encoded = source.encoded("x", np.array(rows))
        assert (encoded is None) == (3 in rows)
    (batch,) = tql.load(tmp_path / "ds").dataloader().batch(8).numpy()
    for value, expected in zip(batch["x"], values, strict=True):
        assert np.array_equal(value, expected)
