"""What is kept of the values of a dataset: found again, never believed of other values, never in the way."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.loader.sources.v3 import V3Source
from tql.loader.sources.v3.files import FileState

ROWS = 300_000
QUERY = "select * where labels == 5"


@pytest.fixture(autouse=True)
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture
def labels() -> np.ndarray:
    return (np.arange(ROWS) // 30_000).astype(np.uint32)


@pytest.fixture
def path(tmp_path: Path, labels: np.ndarray) -> Path:
    """Ten labels one after the other, in chunks of 125,000 rows."""
    folder = tmp_path / "ds"
    with tql.empty(folder) as ds:
        ds.create_tensor("labels", dtype="uint32", max_chunk_size=1_000_000)
        ds.extend({"labels": labels})
    ds.close()
    settle()
    return folder


def settle() -> None:
    """Until files count as not just written."""
    time.sleep(0.05)


def skipped(folder: Path, query: str = QUERY) -> int:
    """Blocks of rows that a newly opened dataset does not look at."""
    plan = json.loads(tql.load(folder).explain(query, analyze=True, format="json"))
    return sum(int(zones["skipped"]) for zones in _found(plan, "zones"))


def _found(plan: Any, name: str) -> list[Any]:
    if isinstance(plan, list):
        return [hit for item in plan for hit in _found(item, name)]
    if not isinstance(plan, dict):
        return []
    own = [plan[name]] if isinstance(plan.get(name), dict) else []
    return own + [hit for item in plan.values() for hit in _found(item, name)]


def rows(folder: Path, query: str = QUERY) -> list[int]:
    return tql.load(folder).query(query).indices.tolist()


def kept(folder: Path) -> Path:
    return folder / ".tql" / "statistics" / "labels.json"


def sealed(content: Any) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode() + body


def content(file: Path) -> Any:
    return json.loads(file.read_bytes()[32:])


def test_another_process_skips_what_one_has_measured(path: Path, labels: np.ndarray) -> None:
    script = f"import tql; print(len(tql.load({str(path)!r}).query({QUERY!r})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["30000"]
    assert skipped(path) == 4  # of the 5 blocks of 65536 rows
    assert rows(path) == np.flatnonzero(labels == 5).tolist()


def test_chunks_that_cannot_match_are_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(rows(path)) == 30_000
    read: list[tuple[int, int]] = []
    original = V3Source.read

    def noted(self: V3Source, column: str, facet: Any, start: int, stop: int) -> Any:
        read.append((start, stop))
        return original(self, column, facet, start, stop)

    monkeypatch.setattr(V3Source, "read", noted)
    assert len(rows(path)) == 30_000
    assert read == [(2 << 16, 3 << 16)]


def test_a_changed_chunk_is_measured_again(path: Path, labels: np.ndarray) -> None:
    """As long as before, and with its old time of modification."""
    assert rows(path) == np.flatnonzero(labels == 5).tolist()
    for chunk in (path / "labels" / "chunks").iterdir():
        before, data = chunk.stat(), bytearray(chunk.read_bytes())
        if data.endswith(np.uint32(4).tobytes()):  # the first one
            data[-4:] = np.uint32(5).tobytes()
            chunk.write_bytes(data)
            os.utime(chunk, ns=(before.st_atime_ns, before.st_mtime_ns))
            labels[124_999] = 5
    settle()
    assert labels[124_999] == 5
    expected = np.flatnonzero(labels == 5).tolist()
    assert rows(path) == expected
    assert rows(path) == expected
    assert skipped(path) == 3


def test_what_is_kept_of_other_chunks_holds_after_a_commit_and_more_rows(
    path: Path, labels: np.ndarray
) -> None:
    assert len(rows(path)) == 30_000
    with tql.load(path, read_only=False) as ds:
        ds.commit("ten labels")
        ds.extend({"labels": np.full(200_000, 5, np.uint32)})
    ds.close()
    settle()
    expected = [*np.flatnonzero(labels == 5).tolist(), *range(ROWS, ROWS + 200_000)]
    assert skipped(path) >= 2
    assert rows(path) == expected
    for _ in range(2):
        assert skipped(path) == 3  # nothing was forgotten of what was not read this time
    with tql.load(path, read_only=False) as ds:
        ds[0].update({"labels": np.uint32(5)})
        ds.pop(1)
    ds.close()
    settle()
    expected = [0, *(row - 1 for row in expected)]
    for _ in range(2):
        assert rows(path) == expected


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[:-1],
    "longer": lambda data: data + b" ",
    "flipped": flip,
    "noise": lambda data: np.random.default_rng(0).bytes(5000),
    "no JSON": lambda data: sealed(b"{"),
    "deep": lambda data: sealed(b"[" * 100_000),
    "a list": lambda data: sealed([]),
    "another form": lambda data: sealed({**json.loads(data[32:]), "form": 2}),
    "no zones": lambda data: sealed({"form": 1, "chunks": [], "zones": {}}),
    "no chunks": lambda data: sealed({"form": 1, "chunks": 3, "zones": json.loads(data[32:])["zones"]}),
    "lists of lists": lambda data: sealed({**json.loads(data[32:]), "chunks": [[[1]]]}),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_ignored_and_written_again(name: str, path: Path, labels: np.ndarray) -> None:
    expected = np.flatnonzero(labels == 5).tolist()
    assert rows(path) == expected
    sound = kept(path).read_bytes()
    kept(path).write_bytes(DAMAGE[name](sound))
    assert rows(path) == expected
    assert kept(path).read_bytes() == sound


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("start", lambda values: [-1, *values[1:]]),
        ("start", lambda values: values[:-1]),
        ("start", lambda values: [[value] for value in values]),
        ("start", lambda values: [1 << 70, *values[1:]]),
        ("stop", lambda values: [1 << 62 for _ in values]),
        ("stop", lambda values: [0 for _ in values]),
        ("stop", lambda values: [*values[1:], values[-1]]),
        ("nulls", lambda values: [-1 for _ in values]),
        ("low", lambda values: ["a" for _ in values]),
        ("low", lambda values: [-1 for _ in values]),
        ("members", lambda values: [None for _ in values]),
        ("has_nan", lambda values: {}),
    ],
)
def test_impossible_zones_are_ignored(
    field: str, change: Callable[[list[Any]], Any], path: Path, labels: np.ndarray
) -> None:
    expected = np.flatnonzero(labels == 5).tolist()
    assert rows(path) == expected
    zones = content(kept(path))
    zones["zones"][field] = change(zones["zones"][field])
    kept(path).write_bytes(sealed(zones))
    assert rows(path) == expected


def test_a_copy_is_measured_for_itself(path: Path, labels: np.ndarray) -> None:
    """Who hands over a dataset can write into it what he likes, but not the times that files changed at."""
    assert rows(path) == np.flatnonzero(labels == 5).tolist()
    other = path.parent / "other"
    shutil.copytree(path, other)
    said = content(kept(other))
    said["zones"]["low"] = [7 for _ in said["zones"]["low"]]
    said["zones"]["high"] = [7 for _ in said["zones"]["high"]]
    said["zones"]["members"] = [1 for _ in said["zones"]["members"]]
    kept(other).write_bytes(sealed(said))
    settle()
    assert rows(other) == np.flatnonzero(labels == 5).tolist()
    assert skipped(other) == 4


def occupied_by_a_file(place: Path) -> None:
    place.write_bytes(b"")


def occupied_by_a_link(place: Path) -> None:
    place.parent.joinpath("elsewhere").mkdir()
    place.symlink_to(place.parent / "elsewhere")


@pytest.mark.parametrize("occupy", [occupied_by_a_file, occupied_by_a_link])
def test_where_the_dataset_takes_no_files_they_are_the_users(
    occupy: Callable[[Path], None], path: Path, labels: np.ndarray, user_cache: Path
) -> None:
    occupy(path / ".tql")
    assert rows(path) == np.flatnonzero(labels == 5).tolist()
    assert [file.name for file in user_cache.glob("tql/statistics/*/*")] == ["labels.json"]
    assert skipped(path) == 4
    assert not list(path.glob("elsewhere/*"))


def test_without_a_place_for_them_queries_go_on(path: Path, labels: np.ndarray, user_cache: Path) -> None:
    occupied_by_a_file(path / ".tql")
    occupied_by_a_file(user_cache)
    for _ in range(2):
        assert rows(path) == np.flatnonzero(labels == 5).tolist()
    assert skipped(path) == 0


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_a_file_that_is_none(kind: str, path: Path, labels: np.ndarray) -> None:
    place = kept(path)
    place.parent.mkdir(parents=True)
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero")
    for _ in range(2):
        assert rows(path) == np.flatnonzero(labels == 5).tolist()


def test_a_full_disk_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Any, target: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert len(rows(path)) == 30_000
    assert not list((path / ".tql" / "statistics").iterdir())


def test_several_processes_at_once(path: Path, labels: np.ndarray) -> None:
    script = f"import tql; print(len(tql.load({str(path)!r}).query({QUERY!r})))"
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0].split() for process in running] == [["30000"]] * 3
    assert [file.name for file in kept(path).parent.iterdir()] == ["labels.json"]
    assert skipped(path) == 4


def test_few_rows_leave_no_trace(tmp_path: Path) -> None:
    with tql.empty(tmp_path / "small") as ds:
        ds.create_tensor("labels", dtype="int64")
        ds.extend({"labels": np.arange(1000)})
    ds.close()
    settle()
    assert rows(tmp_path / "small") == [5]
    assert not (tmp_path / "small" / ".tql").exists()


def test_what_was_just_written_is_not_kept() -> None:
    second = 1_000_000_000
    fine, coarse = 100 * second + 1, 100 * second
    assert not FileState(1, fine, fine, 1).is_settled(fine + second // 1000)
    assert FileState(1, fine, fine, 1).is_settled(fine + second)
    assert not FileState(1, fine - second, fine, 1).is_settled(fine)  # renamed, linked
    assert not FileState(1, coarse, coarse, 1).is_settled(coarse + second)
    assert FileState(1, coarse, coarse, 1).is_settled(coarse + 3 * second)
    assert not FileState(1, fine + second, fine + second, 1).is_settled(fine)  # of a clock that is ahead


DTYPES = ["bool", "int8", "uint8", "uint16", "int32", "int64", "uint64", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_zones_come_back_as_they_were(dtype: str, tmp_path: Path) -> None:
    random = np.random.default_rng(DTYPES.index(dtype))
    if dtype == "bool":
        values = np.repeat([False, True], 100_000)
    elif dtype.startswith("float"):
        values = np.sort(random.normal(size=200_000)).astype(dtype)
        values[random.integers(0, 70_000, 50)] = np.nan
        values[-2:] = np.inf
        values[:2] = -np.inf
    else:
        limits = np.iinfo(dtype)
        values = np.sort(random.integers(limits.min, limits.max, 200_000, dtype=dtype, endpoint=True))
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("labels", dtype=dtype, max_chunk_size=200_000)
        ds.extend({"labels": values})
    ds.close()
    settle()
    middle = values[100_000].item()
    condition = f"labels == {middle!r}".replace("True", "true")
    first = tql.load(tmp_path / "ds")
    expected = np.flatnonzero(values == middle).tolist()
    assert first.query(f"select * where {condition}").indices.tolist() == expected
    again = V3Source(tmp_path / "ds")
    was, now = first.storage.zones("labels").measured(), again.zones("labels").measured()  # type: ignore[attr-defined]
    assert len(was["start"]) >= 2
    for name in was:
        np.testing.assert_array_equal(was[name], now[name])
        assert was[name].dtype == now[name].dtype
    assert rows(tmp_path / "ds", f"select * where {condition}") == expected
