"""Worker processes: the same batches as without, and an end to every process whatever happens."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_view import FakeView, jpeg
from tql.errors import WorkerError
from tql.loader.dataloader import DataLoader

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="the tests hand lambdas to workers"
)

ROWS = 24
FILES = [jpeg(np.full((8, 8, 3), 10 * row, np.uint8)) for row in range(ROWS)]
BIG = [np.full((100, 100), row, np.float32) for row in range(ROWS)]


def loader() -> DataLoader:
    columns = {
        "images": FILES,
        "big": BIG,
        "labels": np.arange(ROWS),
        "text": [str(row) for row in range(ROWS)],
    }
    return DataLoader(FakeView(columns), seed=3)


def children() -> int:
    gc.collect()
    return len(multiprocessing.active_children())


@pytest.fixture(autouse=True)
def no_process_is_left() -> Any:
    yield
    assert children() == 0


def content(batch: dict[str, Any]) -> list[Any]:
    return [value.tolist() if hasattr(value, "tolist") else value for value in batch.values()]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_batches_are_those_of_one_process(workers: int) -> None:
    chain = (
        loader().shuffle().transform({"images": lambda x: x / 2, "big": None, "labels": None, "text": None})
    )
    chain = chain.batch(5)
    expected, got = chain.numpy(), chain.numpy(num_workers=workers)
    for _ in range(2):
        assert [content(batch) for batch in expected] == [content(batch) for batch in got]


def test_torch_batches_are_those_of_one_process() -> None:
    torch = pytest.importorskip("torch")
    chain = loader().sample_by("labels").batch(5)
    for batch, other in zip(chain.pytorch(), chain.pytorch(num_workers=2), strict=True):
        assert content(batch) == content(other)
        assert isinstance(other["big"], torch.Tensor)


def test_work_is_done_in_other_processes_and_in_turn() -> None:
    chain = loader().transform(lambda sample: os.getpid()).batch(4).numpy(num_workers=2)
    makers = [set(batch.tolist()) for batch in chain]
    assert os.getpid() not in set.union(*makers)
    assert makers == [makers[0], makers[1]] * 3 and makers[0] != makers[1]


def test_random_functions_give_the_same_for_any_number_of_workers_but_not_for_every_batch() -> None:
    def noise(sample: Any) -> Any:
        return {"numpy": np.random.random(), "python": random.random()}

    def draw(workers: int) -> list[list[list[float]]]:
        chain = loader().transform(noise).batch(6).numpy(num_workers=workers)
        return [[list(batch["numpy"]), list(batch["python"])] for _ in range(2) for batch in chain]

    one, three = draw(1), draw(3)
    assert one == three
    numbers = np.array(one).ravel()
    assert len(set(numbers.tolist())) == len(numbers)


class UserError(Exception):
    def __init__(self, text: str, more: int) -> None:
        super().__init__(f"{text} {more}")


def test_an_error_keeps_its_type_and_brings_the_workers_traceback() -> None:
    def strict(sample: Any) -> Any:
        if sample["labels"] == 9:
            raise LookupError("no row 9")
        return 0

    iterator = iter(loader().transform(strict).batch(4).numpy(num_workers=2))
    assert len([next(iterator), next(iterator)]) == 2
    with pytest.raises(LookupError) as caught:
        next(iterator)
    assert str(caught.value) == "no row 9"
    (note,) = caught.value.__notes__
    assert note.startswith("in worker 0 (pid ") and 'raise LookupError("no row 9")' in note


def test_an_error_that_can_not_travel_is_told() -> None:
    def transform(sample: Any) -> Any:
        raise UserError("broken sample", 1)

    with pytest.raises(WorkerError, match=r"^a worker can't send its error: TypeError: ") as caught:
        list(loader().transform(transform).numpy(num_workers=1))
    assert caught.value.hint == "broken sample 1"
    assert 'raise UserError("broken sample", 1)' in caught.value.__notes__[0]


def test_a_batch_that_can_not_travel_is_told() -> None:
    with pytest.raises(WorkerError, match=r"^a worker can't send a batch: "):
        list(loader().transform(lambda sample: lambda: 1).numpy(num_workers=1))


@pytest.mark.parametrize("how", ["kill", "exit"])
def test_a_dead_worker_is_an_error_within_seconds(how: str) -> None:
    def transform(sample: Any) -> Any:
        if sample["labels"] == 9:
            os.kill(os.getpid(), signal.SIGKILL) if how == "kill" else os._exit(3)
        return 0

    start = time.monotonic()
    with pytest.raises(WorkerError) as caught:
        list(loader().transform(transform).batch(4).numpy(num_workers=2))
    assert time.monotonic() - start < 5
    assert caught.value.message.startswith("worker 0 (pid ")
    end = "was killed by SIGKILL" if how == "kill" else "ended with exit code 3"
    assert f") {end} before batch 2 came" in caught.value.message


def test_a_dead_worker_is_named_with_the_batch_that_it_died_over() -> None:
    """And not with those that it had sent before, while the consumer waited for another worker."""

    def transform(sample: Any) -> Any:
        if sample["labels"] == 5:  # batch 1, of worker 1
            time.sleep(1)
        if sample["labels"] == 17:  # batch 4, of worker 0
            os.kill(os.getpid(), signal.SIGKILL)
        return sample["labels"]

    with pytest.raises(WorkerError, match="before batch 4 came") as caught:
        list(loader().transform(transform).batch(4).numpy(num_workers=2, prefetch_factor=3))
    assert "the batch holds rows 16, 17, 18, 19" in str(caught.value)


def test_a_worker_killed_while_the_consumer_waits() -> None:
    chain = loader().transform(lambda sample: time.sleep(60)).numpy(num_workers=2)
    victim: list[int] = []

    def kill() -> None:
        time.sleep(0.3)
        victim.append(multiprocessing.active_children()[0].pid or 0)
        os.kill(victim[0], signal.SIGKILL)

    import threading

    thread = threading.Thread(target=kill)
    thread.start()
    start = time.monotonic()
    with pytest.raises(WorkerError, match="was killed by SIGKILL"):
        next(iter(chain))
    assert time.monotonic() - start < 5
    thread.join()


def test_an_early_break_ends_the_workers() -> None:
    for _ in loader().batch(2).numpy(num_workers=2):
        break
    assert children() == 0


def test_close_ends_the_workers() -> None:
    with loader().batch(2).numpy(num_workers=2) as chain:
        iterator = iter(chain)
        next(iterator)
        assert children() == 2
    assert children() == 0


def test_a_dropped_iterator_ends_the_workers() -> None:
    iterator = iter(loader().batch(2).numpy(num_workers=2))
    next(iterator)
    del iterator
    assert children() == 0


def test_persistent_workers_stay_until_closed() -> None:
    chain = (
        loader().transform(lambda sample: os.getpid()).batch(4).numpy(num_workers=2, persistent_workers=True)
    )
    epochs = [{int(pid) for batch in chain for pid in batch} for _ in range(2)]
    assert epochs[0] == epochs[1]
    assert children() == 2
    chain.close()
    assert children() == 0


def test_persistent_workers_forget_an_iteration_that_was_given_up() -> None:
    chain = loader().shuffle().batch(4).numpy(num_workers=2, persistent_workers=True)
    with chain:
        for _ in chain:
            break
        chain.set_epoch(0)
        expected = [batch["labels"].tolist() for batch in loader().shuffle().batch(4).numpy()]
        assert [batch["labels"].tolist() for batch in chain] == expected


def test_two_iterations_at_once() -> None:
    chain = loader().shuffle().batch(4).numpy(num_workers=1, persistent_workers=True)
    with chain:
        pairs = [(a["labels"].tolist(), b["labels"].tolist()) for a, b in zip(chain, chain, strict=True)]
    single = loader().shuffle().batch(4).numpy()
    assert [pair[0] for pair in pairs] == [batch["labels"].tolist() for batch in single]
    assert [pair[1] for pair in pairs] == [batch["labels"].tolist() for batch in single]


def test_no_more_is_made_than_was_allowed(tmp_path: Path) -> None:
    def transform(sample: Any) -> int:
        (tmp_path / str(sample["labels"])).touch()
        return 0

    iterator = iter(loader().transform(transform).batch(2).numpy(num_workers=2, prefetch_factor=1))
    next(iterator)
    time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) == 2 * (1 + 2 * 1)
    iterator.close()  # type: ignore[attr-defined]


def script(body: str) -> str:
    head = f"""
    import sys, time
    sys.path.insert(0, {str(Path(__file__).parents[1])!r})
    import numpy as np
    from fake_view import FakeView
    from tql.loader.dataloader import DataLoader
    chain = DataLoader(FakeView({{"x": np.arange(100)}})).batch(2)
    """
    return textwrap.dedent(head) + textwrap.dedent(body)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().split()[2] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


PRINT_WORKERS = """
import multiprocessing
print(*[child.pid for child in multiprocessing.active_children()], flush=True)
"""


@pytest.mark.skipif(not os.path.exists("/proc"), reason="looks processes up in /proc")
@pytest.mark.parametrize("end", ["exit", "interrupt", "kill"])
def test_no_worker_outlives_the_interpreter(end: str) -> None:
    body = """
    chain = chain.numpy(num_workers=2, persistent_workers=True)
    iterator = iter(chain)
    next(iterator)
    """
    last = "\n" if end == "exit" else "\ntime.sleep(60)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", script(body) + PRINT_WORKERS + last],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert len(workers) == 2
    if end == "interrupt":
        os.killpg(process.pid, signal.SIGINT)
    elif end == "kill":
        process.kill()
    _, errors = process.communicate(timeout=10)
    assert errors.count("Traceback") == (1 if end == "interrupt" else 0), errors
    assert all(gone(pid) for pid in workers)
