"""Disks are not waited for: what a test of writing finds out does not depend on it."""

from __future__ import annotations

import pytest

from tql.loader.storage.local import LocalStore


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "real_disk" not in request.fixturenames:
        monkeypatch.setattr(LocalStore, "sync", lambda store: store._unsynced.clear())


@pytest.fixture
def real_disk() -> None:
    """For tests of bringing files to disk."""
