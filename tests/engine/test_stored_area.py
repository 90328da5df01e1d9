"""Rows in files that are read when they are needed: what is refused, and what if files change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tql import _engine


def known(*paths: Path) -> _engine.StoredFiles:
    files = _engine.StoredFiles()
    for number, path in enumerate(paths):
        status = path.stat()
        files.set(number, os.fsencode(path), status.st_size, status.st_mtime_ns, status.st_ino)
    return files


def numbers(*values: int) -> Any:
    return np.array(values, np.int64)


def rows_in(area: _engine.StoredArea, places: Any, sizes: Any) -> _engine.EncodedRows:
    which = np.zeros(len(places), np.int32)
    return _engine.EncodedRows("raw", np.dtype(np.uint8), [area], which, places, sizes, sizes[:, None])


def one_row(path: Path, offset: int, size: int) -> _engine.EncodedRows:
    area = _engine.StoredArea()
    return rows_in(area, area.add(known(path), numbers(0), numbers(offset), numbers(size)), numbers(size))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    paths = [folder / f"{number} é" for number in range(3)]
    for path, size in zip(paths, (1_000_000, 70_000, 1), strict=True):
        path.write_bytes(rng.bytes(size))
    return paths


@pytest.fixture(scope="module")
def pool() -> Any:
    pool = _engine.DecodePool(2)
    yield pool
    pool.close()


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_parts_in_any_order(data: Any, files: list[Path], pool: _engine.DecodePool) -> None:
    contents = [path.read_bytes() for path in files]
    parts = []
    for _ in range(data.draw(st.integers(1, 12))):
        number = data.draw(st.integers(0, 2))
        start = data.draw(st.integers(0, len(contents[number])))
        size = data.draw(st.integers(0, min(len(contents[number]) - start, 300_000)))
        parts += [(number, start, size)] * data.draw(st.sampled_from([1, 1, 2]))
    which, starts, sizes = (np.array(column, np.int64) for column in zip(*parts, strict=True))
    area = _engine.StoredArea()
    places = area.add(known(*files), which, starts, sizes)
    decoded = pool.submit(rows_in(area, places, sizes)).wait()
    for row, (number, start, size) in zip(decoded, parts, strict=True):
        assert row.tobytes() == contents[number][start : start + size]


def test_equal_parts_lie_in_one_place(files: list[Path]) -> None:
    area = _engine.StoredArea()
    places = area.add(known(*files), numbers(1, 0, 1, 0), numbers(7, 7, 7, 8), numbers(50, 50, 50, 50))
    assert places[0] == places[2] and len(set(places.tolist())) == 3


@pytest.mark.parametrize(
    ("number", "start", "size", "message"),
    [
        (0, -1, 5, "a part lies outside of its file: 5 bytes at -1 of 1000000"),
        (0, 0, -5, "a part lies outside of its file: -5 bytes at 0 of 1000000"),
        (0, 999_999, 2, "a part lies outside of its file: 2 bytes at 999999 of 1000000"),
        (0, 1 << 62, 1 << 62, "a part lies outside of its file"),
        (7, 0, 1, "there is no such file: 7"),
        (-1, 0, 1, "there is no such file: -1"),
    ],
)
def test_parts_that_are_not_there(
    files: list[Path], number: int, start: int, size: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _engine.StoredArea().add(known(*files), numbers(number), numbers(start), numbers(size))


def test_a_row_is_one_part(files: list[Path]) -> None:
    area = _engine.StoredArea()
    places = area.add(known(*files), numbers(0, 1), numbers(0, 0), numbers(10, 10))
    with pytest.raises(ValueError, match="not of one part of the area"):
        rows_in(area, places, numbers(11, 10))
    with pytest.raises(ValueError, match="the area is sealed"):
        area.add(known(*files), numbers(0), numbers(0), numbers(1))


@pytest.mark.parametrize("what", ["cut", "rewritten", "replaced", "removed", "a pipe", "a folder"])
def test_a_file_that_is_another_one_now(tmp_path: Path, what: str, pool: _engine.DecodePool) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    rows = one_row(path, 0, 10)
    if what == "cut":
        os.truncate(path, 500)
    elif what == "rewritten":
        path.write_bytes(bytes(1000))
        os.utime(path, ns=(1, 1))
    elif what == "replaced":
        status = path.stat()
        other = tmp_path / "other"
        other.write_bytes(bytes(1000))
        os.utime(other, ns=(status.st_mtime_ns, status.st_mtime_ns))
        other.rename(path)
    else:
        path.unlink()
        if what == "a pipe":
            os.mkfifo(path)
        if what == "a folder":
            path.mkdir()
    with pytest.raises(_engine.EngineError) as caught:
        pool.submit(rows).wait(timeout=30)
    code, message, row, *_ = caught.value.args
    missing = "the file can't be read: No such file or directory"
    assert (code, row) == ("value", 0)
    assert message == (missing if what == "removed" else "the file was changed after it was opened")
    with pytest.raises(_engine.EngineError):
        rows.row_bytes(0)


def test_rows_that_are_kept_before_they_are_read(tmp_path: Path, pool: _engine.DecodePool) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(200)))
    (kept,) = one_row(path, 20, 30).keep(numbers(0), _engine.RowMemory())
    joined = _engine.EncodedRows.join(None, numbers(-1, -1), [kept])
    assert joined is not None
    assert joined.row_bytes(1) == bytes(range(20, 50))
    path.unlink()
    assert pool.submit(joined).wait().tolist() == [list(range(20, 50))] * 2


def test_a_kept_row_that_could_not_be_read_may_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(200))
    (kept,) = one_row(path, 20, 30).keep(numbers(0), _engine.RowMemory())
    path.unlink()
    joined = _engine.EncodedRows.join(None, numbers(-1), [kept])
    assert joined is not None
    for _ in range(2):
        with pytest.raises(_engine.EngineError, match="No such file"):
            joined.row_bytes(0)


def test_a_forked_child_reads_its_own(tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_stored_area import one_row
from tql import _engine
path = Path({str(tmp_path / "file")!r})
path.write_bytes(bytes(range(100)))
pool, before = _engine.DecodePool(2), one_row(path, 0, 50)
pool.submit(one_row(path, 10, 20)).wait()
if os.fork() == 0:
    print(pool.submit(one_row(path, 1, 3)).wait().tolist(), flush=True)
    try:
        before.row_bytes(0)
    except _engine.EngineError as error:
        print(error.args[1], flush=True)
    os._exit(0)
os.wait()
print(pool.submit(before).wait()[0, 49])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "[[1, 2, 3]]\nthe process was forked while the rows were read\n49\n"
