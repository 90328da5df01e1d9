"""One seed means one order, for any number of ranks, workers and threads."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError
from tql.loader.dataloader import DataLoader

ROWS = 40
GLOBAL_BATCH = 16


def chain() -> DataLoader:
    ds = tql.from_numpy({"x": np.arange(ROWS), "label": np.arange(ROWS) % 5})
    loader = ds.dataloader(seed=11).query("select * where label != 3")
    return loader.sample_by("max_weight(label == 1: 3, true: 1)", size=37).shuffle()


# The row numbers of the dataset, step by step: what this chain gives, forever.
GOLDEN = [
    [
        [6, 36, 4, 32, 25, 1, 31, 35, 21, 20, 32, 5, 21, 6, 36, 15],
        [16, 25, 11, 36, 1, 16, 35, 14, 39, 36, 25, 1, 30, 1, 30, 36],
        [1, 4, 29, 2, 22],
    ],
    [
        [15, 32, 36, 37, 12, 26, 6, 2, 36, 11, 21, 11, 31, 34, 16, 31],
        [31, 10, 29, 32, 21, 11, 20, 11, 25, 24, 39, 14, 10, 24, 29, 37],
        [2, 16, 21, 15, 27],
    ],
]


def steps(loader: DataLoader, epoch: int) -> list[list[int]]:
    loader.set_epoch(epoch)
    return [batch["index"].tolist() for batch in loader]


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize(
    ("world_size", "workers"), [(1, 0), (2, 0), (4, 0), (8, 0), (1, 1), (1, 4), (2, 4), (8, 1)]
)
def test_the_order_is_that_of_this_seed_for_all_ranks_and_workers(
    epoch: int, world_size: int, workers: int
) -> None:
    each = GLOBAL_BATCH // world_size
    ranks = [
        steps(
            chain()
            .batch(each)
            .numpy(rank=rank, world_size=world_size, num_workers=workers, return_index=True),
            epoch,
        )
        for rank in range(world_size)
    ]
    together = [[row for part in step for row in part] for step in zip(*ranks, strict=True)]
    for got, expected in zip(together, GOLDEN[epoch], strict=True):
        assert got[: len(expected)] == expected
        padding = got[len(expected) :]
        assert len(padding) < world_size and padding == GOLDEN[epoch][0][: len(padding)]


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_the_number_of_threads_makes_no_difference(threads: int) -> None:
    loader = chain().batch(GLOBAL_BATCH).numpy(num_threads=threads, return_index=True)
    assert steps(loader, 0) == GOLDEN[0]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("world_size", [2, 3, 8])
def test_all_ranks_run_the_same_number_of_steps(world_size: int, drop_last: bool) -> None:
    loaders = [
        chain().batch(3, drop_last=drop_last).numpy(rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    sizes = [[len(batch["x"]) for batch in loader] for loader in loaders]
    assert all(size == sizes[0] for size in sizes)
    assert {len(loader) for loader in loaders} == {len(sizes[0])}
    if drop_last:
        assert set(sizes[0]) == {3}


def test_the_union_of_the_draws_of_all_ranks_is_the_draw_of_one_process() -> None:
    whole = [row for step in GOLDEN[1] for row in step]
    parts: list[int] = []
    for rank in range(2):
        loader = chain().batch(1, drop_last=True).numpy(rank=rank, world_size=2, return_index=True)
        parts += [row for step in steps(loader, 1) for row in step]
    assert sorted(parts) == sorted(whole[: len(parts)])


def test_a_given_rank_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    loader = chain().batch(8).numpy(rank=0, world_size=2, return_index=True)
    assert steps(loader, 0)[0] == GOLDEN[0][0][:8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 1}, "rank and world_size go together, got rank=1 and world_size=None"),
        ({"rank": 2, "world_size": 2}, "rank must be less than world_size, got rank=2 and world_size=2"),
        ({"rank": -1, "world_size": 2}, "rank must be at least 0, got -1"),
        ({"rank": 0, "world_size": 0}, "world_size must be at least 1, got 0"),
    ],
)
def test_unusable_ranks(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        chain().numpy(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("local", "workers", "threads"), [(None, 0, 8), ("2", 0, 4), ("2", 2, 2), ("99", 0, 1)]
)
def test_cores_are_shared_with_the_other_ranks_of_the_machine(
    local: str | None, workers: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if local is not None:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", local)
    assert chain().numpy(num_workers=workers)._config.recipe().threads == threads


SCRIPT = """
    import json, sys
    import numpy as np, torch.distributed as dist
    import tql
    dist.init_process_group("gloo")
    ds = tql.from_numpy({"x": np.arange(40), "label": np.arange(40) % 5})
    chain = ds.dataloader(seed=11).query("select * where label != 3")
    chain = chain.sample_by("max_weight(label == 1: 3, true: 1)", size=37).shuffle()
    loader = chain.batch(8).pytorch(distributed=True, num_workers=int(sys.argv[2]))
    steps = [[batch["index"].tolist() for batch in loader] for _ in range(2)]
    gathered = [None, None]
    dist.all_gather_object(gathered, (steps, loader.state_dict()))
    if dist.get_rank() == 0:
        json.dump(gathered, open(sys.argv[1], "w"))
    dist.destroy_process_group()
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_two_processes_of_torchrun(workers: int, tmp_path: Path) -> None:
    pytest.importorskip("torch.distributed")
    script, out = tmp_path / "train.py", tmp_path / "out.json"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(script), str(out), str(workers)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (first, state), (second, other_state) = json.loads(out.read_text())
    assert state == other_state
    for epoch in range(2):
        for left, right, expected in zip(first[epoch], second[epoch], GOLDEN[epoch], strict=True):
            assert (left + right)[: len(expected)] == expected
