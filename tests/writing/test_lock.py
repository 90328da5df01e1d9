"""The format's lock: one writer at a time, and what becomes of those that die."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

import tql
from tql.errors import ArgumentError, DatasetLockedError
from tql.loader.storage.local import LocalStore
from tql.loader.writing.lock import Holder, Lock, parse_holder

KEY = "dataset_lock.lock"


def test_layout() -> None:
    data = Holder(0x0102030405, 77, 1.5).to_bytes()
    assert data == bytes([5, 4, 3, 2, 1, 0]) + struct.pack("<d", 1.5) + struct.pack("<I", 77)
    assert parse_holder(data) == Holder(0x0102030405, 77, 1.5)
    assert parse_holder(b"short") is None


def test_another_process_is_kept_out(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    code = "import sys, tql; tql.load(sys.argv[1], read_only=False)"
    command = [sys.executable, "-c", code, str(tmp_path / "ds")]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert "DatasetLockedError" in refused.stderr
    assert f"process {os.getpid()} on this machine" in refused.stderr
    dataset.close()
    assert not (tmp_path / "ds" / KEY).exists()
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
    assert not (tmp_path / "ds" / KEY).exists()


def test_a_machine_elsewhere_is_named_until_its_lock_expires(tmp_path: Path) -> None:
    tql.empty(tmp_path / "ds").close()
    lock = tmp_path / "ds" / KEY
    lock.write_bytes(Holder(0xABCDEF, 12, time.time() + 100).to_bytes())
    with pytest.raises(DatasetLockedError, match=r"process 12 on machine 000000abcdef, until \d\d:"):
        tql.load(tmp_path / "ds", read_only=False)
    with pytest.raises(DatasetLockedError):
        tql.empty(tmp_path / "ds", overwrite=True)
    assert len(tql.load(tmp_path / "ds")) == 0
    lock.write_bytes(Holder(0xABCDEF, 12, time.time() - 1).to_bytes())
    tql.load(tmp_path / "ds", read_only=False).close()


def test_the_lock_of_a_process_that_is_gone_is_taken_over(tmp_path: Path) -> None:
    tql.empty(tmp_path / "ds").close()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "ds" / KEY).write_bytes(Holder(uuid.getnode(), gone.pid, time.time() + 100).to_bytes())
    tql.load(tmp_path / "ds", read_only=False).close()


def test_a_lock_that_was_lost_stops_writing(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", dtype="int8")
    (tmp_path / "ds" / KEY).write_bytes(Holder(0xABCDEF, 12, time.time() + 100).to_bytes())
    with pytest.raises(DatasetLockedError, match="was taken over by process 12 on machine"):
        dataset.append({"x": 1})
    with pytest.raises(ArgumentError, match="its lock was lost"):
        dataset.append({"x": 1})
    assert len(tql.load(tmp_path / "ds")) == 0
    assert parse_holder((tmp_path / "ds" / KEY).read_bytes()) is not None


def test_it_is_renewed(tmp_path: Path) -> None:
    lock = Lock(LocalStore(tmp_path), "a.lock", seconds=100)
    lock.acquire()
    first = parse_holder((tmp_path / "a.lock").read_bytes())
    lock.renew_in_background(every=0.02)
    deadline = time.monotonic() + 30
    while parse_holder((tmp_path / "a.lock").read_bytes()) == first:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    lock.release()
    assert not (tmp_path / "a.lock").exists()


def test_of_two_in_one_process_the_later_writes(tmp_path: Path) -> None:
    first = tql.empty(tmp_path / "ds")
    first.create_tensor("x", dtype="int8")
    with first:
        first.append({"x": 1})
        second = tql.load(tmp_path / "ds", read_only=False)
        assert len(second) == 1
        with pytest.raises(ArgumentError, match="opened again for writing"):
            first.append({"x": 2})
    del first
    second.append({"x": 2})
    assert len(tql.load(tmp_path / "ds")) == 2


def test_branches_are_locked_apart(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", dtype="int8")
    dataset.commit("tensor")
    dataset.checkout("side", create=True)
    dataset.checkout("main")
    code = (
        "import sys, tql; ds = tql.load(sys.argv[1], 'side', read_only=False);"
        "ds.append({'x': 5}); ds.commit('side')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "ds")], check=True)
    dataset.append({"x": 1})
    dataset.commit("main")
    assert tql.load(tmp_path / "ds")["x"].tolist() == [[1]]
    assert tql.load(tmp_path / "ds", "side")["x"].tolist() == [[5]]


def test_a_forked_child_does_not_write(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", dtype="int8")
    child = os.fork()
    if child == 0:
        try:
            dataset.append({"x": 1})
        except DatasetLockedError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    dataset.append({"x": 2})
    assert dataset["x"].tolist() == [[2]]
