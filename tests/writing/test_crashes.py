"""Each operation, stopped before every change that it makes to the disk: the old state or the new one."""

from __future__ import annotations

import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path

import pytest

import tql
from tql.loader.writing.drafts import made_at_once
from writing.crashes import changes_of
from writing.operations import OLD, OPERATIONS, copied, rows_of


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if not operation.new])
def test_stopped_before_every_change(name: str, start: Path, tmp_path: Path) -> None:
    operation = OPERATIONS[name]
    new = operation.change(OLD)
    whole = copied(start, tmp_path / "whole")
    total = changes_of(lambda: operation.act(whole), tmp_path)
    assert rows_of(whole / "ds", operation.branch) == new
    assert total > 3
    seen: set[bool] = set()
    for n in range(total + 1):
        folder = copied(start, tmp_path / f"{n}")
        changes_of(partial(operation.act, folder), tmp_path, n)
        found = [rows_of(folder / "ds", branch) for branch in {"main", operation.branch}]
        assert OLD in found or new in found, (n, found)
        seen.add(new in found)
        if n % 3 == 0:
            with tql.load(folder / "ds", read_only=False) as again:
                again.info["seen"] = n
            again.close()
            assert found == [rows_of(folder / "ds", branch) for branch in {"main", operation.branch}]
            assert tql.load(folder / "ds").info["seen"] == n
    assert seen == {False, True} or new == OLD


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.new])
def test_a_new_dataset_is_whole_or_not_there(name: str, start: Path, tmp_path: Path) -> None:
    operation = OPERATIONS[name]
    total = changes_of(lambda: operation.act(copied(start, tmp_path / "whole")), tmp_path)
    seen: set[bool] = set()
    for n in range(total + 1):
        folder = copied(start, tmp_path / f"{n}")
        changes_of(partial(operation.act, folder), tmp_path, n)
        there = (folder / "new").exists()
        seen.add(there)
        if not there and n % 5 == 0:
            operation.act(folder)  # what the dead left is not in the way
            there = True
        if there:
            assert rows_of(folder / "new") == operation.change(OLD)
        assert rows_of(folder / "ds") == OLD
    assert seen == {False, True}


def test_what_the_dead_left_goes(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    of_the_dead = tmp_path / f".ds.tql-{uuid.getnode():x}-{gone.pid}-01234567"
    of_others = (
        tmp_path / ".ds.tql-123456-1-01234567",
        tmp_path / ".other.tql-1-1-01234567",
        tmp_path / ".ds.tql-x",
    )
    for folder in (of_the_dead, *of_others):
        (folder / "x").mkdir(parents=True)
    tql.empty(tmp_path / "ds").close()
    assert not of_the_dead.exists()
    assert all(folder.exists() for folder in of_others)


def test_work_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), made_at_once(tmp_path / "ds", False, "made") as dataset:
        dataset.create_tensor("x")
        dataset.append({"x": 1})
        assert list(tmp_path.glob("ds")) == []
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
