"""Stopping and resuming: the rest after a state is the rest that would have come."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tql
from fake_view import FakeView
from tql.errors import StateError
from tql.loader.dataloader import DataLoader

ROWS = 29


def dataset(rows: int = ROWS) -> tql.Dataset:
    return tql.from_numpy({"x": np.arange(rows), "label": np.arange(rows) % 4})


def plain(batch: int = 4) -> DataLoader:
    return dataset().dataloader(seed=5).batch(batch).numpy()


def shuffled(batch: int = 4) -> DataLoader:
    return dataset().dataloader(seed=5).shuffle().batch(batch).numpy()


def filtered(batch: int = 4) -> DataLoader:
    return dataset().dataloader(seed=5).query("select * where label != 2").shuffle().batch(batch).numpy()


def sampled(batch: int = 4) -> DataLoader:
    chain = dataset().dataloader(seed=5).query("select * where label != 2")
    return chain.sample_by("max_weight(label == 1: 5, true: 1)").shuffle().batch(batch).numpy()


def blocks(batch: int = 4) -> DataLoader:
    rows = np.arange(ROWS)
    view = FakeView({"x": rows}, encodings={"x": "lz4"}, partition_rows=5)
    return DataLoader(view, seed=5).shuffle(buffer_size=1e-4).batch(batch).numpy()


LOADERS = {"plain": plain, "shuffled": shuffled, "filtered": filtered, "sampled": sampled, "blocks": blocks}


def ids(batch: Any) -> list[int]:
    return [int(x) for x in batch["x"]]


def epochs(loader: DataLoader, count: int) -> list[list[list[int]]]:
    return [[ids(batch) for batch in loader] for _ in range(count)]


@pytest.mark.parametrize("name", LOADERS)
def test_the_rest_of_three_epochs_is_equal_from_every_step(name: str) -> None:
    make = LOADERS[name]
    expected = epochs(make(), 3)
    running = make()
    for epoch in range(3):
        for step, batch in enumerate(running):
            assert ids(batch) == expected[epoch][step]
            state = json.loads(json.dumps(running.state_dict()))
            restored = make()
            restored.load_state_dict(state)
            rest = epochs(restored, 3 - epoch)
            assert rest == [expected[epoch][step + 1 :], *expected[epoch + 1 :]]
    finished = make()
    finished.load_state_dict(running.state_dict())
    assert epochs(finished, 1) == epochs(make_at(make, 3), 1)


def make_at(make: Any, epoch: int) -> DataLoader:
    loader: DataLoader = make()
    loader.set_epoch(epoch)
    return loader


def test_a_state_is_small_whatever_the_size_of_the_dataset() -> None:
    sizes = []
    for rows in (10, 100_000):
        weights = np.arange(rows) + 1.0
        loader = dataset(rows).dataloader().sample_by(weights).shuffle().batch(7).numpy()
        next(iter(loader))
        sizes.append(len(json.dumps(loader.state_dict())))
    assert max(sizes) < 1000 and abs(sizes[0] - sizes[1]) < 20


def test_a_state_from_before_the_first_batch_and_after_the_last() -> None:
    expected = epochs(shuffled(), 3)
    fresh = shuffled()
    restored = shuffled()
    restored.load_state_dict(fresh.state_dict())
    assert epochs(restored, 1) == expected[:1]
    list(fresh)
    restored.load_state_dict(fresh.state_dict())
    assert epochs(restored, 2) == expected[1:]


def test_a_loop_that_was_left_early_is_resumed_where_it_stopped() -> None:
    expected = epochs(shuffled(), 1)[0]
    loader = shuffled()
    for number, _ in enumerate(loader):
        if number == 2:
            break
    restored = shuffled()
    restored.load_state_dict(loader.state_dict())
    assert [ids(batch) for batch in restored] == expected[3:]


@pytest.mark.parametrize("method", [None, "spawn"])
def test_workers_resume_too_and_any_number_of_them(method: str | None) -> None:
    expected = epochs(sampled(), 2)
    loader = dataset().dataloader(seed=5).query("select * where label != 2")
    loader = loader.sample_by("max_weight(label == 1: 5, true: 1)").shuffle().batch(4)
    with loader.numpy(num_workers=2, persistent_workers=True, multiprocessing_context=method) as working:
        iterator = iter(working)
        assert [ids(next(iterator)) for _ in range(3)] == expected[0][:3]
        state = working.state_dict()
        working.load_state_dict(state)
        assert epochs(working, 2) == [expected[0][3:], expected[1]]
    restored = sampled()
    restored.load_state_dict(state)
    assert epochs(restored, 2) == [expected[0][3:], expected[1]]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 7), st.integers(1, 7), st.integers(0, 6))
def test_another_number_of_ranks_or_batch_size_goes_on_behind_the_same_row(
    before: int, after: int, batch: int, other: int, steps: int
) -> None:
    order = [x for b in epochs(shuffled(1), 1)[0] for x in b]

    def rank(number: int, world: int, size: int) -> DataLoader:
        loader = dataset().dataloader(seed=5).shuffle().batch(size, drop_last=True)
        return loader.numpy(rank=number, world_size=world)

    states = []
    for number in range(before):
        loader = rank(number, before, batch)
        iterator = iter(loader)
        for _ in range(min(steps, len(loader))):
            next(iterator)
        states.append(loader.state_dict())
    assert all(state == states[0] for state in states)
    rest = []
    for number in range(after):
        loader = rank(number, after, other)
        loader.load_state_dict(states[0])
        rest.append([ids(b) for b in loader])
    done = min(steps, ROWS // (batch * before)) * batch * before
    seen = [x for step in zip(*rest, strict=True) for part in step for x in part]
    assert seen == order[done : done + len(seen)]
    assert len(seen) == (ROWS - done) // (other * after) * other * after


def test_random_transforms_are_resumed() -> None:
    def noise(sample: Any) -> Any:
        return {"x": sample["x"], "noise": np.random.random() + random.random()}

    def make() -> DataLoader:
        return dataset().dataloader(seed=1).shuffle().transform(noise).batch(4).numpy()

    expected = [batch["noise"].tolist() for batch in make()]
    loader = make()
    iterator = iter(loader)
    next(iterator)
    restored = make()
    restored.load_state_dict(loader.state_dict())
    assert [batch["noise"].tolist() for batch in restored] == expected[1:]
    assert len({x for batch in expected for x in batch}) == ROWS


def test_a_transform_does_not_disturb_the_random_numbers_of_the_caller() -> None:
    loader = dataset().dataloader().transform(lambda s: np.random.random()).batch(4).numpy()
    np.random.seed(3)
    random.seed(3)
    expected = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    list(loader)
    assert (np.random.random(), random.random()) == expected


def test_set_epoch_in_the_epoch_of_a_state_keeps_the_place() -> None:
    expected = epochs(shuffled(), 2)
    loader = shuffled()
    iterator = iter(loader)
    next(iterator)
    restored = shuffled()
    restored.load_state_dict(loader.state_dict())
    restored.set_epoch(0)
    assert [ids(b) for b in restored] == expected[0][1:]
    restored.load_state_dict(loader.state_dict())
    restored.set_epoch(1)
    assert [ids(b) for b in restored] == expected[1]


def test_offset_leaves_out_rows_of_the_first_epoch() -> None:
    expected = [x for b in epochs(shuffled(), 1)[0] for x in b]
    loader = dataset().dataloader(seed=5).shuffle().batch(4).offset(10).numpy()
    first, second = epochs(loader, 2)
    assert [x for b in first for x in b] == expected[10:]
    assert second == epochs(shuffled(), 2)[1]
    assert loader.state_dict()["epoch"] == 2
    behind = dataset().dataloader().offset(100).numpy()
    again = dataset().dataloader().numpy()
    again.load_state_dict(behind.state_dict())
    assert epochs(behind, 1) == epochs(again, 1) == [[]]
    assert epochs(behind, 1) == epochs(again, 1) != [[]]


RESUMED = """
    import json, sys
    import numpy as np, tql

    CHAINS = {
        "plain": lambda loader: loader,
        "shuffled": lambda loader: loader.shuffle(),
        "filtered": lambda loader: loader.query("select * where label != 2").shuffle(),
        "sampled": lambda loader: loader.query("select * where label != 2")
        .sample_by("max_weight(label == 1: 5, true: 1)").shuffle(),
    }

    def restored(state, **output):
        ds = tql.from_numpy({"x": np.arange(29), "label": np.arange(29) % 4})
        loader = CHAINS[asked["name"]](ds.dataloader(seed=5)).batch(4 // output.get("world_size", 1))
        loader = loader.numpy(**output)
        loader.load_state_dict(state)
        return loader

    def rest(loader, state):
        return [[batch["x"].tolist() for batch in loader] for _ in range(3 - state["epoch"])]

    asked = json.load(sys.stdin)
    given = []
    for state in asked["states"]:
        alone = rest(restored(state, num_workers=asked["workers"]), state)
        ranks = [rest(restored(state, rank=rank, world_size=2), state) for rank in range(2)]
        given.append([alone, ranks])
    print(json.dumps(given))
"""


@pytest.mark.parametrize(
    ("name", "workers"), [("plain", 0), ("shuffled", 0), ("filtered", 0), ("sampled", 0), ("sampled", 2)]
)
def test_a_fresh_process_resumes_from_every_step_with_other_workers_and_ranks(
    name: str, workers: int
) -> None:
    expected = epochs(LOADERS[name](), 3)
    running = LOADERS[name]()
    states = [running.state_dict() for _ in range(3) for _ in running]
    assert len(states) == sum(map(len, expected))
    if workers:
        states = states[::4]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RESUMED)],
        input=json.dumps({"name": name, "workers": workers, "states": states}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for state, (alone, ranks) in zip(states, json.loads(done.stdout), strict=True):
        epoch, steps = state["epoch"], -(-state["rows"] // 4)
        wanted = [expected[epoch][steps:], *expected[epoch + 1 :]]
        assert alone == wanted
        for left, right, whole in zip(*ranks, wanted, strict=True):
            assert len(left) == len(right) == len(whole)
            for one, other, together in zip(left, right, whole, strict=True):  # padded to equal parts
                assert len(one) == len(other) and (one + other)[: len(together)] == together


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (lambda: dataset(30).dataloader(seed=5).shuffle(), "the dataset is another one, or has changed"),
        (
            lambda: dataset().query("select * where label = 1").dataloader(seed=5).shuffle(),
            "the query or the selection gives other rows",
        ),
        (lambda: dataset().dataloader(seed=5), "the rows are shuffled in another way"),
        (lambda: dataset().dataloader(seed=5).shuffle(seed=6), "the rows are shuffled in another way"),
        (lambda: dataset().dataloader(seed=6).shuffle(seed=5), "the loader has another seed"),
        (
            lambda: dataset().dataloader(seed=5).sample_by("label").shuffle(),
            "the rows are drawn in another way",
        ),
    ],
)
def test_a_state_of_something_else_is_refused_with_the_reason(other: Any, reason: str) -> None:
    state = shuffled().state_dict()
    with pytest.raises(StateError, match=rf"^this state is of another loader: {reason}: ") as caught:
        other().batch(4).load_state_dict(state)
    assert isinstance(caught.value, ValueError) and caught.value.hint


def test_values_that_changed_are_noticed() -> None:
    state = shuffled().state_dict()
    values = np.arange(ROWS)
    values[3] += 1
    changed = tql.from_numpy({"x": values, "label": np.arange(ROWS) % 4})
    with pytest.raises(StateError, match="has changed"):
        changed.dataloader(seed=5).shuffle().load_state_dict(state)


def test_a_dataset_that_was_written_to_is_noticed(tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as writable:
        writable.create_tensor("x", dtype="int64")
        writable.extend({"x": np.arange(10)})
        writable.commit("one")

    def loader() -> DataLoader:
        return tql.load(tmp_path / "ds").dataloader().batch(3)

    state = loader().state_dict()
    loader().load_state_dict(state)
    with tql.load(tmp_path / "ds", read_only=False) as writable:
        writable[4].update({"x": 100})
    with pytest.raises(StateError, match="has changed"):
        loader().load_state_dict(state)


def test_a_moved_dataset_is_the_same(tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as writable:
        writable.create_tensor("x", dtype="int64")
        writable.extend({"x": np.arange(10)})
    state = tql.load(tmp_path / "ds").dataloader().batch(3).state_dict()
    (tmp_path / "ds").rename(tmp_path / "elsewhere")
    tql.load(tmp_path / "elsewhere").dataloader().batch(3).load_state_dict(state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "a state of version 1 is needed, got version 2"),
        ({"epoch": -1}, "'epoch' of a state must be an integer of at least 0, got -1"),
        ({"rows": "3"}, "'rows' of a state must be an integer of at least 0, got '3'"),
        ({"rows": 30}, "the state lies behind the end of an epoch: 30 of 29 rows"),
        ({"order": None}, "the state does not say of which rows it is: 'order' is missing"),
    ],
)
def test_what_is_no_state(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StateError) as caught:
        shuffled().load_state_dict({**shuffled().state_dict(), **change})
    assert caught.value.message == message
    with pytest.raises(StateError, match="got list"):
        shuffled().load_state_dict([])  # type: ignore[arg-type]


def test_a_pickled_loader_begins_with_the_next_epoch() -> None:
    loader = shuffled()
    next(iter(loader))
    assert epochs(pickle.loads(pickle.dumps(loader)), 1) == epochs(make_at(shuffled, 1), 1)


def test_an_iterator_that_is_never_asked_uses_up_no_epoch() -> None:
    expected = epochs(shuffled(), 2)
    loader = shuffled()
    iter(loader)
    unused = iter(loader)
    assert len(unused) == len(expected[0])
    assert loader.state_dict()["epoch"] == 0
    assert epochs(loader, 2) == expected
    unused.close()
    assert list(unused) == []
