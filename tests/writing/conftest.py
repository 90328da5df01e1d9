"""Disks are not waited for: what a test of writing finds out does not depend on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memory_folder import fast_folder, tmp_path
from writing.operations import make_start

__all__ = ["fast_folder", "tmp_path"]


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "real_disk" not in request.fixturenames:
        monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def real_disk() -> None:
    """For tests of bringing files to disk."""


@pytest.fixture(scope="session")
def start(fast_folder: Path) -> Path:
    """What the operations of `writing.operations` begin with."""
    folder = fast_folder / "start"
    folder.mkdir()
    make_start(folder)
    return folder
