"""The format's own package as a fixture. `make interop` says where it is; without that nothing is run."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory_folder import fast_folder, tmp_path

__all__ = ["fast_folder", "tmp_path"]

PYTHON = os.environ.get("TQL_INTEROP_PYTHON")
if not PYTHON:
    collect_ignore_glob = ["test_*.py"]


class Peer:
    """Calls the package in its own process: `peer.append(row)`."""

    def __init__(self) -> None:
        assert PYTHON is not None
        script = Path(__file__).with_name("peer.py")
        self._process = subprocess.Popen(
            [PYTHON, "-W", "ignore", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        data = pickle.dumps((name, _pack(list(arguments))))
        self._process.stdin.write(struct.pack("<Q", len(data)) + data)
        self._process.stdin.flush()
        size = struct.unpack("<Q", self._process.stdout.read(8))[0]
        ok, answer = pickle.loads(self._process.stdout.read(size))
        if not ok:
            raise AssertionError(f"deeplake failed in {name}{arguments!r:.200}:\n{answer}")
        return _unpack(answer)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


def _pack(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _pack(item) for key, item in value.items()}
    return [_pack(item) for item in value] if isinstance(value, list | tuple) else value


def _unpack(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 4 and value[0] == "array":
        return np.frombuffer(value[3], value[1]).reshape(value[2]).copy()
    if isinstance(value, dict):
        return {key: _unpack(item) for key, item in value.items()}
    return [_unpack(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="session")
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.end()


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
