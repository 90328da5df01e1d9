"""How workers are started, prepared, bounded in time, and what they carry."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, WorkerError
from tql.loader.dataloader import DataLoader
from worker_functions import doubled, failing, failing_collate, failing_init, note_worker

METHODS = multiprocessing.get_all_start_methods()


def dataset() -> tql.Dataset:
    return tql.from_numpy({"x": np.arange(50)})


def loader(method: str | None = None, **output: Any) -> DataLoader:
    chain = dataset().dataloader(seed=4).shuffle().transform(doubled).batch(8)
    return chain.numpy(num_workers=2, multiprocessing_context=method, **output)


def content(chain: DataLoader) -> list[Any]:
    return [{name: value.tolist() for name, value in batch.items()} for batch in chain]


@pytest.mark.parametrize("method", METHODS)
def test_every_way_of_starting_gives_the_same_batches(method: str) -> None:
    alone = dataset().dataloader(seed=4).shuffle().transform(doubled).batch(8).numpy()
    assert content(loader(method)) == content(alone)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_view_of_files_travels_as_a_description(method: str, tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="int64")
        ds.create_tensor("big", dtype="uint8")
        ds.extend({"x": np.arange(40), "big": np.zeros((40, 100_000), np.uint8)})
    view = tql.load(tmp_path / "ds").query("select * where x % 2 = 0")
    chain = view.dataloader().shuffle().batch(5).numpy(num_workers=1, multiprocessing_context=method)
    assert len(pickle.dumps(chain)) < 20_000
    expected = content(view.dataloader().shuffle().batch(5).numpy())
    assert content(chain) == expected


def test_a_context_object_is_as_good_as_its_name() -> None:
    assert content(loader(multiprocessing.get_context("fork"))) == content(loader("fork"))  # type: ignore[arg-type]


def test_functions_that_can_not_be_imported_are_refused_with_the_way_out() -> None:
    chain = dataset().dataloader().transform(lambda sample: sample)
    with pytest.raises(ArgumentError, match=r"^a worker can't be started by 'spawn': ") as caught:
        next(iter(chain.numpy(num_workers=1, multiprocessing_context="spawn")))
    assert caught.value.hint == "define what the worker calls at the top of a module, or use 'fork'"
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_each_worker_is_prepared_once(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQL_TEST_NOTES", str(tmp_path))
    with loader(method, worker_init_fn=note_worker, persistent_workers=True) as chain:
        list(chain)
        pids = {path.name: path.read_text() for path in tmp_path.iterdir()}
        assert sorted(pids) == ["0", "1"] and str(os.getpid()) not in pids.values()
        for path in tmp_path.iterdir():
            path.unlink()
        list(chain)
        assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_preparation_is_raised() -> None:
    with pytest.raises(OSError, match="worker 0 can't be prepared"):
        next(iter(loader(worker_init_fn=failing_init)))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("transform", "collate"), [(failing, None), (None, failing_collate)])
def test_errors_of_the_callers_functions_show_the_callers_line(
    workers: int, transform: Any, collate: Any
) -> None:
    pytest.importorskip("torch")
    chain = dataset().dataloader().batch(4)
    if transform is not None:
        chain = chain.transform(transform)
    with pytest.raises((LookupError, ZeroDivisionError)) as caught:
        list(chain.pytorch(num_workers=workers, collate_fn=collate))
    text = "".join(traceback.format_exception(caught.value))
    assert "worker_functions.py" in text and "raise " in text


def test_a_worker_that_takes_too_long_is_named() -> None:
    chain = dataset().dataloader().transform(lambda sample: time.sleep(60))
    start = time.monotonic()
    with pytest.raises(WorkerError) as caught:
        next(iter(chain.numpy(num_workers=1, timeout=0.5, multiprocessing_context="fork")))
    assert time.monotonic() - start < 5
    assert "has not made batch 0 within the timeout of 0.5 s" in caught.value.message
    assert multiprocessing.active_children() == []


def test_a_dead_worker_names_the_rows_of_its_batch() -> None:
    def transform(sample: Any) -> Any:
        if sample["x"] == 9:
            os.kill(os.getpid(), 9)
        return 0

    with pytest.raises(WorkerError) as caught:
        list(dataset().dataloader().transform(transform).batch(4).numpy(num_workers=2))
    assert caught.value.hint is not None and "the batch holds rows 8, 9, 10, 11" in caught.value.hint


def test_a_worker_that_is_dead_when_it_is_asked_died_over_an_earlier_batch() -> None:
    def transform(sample: Any) -> Any:
        if sample["x"] == 17:
            os.kill(os.getpid(), 9)
        return 0

    batches = iter(dataset().dataloader().transform(transform).batch(4).numpy(num_workers=2))
    next(batches)
    deadline = time.monotonic() + 20
    while len(multiprocessing.active_children()) == 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)  # the other one sends what it has made
    with pytest.raises(WorkerError) as caught:
        list(batches)  # batch 2 is there, and batch 6 is asked for
    assert caught.value.hint is not None and "the batch holds rows 16, 17, 18, 19" in caught.value.hint


def test_two_loaders_with_workers_beside_each_other() -> None:
    with loader(persistent_workers=True) as one, loader(persistent_workers=True) as other:
        for left, right in zip(one, other, strict=True):
            assert left["x"].tolist() == right["x"].tolist()
        assert len(multiprocessing.active_children()) == 4
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="looks at shared memory in /dev/shm")
def test_a_consumer_that_stops_leaves_nothing() -> None:
    before, running = _shared_memory(), threading.active_count()
    for _ in range(3):
        iterator = iter(loader())
        next(iterator)
        iterator.close()
    assert _shared_memory() <= before
    assert multiprocessing.active_children() == [] and threading.active_count() == running


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize("method", [*METHODS, None])
def test_ctrl_c_leaves_no_process_and_no_shared_memory(method: str | None, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing, os, sys, time
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import numpy as np, tql
        from worker_functions import doubled
        if __name__ == "__main__":
            ds = tql.from_numpy({{"x": np.arange(5000)}})
            loader = ds.dataloader().transform(doubled).batch(4)
            workers = {2 if method else 0}
            loader = loader.numpy(num_workers=workers, multiprocessing_context={method!r})
            for number, batch in enumerate(loader):
                if number == 0:
                    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
                time.sleep(0.05)
        """)
    )
    shared = _shared_memory()
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert len(workers) == (2 if method else 0)
    os.killpg(process.pid, 2)
    _, errors = process.communicate(timeout=20)
    assert process.returncode in (-2, 130) and errors.count("KeyboardInterrupt") >= 1
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in workers)
    assert _shared_memory() <= shared


def _shared_memory() -> set[str]:
    """What lies in /dev/shm, without the folders of tests that may run beside these."""
    return {name for name in os.listdir("/dev/shm") if not name.startswith("tql-tests-")}


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout": -1}, "timeout must be a number of seconds, got -1"),
        ({"worker_init_fn": 3}, "worker_init_fn must be callable, got 3"),
    ],
)
def test_unusable_arguments(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        dataset().dataloader().numpy(**arguments)
    assert str(caught.value) == message
    with pytest.raises(ArgumentError, match=r"^multiprocessing_context must be one of .*, got 'thread'$"):
        dataset().dataloader().numpy(multiprocessing_context="thread")
