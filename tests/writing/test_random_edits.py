"""Random schemas and edits: what was written is what is read, after every step and from a fresh start."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tql
from written import KINDS, Model, check

SETTINGS = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@SETTINGS
@given(st.randoms(use_true_random=False), st.integers(0, 10_000))
def test_edits_are_read_back(tmp_path: Path, random: Random, number: int) -> None:
    model = Model.random(random)
    path = tmp_path / f"{number}"
    with tql.empty(path, overwrite=path.exists()) as dataset:
        model.create(dataset)
        for _ in range(random.randint(1, 12)):
            model.edit(dataset, random)
            if random.random() < 0.3:
                dataset.flush()
            if random.random() < 0.3:
                check(dataset, model)
    check(dataset, model)
    check(tql.load(path), model)
    dataset.close()


@SETTINGS
@given(st.randoms(use_true_random=False), st.integers(0, 10_000))
def test_commits_keep_what_they_were(tmp_path: Path, random: Random, number: int) -> None:
    model = Model.random(random)
    path = tmp_path / f"c{number}"
    dataset = tql.empty(path, overwrite=path.exists())
    model.create(dataset)
    kept: dict[str, Model] = {}
    branches = {"main": model}
    for _ in range(random.randint(2, 10)):
        choice = random.random()
        if choice < 0.5:
            with dataset:
                for _ in range(random.randint(1, 4)):
                    model.edit(dataset, random)
        elif choice < 0.75:
            kept[dataset.commit("step", allow_empty=True)] = copy.deepcopy(model)
        elif choice < 0.85 and kept:
            dataset.commit("before the branch", allow_empty=True)
            name = f"b{len(branches)}"
            dataset.checkout(name, create=True)
            model = branches[name] = copy.deepcopy(model)
        else:
            name = random.choice(list(branches))
            dataset.checkout(name)
            model = branches[name]
        check(dataset, model)
    dataset.close()
    for version, state in (kept | branches).items():
        check(tql.load(path, version), state)


def test_every_kind_by_itself(tmp_path: Path) -> None:
    for name, kind in KINDS.items():
        random = Random(name)
        model = Model({name: kind})
        with tql.empty(tmp_path / name) as dataset:
            model.create(dataset)
            for _ in range(25):
                model.edit(dataset, random)
        check(tql.load(tmp_path / name), model)
