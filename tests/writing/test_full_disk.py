"""No space at any change that an operation makes to the disk: an error, nothing lost, and it goes on.

In turns only that change fails, or every one from it on until the operation is over.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import tql
from tql.errors import StorageError
from writing import operations
from writing.full_disk import FullDisk
from writing.operations import OLD, OPERATIONS, copied, rows_of

disk = FullDisk()


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[tql.WritableDataset]:
    """The datasets that operations open."""
    found: list[tql.WritableDataset] = []
    monkeypatch.setattr(operations, "opened_for", found)
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_space_at_any_change(
    name: str, start: Path, kept: list[tql.WritableDataset], tmp_path: Path
) -> None:
    operation = OPERATIONS[name]
    new = operation.change(OLD)
    with disk.failing(tmp_path, range(0)):
        operation.act(copied(start, tmp_path / "whole"))
    total = disk.changes
    assert total > 10
    for n in range(total):
        folder = copied(start, tmp_path / f"{n}")
        kept.clear()
        failed = False
        with disk.failing(tmp_path, range(n, n + 1 if n % 2 else 10**9)):
            try:
                operation.act(folder)
            except StorageError as error:
                assert "no space left" in error.message
                assert "free some space" in (error.hint or "")
                failed = True
        branches = {"main", operation.branch}
        if operation.new:
            assert rows_of(folder / "ds") == OLD
            if not (folder / "new").exists():
                assert failed, n
                operation.act(folder)
            assert rows_of(folder / "new") == new
            continue
        found = [rows_of(folder / "ds", branch) for branch in branches]
        assert new in found or (failed and OLD in found), (n, failed, found)

        again = kept[-1] if kept else tql.load(folder / "ds", read_only=False)  # there is space again
        again.info["seen"] = n
        branch = again.branch
        assert rows_of(folder / "ds", branch) in (OLD, new)
        assert tql.load(folder / "ds", branch).info.get("seen") == n
        again.close()
        assert [rows_of(folder / "ds", branch) for branch in branches] == found
        assert tql.load(folder / "ds", branch).info.get("seen") == n
