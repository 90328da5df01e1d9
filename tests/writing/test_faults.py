"""Whatever ends a writer, at whatever write: the dataset opens, with everything that was flushed."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.loader.writing.dataset import WritableDataset
from tql.loader.writing.session import Session
from writing.faulty import FaultyStore, killed
from written import KINDS, Model, check

KINDS_TRIED = {name: KINDS[name] for name in ("labels", "tiled")}


def steps(dataset: WritableDataset, model: Model) -> Iterator[Model]:
    """A life of a dataset; yields what it holds after each step that is brought to disk."""
    rng = np.random.default_rng(1)

    def row() -> dict[str, Any]:
        tiled = rng.integers(0, 9, (6, 4), np.int32)
        return {"labels": ["cat", "dog"], "tiled": tiled}

    with dataset:
        for name, kind in model.kinds.items():
            dataset.create_tensor(name, **kind.options, create_id_tensor=name == "labels")
    yield model
    model.rows.append(row())
    dataset.append(model.rows[-1])
    yield model
    more = [row() for _ in range(4)]
    dataset.extend({name: [values[name] for values in more] for name in model.kinds})
    model.rows += more
    yield model
    dataset.commit("first")
    model.rows[2] = row()
    dataset.update_row(2, model.rows[2])
    yield model
    dataset.pop(0)
    del model.rows[0]
    yield model
    dataset.commit("second")
    dataset.checkout("side", create=True)
    with dataset:
        for _ in range(2):
            model.rows.append(row())
            dataset.append(model.rows[-1])
    yield model


def run(dataset: WritableDataset, progress: Path) -> int:
    """Live as far as possible; the number of states that were reached, also written to a file."""
    model = Model(dict(KINDS_TRIED))
    number = 0
    for number, _ in enumerate(steps(dataset, model), start=1):
        progress.write_text(json.dumps(number))
    return number


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    """What the dataset holds after each step."""
    model = Model(dict(KINDS_TRIED))
    dataset = tql.empty(tmp_path_factory.mktemp("states") / "ds")
    return [Model({}), *(copy.deepcopy(state) for state in steps(dataset, model))]


def start(path: Path, n: int | None, fail: Any, half: bool) -> tuple[FaultyStore, WritableDataset]:
    tql.empty(path).close()
    store = FaultyStore(path, None, fail, half)
    dataset = WritableDataset(Session(path, store=store))
    store.changes, store._n = 0, n
    return store, dataset


@pytest.fixture(scope="module")
def writes(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many writes the whole life takes."""
    folder = tmp_path_factory.mktemp("writes")
    store, dataset = start(folder / "ds", None, killed, False)
    run(dataset, folder / "progress")
    return store.changes


def check_state(path: Path, states: list[Model], reached: int) -> None:
    """Some branch is in the state that was reached, or in the next one, whole."""
    opened = tql.load(path)
    branch = "side" if "side" in opened.branches and reached >= len(states) - 2 else "main"
    found = tql.load(path, branch)
    for state in states[reached : reached + 2]:
        if set(found.columns) == set(state.kinds) and len(found) == len(state.rows):
            try:
                check(found, state)
                return
            except AssertionError:
                continue
    if branch == "main":  # the side branch was begun, or its first rows were lost with it
        check(found, states[min(reached, len(states) - 2)])
        return
    raise AssertionError(f"{branch} has {len(found)} rows, {len(states[reached].rows)} were flushed")


def test_killed_at_every_write(tmp_path: Path, states: list[Model], writes: int) -> None:
    for n in range(writes):
        path, progress = tmp_path / f"{n}", tmp_path / f"{n}.json"
        child = os.fork()
        if child == 0:
            try:
                _, dataset = start(path, n, killed, half=n % 2 == 0)
                run(dataset, progress)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        reached = json.loads(progress.read_text()) if progress.exists() else 0
        check_state(path, states, reached)
        with tql.load(path, read_only=False) as again:  # the lock of the dead is taken over
            again.info["seen"] = n
        again.close()
        check_state(path, states, reached)
        assert tql.load(path).info == {"seen": n}
        shutil.rmtree(path)
