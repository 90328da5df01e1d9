"""Each operation, stopped before every change that it makes to the disk: the old state or the new one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tql
from tql.loader.writing.drafts import made_at_once
from writing.crashes import changes_of


@dataclass(frozen=True)
class Operation:
    """Something that is done to a dataset.

    Attributes:
        act: does it, given the folder in which the dataset `ds` lies.
        change: what it makes of the rows of `ds`, None where there are no rows then.
        branch: where these are.
    """

    act: Callable[[Path], object]
    change: Callable[[list[int]], list[int] | None]
    branch: str = "main"


def _opened(folder: Path) -> tql.WritableDataset:
    return tql.load(folder / "ds", read_only=False)


def _batch(folder: Path) -> None:
    with _opened(folder) as dataset:
        dataset.append({"x": 10, "label": "new"})
        dataset[1].update(x=11, label="newer")
        dataset.pop(0)


def _on_a_branch(folder: Path) -> None:
    dataset = _opened(folder)
    dataset.commit("before")
    dataset.checkout("side", create=True)
    dataset.append({"x": 10, "label": 0})


def _after_a_commit(folder: Path) -> None:
    dataset = _opened(folder)
    dataset.commit("before")
    dataset[0].update(x=9)


def _ingest(folder: Path) -> None:
    tql.ingest_folder(folder / "pictures", folder / "ds", overwrite=True)


def _save(folder: Path) -> None:
    values = {"x": np.array([7, 8, 9])}
    tql.from_numpy(values).save(folder / "ds", overwrite=True)


OPERATIONS: dict[str, Operation] = {
    "append": Operation(lambda f: _opened(f).append({"x": 10, "label": "new"}), lambda rows: [*rows, 10]),
    "extend": Operation(
        lambda f: _opened(f).extend({"x": [10, 11], "label": [0, 0]}), lambda rows: [*rows, 10, 11]
    ),
    "update": Operation(
        lambda f: _opened(f)[1].update(x=10, label=None), lambda rows: [rows[0], 10, *rows[2:]]
    ),
    "pop": Operation(lambda f: _opened(f).pop(0), lambda rows: rows[1:]),
    "batch": Operation(_batch, lambda rows: [11, *rows[2:], 10]),
    "info": Operation(lambda f: _opened(f).info.update(title="T"), lambda rows: rows),
    "create_tensor": Operation(lambda f: _opened(f).create_tensor("g/y", htype="text"), lambda rows: None),
    "rename_tensor": Operation(lambda f: _opened(f).rename_tensor("label", "l"), lambda rows: rows),
    "delete_tensor": Operation(lambda f: _opened(f).delete_tensor("label"), lambda rows: rows),
    "tensor_info": Operation(lambda f: _opened(f).tensor_info("x").update(unit="m"), lambda rows: rows),
    "commit": Operation(lambda f: _opened(f).commit("c"), lambda rows: rows),
    "after_a_commit": Operation(_after_a_commit, lambda rows: [9, *rows[1:]]),
    "branch": Operation(_on_a_branch, lambda rows: [*rows, 10], "side"),
    "empty": Operation(lambda f: tql.empty(f / "ds", overwrite=True), lambda rows: None),
    "ingest": Operation(_ingest, lambda rows: [2, 3]),
    "save": Operation(_save, lambda rows: [7, 8, 9]),
}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    dataset = tql.empty(folder / "ds")
    dataset.create_tensor("x", dtype="int64", max_chunk_size=32, create_id_tensor=False)
    dataset.create_tensor("label", htype="class_label", class_names=["a"])
    dataset.extend({"x": range(5), "label": [0, None, [0, 0], 0, "b"]})
    dataset.commit("first")
    dataset.append({"x": 5, "label": 0})
    dataset.close()
    (folder / "pictures").mkdir()
    for width in (2, 3):
        Image.fromarray(np.zeros((4, width), np.uint8)).save(folder / "pictures" / f"{width}.png")
    return folder


@pytest.mark.parametrize("name", OPERATIONS)
def test_stopped_before_every_change(name: str, start: Path, tmp_path: Path) -> None:
    operation = OPERATIONS[name]
    old = list(range(6))
    new = operation.change(old)
    whole = _copied(start, tmp_path / "whole")
    total = changes_of(lambda: operation.act(whole), tmp_path)
    assert _rows(whole / "ds", operation.branch) == new
    assert total > 3
    seen: set[bool] = set()
    for n in range(total + 1):
        folder = _copied(start, tmp_path / f"{n}")
        changes_of(partial(operation.act, folder), tmp_path, n)
        found = [_rows(folder / "ds", branch) for branch in {"main", operation.branch}]
        assert old in found or new in found, (n, found)
        seen.add(new in found)
        if n % 3 == 0:
            with tql.load(folder / "ds", read_only=False) as again:
                again.info["seen"] = n
            again.close()
            assert found == [_rows(folder / "ds", branch) for branch in {"main", operation.branch}]
            assert tql.load(folder / "ds").info["seen"] == n
    assert seen == {False, True} or old == new


def _copied(start: Path, folder: Path) -> Path:
    shutil.copytree(start, folder, copy_function=os.link)  # no file is ever changed in place
    return folder


def _rows(path: Path, branch: str) -> Any:
    """The first numbers of the rows, whatever the columns; None where there are none."""
    dataset = tql.load(path)
    if branch in dataset.branches:
        dataset = tql.load(path, branch)
    if len(dataset) == 0:
        return None
    if "x" in dataset.columns:
        return dataset["x"][:, 0].tolist()
    return [row.shape[1] for row in dataset["images"]]


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
