"""Disks are not waited for: what a test of writing finds out does not depend on it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from writing.operations import make_start

_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "real_disk" not in request.fixturenames:
        monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def real_disk() -> None:
    """For tests of bringing files to disk."""


@pytest.fixture(scope="session")
def fast_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory where the system has one: the tests make and remove thousands of small files."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        with tempfile.TemporaryDirectory(prefix="tql-tests-", dir=_MEMORY) as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("fast")


@pytest.fixture
def tmp_path(fast_folder: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=fast_folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def start(fast_folder: Path) -> Path:
    """What the operations of `writing.operations` begin with."""
    folder = fast_folder / "start"
    folder.mkdir()
    make_start(folder)
    return folder
