"""What is done to a dataset while its disk fails, and what it may hold afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tql

OLD = list(range(6))
"""The rows of `ds` before."""


@dataclass(frozen=True)
class Operation:
    """Something that is done to a dataset.

    Attributes:
        act: does it, given the folder in which the dataset `ds` lies.
        change: what it makes of the rows of `ds`, None where there are no rows then.
        branch: where these are.
        new: whether it makes the dataset `new` and leaves `ds` alone.
    """

    act: Callable[[Path], object]
    change: Callable[[list[int]], list[int] | None]
    branch: str = "main"
    new: bool = False


opened_for: list[tql.WritableDataset] | None = None
"""Where a test wants to go on with the datasets that operations opened, these."""


def opened(folder: Path) -> tql.WritableDataset:
    dataset = tql.load(folder / "ds", read_only=False)
    if opened_for is not None:
        opened_for.append(dataset)
    return dataset


def _batch(folder: Path) -> None:
    with opened(folder) as dataset:
        dataset.append({"x": 10, "label": "new"})
        dataset[1].update(x=11, label="newer")
        dataset.pop(0)


def _on_a_branch(folder: Path) -> None:
    dataset = opened(folder)
    dataset.commit("before")
    dataset.checkout("side", create=True)
    dataset.append({"x": 10, "label": 0})


def _and_back(folder: Path) -> None:
    dataset = opened(folder)
    dataset.commit("before")
    dataset.checkout("side", create=True)
    dataset.checkout("main")
    dataset.append({"x": 10, "label": 0})


def _after_a_commit(folder: Path) -> None:
    dataset = opened(folder)
    dataset.commit("before")
    dataset[0].update(x=9)


def _ingest(folder: Path) -> None:
    tql.ingest_folder(folder / "pictures", folder / "ds", overwrite=True)


def _save(folder: Path) -> None:
    tql.from_numpy({"x": np.array([7, 8, 9])}).save(folder / "ds", overwrite=True)


def _copy(folder: Path) -> None:
    tql.load(folder / "ds").query("select * where x[0] > 2").save(folder / "new")


def _table(folder: Path) -> None:
    tql.ingest_table(folder / "table.csv", folder / "new")


def _pictures(folder: Path) -> None:
    tql.ingest_folder(folder / "pictures", folder / "new")


OPERATIONS: dict[str, Operation] = {
    "append": Operation(lambda f: opened(f).append({"x": 10, "label": "new"}), lambda rows: [*rows, 10]),
    "extend": Operation(
        lambda f: opened(f).extend({"x": [10, 11], "label": [0, 0]}), lambda rows: [*rows, 10, 11]
    ),
    "update": Operation(
        lambda f: opened(f)[1].update(x=10, label=None), lambda rows: [rows[0], 10, *rows[2:]]
    ),
    "pop": Operation(lambda f: opened(f).pop(0), lambda rows: rows[1:]),
    "batch": Operation(_batch, lambda rows: [11, *rows[2:], 10]),
    "info": Operation(lambda f: opened(f).info.update(title="T"), lambda rows: rows),
    "create_tensor": Operation(lambda f: opened(f).create_tensor("g/y", htype="text"), lambda rows: None),
    "rename_tensor": Operation(lambda f: opened(f).rename_tensor("label", "l"), lambda rows: rows),
    "delete_tensor": Operation(lambda f: opened(f).delete_tensor("label"), lambda rows: rows),
    "tensor_info": Operation(lambda f: opened(f).tensor_info("x").update(unit="m"), lambda rows: rows),
    "commit": Operation(lambda f: opened(f).commit("c"), lambda rows: rows),
    "after_a_commit": Operation(_after_a_commit, lambda rows: [9, *rows[1:]]),
    "branch": Operation(_on_a_branch, lambda rows: [*rows, 10], "side"),
    "and_back": Operation(_and_back, lambda rows: [*rows, 10]),
    "empty": Operation(lambda f: tql.empty(f / "ds", overwrite=True), lambda rows: None),
    "ingest": Operation(_ingest, lambda rows: [2, 3]),
    "save": Operation(_save, lambda rows: [7, 8, 9]),
    "copy": Operation(_copy, lambda rows: rows[3:], new=True),
    "ingest_table": Operation(_table, lambda rows: [5, 6], new=True),
    "ingest_folder": Operation(_pictures, lambda rows: [2, 3], new=True),
}


def make_start(folder: Path) -> None:
    """The dataset `ds`, and what is ingested."""
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
    (folder / "table.csv").write_text("x\n5\n6\n")


def copied(start: Path, folder: Path) -> Path:
    shutil.copytree(start, folder, copy_function=os.link)  # no file is ever changed in place
    return folder


def rows_of(path: Path, branch: str = "main") -> Any:
    """The first numbers of the rows, whatever the columns; None where there are none."""
    dataset = tql.load(path)
    if branch in dataset.branches:
        dataset = tql.load(path, branch)
    if len(dataset) == 0:
        return None
    if "x" in dataset.columns:
        return dataset["x"][:, 0].tolist()
    return [row.shape[1] for row in dataset["images"]]
