"""What is read, how much of it, and what happens when files change under an open dataset."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import FormatError
from tql.loader.sources.v3 import V3Source, files
from v3_fixtures import unpack

ROW = 50_000  # bytes
ROWS = 40


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Rows of 50,000 bytes in one chunk of 2 MB, and of 8 bytes in another of 2 MB."""
    ds = tql.empty(tmp_path / "large")
    ds.create_tensor("numbers", dtype="float64")
    ds.extend({"numbers": np.arange(250_000.0)})
    ds.create_tensor("rows", dtype="uint8")
    ds.extend({"rows": np.random.default_rng(0).integers(0, 256, (ROWS, ROW), dtype=np.uint8)})
    ds.close()
    return tmp_path / "large"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the pieces that are read of chunks."""
    sizes: list[int] = []
    original = files.StoredFile.read

    def counted(self: files.StoredFile, start: int, stop: int) -> Any:
        sizes.append(stop - start)
        return original(self, start, stop)

    monkeypatch.setattr(files.StoredFile, "read", counted)
    return sizes


def test_a_row_of_a_large_chunk_costs_its_bytes(large: Path, read: list[int]) -> None:
    source = V3Source(large)
    row = source.take("rows", "values", np.array([7]))
    assert row.values.nbytes == ROW
    assert sum(read) <= ROW + files.HEADER_BYTES


def test_rows_far_from_each_other_are_read_one_by_one(large: Path, read: list[int]) -> None:
    source = V3Source(large)
    rows = source.take("rows", "values", np.array([39, 0, 20, 0]))
    assert sum(read) <= 4 * ROW + files.HEADER_BYTES
    whole = source.read("rows", "values", 0, ROWS).values
    np.testing.assert_array_equal(rows.values, whole[[39, 0, 20, 0]])


def test_shapes_and_lengths_read_headers_only(large: Path, read: list[int]) -> None:
    source = V3Source(large)
    assert source.read("rows", "shape", 0, ROWS).values.tolist() == [[ROW]] * ROWS
    assert sum(read) <= files.HEADER_BYTES


def test_small_rows_are_read_with_their_chunk_once(large: Path, read: list[int]) -> None:
    source = V3Source(large)
    for number in range(0, ROWS, 5):
        assert source.take("numbers", "values", np.array([number])).values[0] == number
    assert len(read) == 2  # the header, then the data area


def test_opening_reads_a_constant_number_of_small_files_per_tensor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    original = files.Folder.read

    def counted(self: files.Folder, *args: Any) -> bytes:
        data = original(self, *args)
        opened.append(len(data))
        return data

    monkeypatch.setattr(files.Folder, "read", counted)
    counts = {}
    for tensors in (2, 8):
        for rows in (10, 100_000):
            path = tmp_path / f"{tensors}-{rows}"
            ds = tql.empty(path)
            with ds:
                for number in range(tensors):
                    ds.create_tensor(f"t{number}", dtype="int64", max_chunk_size=64_000)
                ds.extend({f"t{number}": np.arange(rows) for number in range(tensors)})
            ds.close()
            opened.clear()
            assert len(tql.load(path)) == rows
            assert max(opened) < 4096
            counts[tensors, rows] = len(opened)
    assert counts[2, 10] == counts[2, 100_000] and counts[8, 10] == counts[8, 100_000]
    assert counts[8, 10] - counts[2, 10] <= 6 * 2


def test_a_file_that_is_cut_while_it_is_open_is_an_error(large: Path) -> None:
    """With a file that is mapped into memory, this ends the process by SIGBUS."""
    (chunk,) = (large / "rows" / "chunks").iterdir()
    code = f"""
import os, numpy as np
from tql.errors import FormatError
from tql.loader.sources.v3 import V3Source
source = V3Source({str(large)!r})
source.take("rows", "values", np.array([0]))
os.truncate({str(chunk)!r}, 100_000)
try:
    source.take("rows", "values", np.array([30]))
except FormatError as error:
    print(error.message)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "damaged dataset: the file was changed after it was opened\n"


def test_a_chunk_that_is_rewritten_in_place_is_an_error(large: Path) -> None:
    source = V3Source(large)
    before = source.take("rows", "values", np.array([0])).values
    (chunk,) = (large / "rows" / "chunks").iterdir()
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(data)
    os.utime(chunk, ns=(1, 1))
    with pytest.raises(FormatError, match="the file was changed after it was opened"):
        source.take("rows", "values", np.array([0]))
    np.testing.assert_array_equal(V3Source(large).take("rows", "values", np.array([0])).values, before)


def test_threads_read_one_file_at_once(large: Path) -> None:
    source = V3Source(large)
    whole = V3Source(large).read("rows", "values", 0, ROWS).values
    wrong: list[int] = []

    def work(number: int) -> None:
        for row in np.random.default_rng(number).integers(0, ROWS, 50):
            if not np.array_equal(source.take("rows", "values", np.array([row])).values[0], whole[row]):
                wrong.append(int(row))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    folder = unpack("scalars", tmp_path) / "ds"
    (chunk,) = (folder / "int8_" / "chunks").iterdir()
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(FormatError, match="a folder, a pipe or a device"):
        V3Source(folder).read("int8_", "values", 0, 1)


def test_an_enormous_index_is_refused_before_it_is_read(tmp_path: Path) -> None:
    folder = unpack("scalars", tmp_path) / "ds"
    os.truncate(folder / "int8_" / "chunks_index" / "unsharded", 1 << 40)  # a hole, it takes no space
    with pytest.raises(FormatError, match="larger than 268435456 bytes"):
        V3Source(folder).read("int8_", "values", 0, 1)


@pytest.mark.parametrize("compression", [None, "lz4"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_a_column_is_an_array_of_ones_own(dtype: str, compression: str | None, tmp_path: Path) -> None:
    """Whole chunks, parts of the first and the last one, and of one alone."""
    values = np.random.default_rng(0).integers(0, 2, (50_000, 3)).astype(dtype)
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype=dtype, chunk_compression=compression, max_chunk_size=64_000)
        ds.extend({"x": values})
    ds.close()
    ds = tql.load(tmp_path / "ds")
    column = ds["x"]
    assert column.dtype == dtype and column.flags.writeable
    np.testing.assert_array_equal(column, values)
    column[:] = 0
    np.testing.assert_array_equal(ds["x"], values)
    for start, stop in [(17, 49_000), (5, 6), (40_000, 50_000)]:
        np.testing.assert_array_equal(ds[start:stop]["x"], values[start:stop])


def test_whole_chunks_are_checked_like_all_others(tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="bool", max_chunk_size=64_000)
        ds.extend({"x": np.zeros(100_000, bool)})
    ds.close()
    chunk = sorted((tmp_path / "ds" / "x" / "chunks").iterdir())[1]
    sound = chunk.read_bytes()
    start = 1 + len("3.9.52") + 8 + 4 * 2 + 4 + 12  # of the data: behind one shape row and one position row
    damages = {
        "neither 0 nor 1": sound[:-1] + b"\2",
        "the items take": sound + b"\0",
        "impossible number of shape rows": sound[:7] + b"\xff" * 8 + sound[15:],
        "the chunk index says": sound[: start - 4] + b"\1" + sound[start - 3 :],
        "does not start with a version": b"\6hello!" + sound[7:],
        "the items do not lie": sound[: start - 8] + b"\1" + sound[start - 7 :],
        "the file is empty": b"",
    }
    for what, data in damages.items():
        chunk.write_bytes(data)
        with pytest.raises(FormatError, match=what):
            tql.load(tmp_path / "ds")["x"]
    chunk.write_bytes(sound)
    assert not tql.load(tmp_path / "ds")["x"].any()
    ds = tql.load(tmp_path / "ds")
    assert not ds["x"].any()
    os.utime(chunk, ns=(0, 0))
    with pytest.raises(FormatError, match="changed after it was opened"):
        ds["x"]
