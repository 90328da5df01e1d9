"""What a loader says about itself: statistics, progress, how well it mixes."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, UnknownColumnError
from tql.loader.dataloader import DataLoader
from tql.loader.shuffle_report import report

ROWS = 4000


def loader(**output: Any) -> DataLoader:
    rows = np.arange(ROWS)
    ds = tql.from_numpy(
        {"x": rows, "label": rows * 10 // ROWS, "text": [f"t{row % 3}" for row in rows]},
        class_names={"label": [str(i) for i in range(10)]},
    )
    return ds.dataloader(seed=1).batch(64).numpy(tensors=["x", "label"], **output)


@pytest.mark.parametrize("workers", [0, 2])
def test_stats_count_batches_and_rows_and_know_the_slow_stage(workers: int) -> None:
    def slow(sample: Any) -> Any:
        time.sleep(0.0005)
        return sample["x"]

    ds = tql.from_numpy({"x": np.arange(200)})
    chain = ds.dataloader().transform(slow).batch(32).numpy(num_workers=workers)
    assert chain.stats().batches == 0
    list(chain)
    stats = chain.stats()
    assert (stats.batches, stats.rows, stats.workers) == (7, 200, workers)
    assert stats.bottleneck == "transform"
    assert stats.times.transform > 0.09 and stats.times.transform > 10 * stats.times.collate
    assert str(stats).startswith("7 batches, 200 rows in ") and str(stats).endswith("limited by: transform")


def test_stats_know_a_slow_consumer() -> None:
    chain = loader()
    for _ in chain:
        time.sleep(0.002)
    assert chain.stats().bottleneck == "consumer"
    assert chain.stats().consumer > 0.1 and chain.stats().rows == ROWS


def test_verbose_prints_a_line_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    chain = loader(verbose=True)
    list(chain)
    next(iter(chain))  # an epoch that is given up is no epoch
    list(chain)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" rows")[0] for line in lines] == [
        "epoch 0: 63 batches, 4,000",
        "epoch 2: 63 batches, 4,000",
    ]


def test_progress_gives_the_batches_and_is_silent_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chain = loader()
    assert [len(batch["x"]) for batch in chain.progress()] == [64] * 62 + [32]
    assert chain.state_dict()["epoch"] == 1
    assert capsys.readouterr() == ("", "")


def test_progress_draws_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    list(loader().progress("training"))
    captured = capsys.readouterr()
    assert "training" in captured.err and captured.out == ""


def test_a_shuffled_loader_is_well_mixed_and_one_in_order_is_not() -> None:
    sorted_rows = loader().shuffle_report()
    shuffled = loader().shuffle().shuffle_report()
    assert not sorted_rows.well_mixed and shuffled.well_mixed
    assert sorted_rows.distinct < 2 and shuffled.distinct > 9.9
    assert shuffled.expected_distinct == pytest.approx(sorted_rows.expected_distinct)
    assert shuffled.spread == pytest.approx(1, abs=0.2) and sorted_rows.spread > 10
    assert shuffled.same_neighbour == pytest.approx(0.1, abs=0.03) and sorted_rows.same_neighbour > 0.99
    assert shuffled.column == "label" and shuffled.classes == 10
    assert str(shuffled).startswith("'label' is well mixed: a batch has ")
    assert str(sorted_rows).startswith("'label' is not well mixed: ")


def test_the_expectations_of_the_report_are_those_of_random_orders() -> None:
    values = np.repeat([0, 1, 2], [10, 40, 50])
    rng = np.random.default_rng(0)
    reports = [report("x", rng.permutation(values), 8) for _ in range(400)]
    assert np.mean([r.spread for r in reports]) == pytest.approx(1, abs=0.03)
    assert np.mean([r.distinct for r in reports]) == pytest.approx(reports[0].expected_distinct, abs=0.01)
    neighbours = np.mean([r.same_neighbour for r in reports])
    assert neighbours == pytest.approx(reports[0].expected_same_neighbour, abs=0.01)


def test_the_report_of_other_columns() -> None:
    assert loader().shuffle().shuffle_report("text", epoch=2).classes == 3
    with pytest.raises(UnknownColumnError):
        loader().shuffle_report("lable")
    with pytest.raises(ArgumentError, match="needs at least one row, an epoch of this loader has none"):
        tql.from_numpy({"x": np.arange(0)}).dataloader().shuffle_report("x")
    boxes = tql.from_numpy({"boxes": np.zeros((5, 4))}).dataloader()
    with pytest.raises(ArgumentError, match=r"^shuffle_report\(\) needs the column of the classes"):
        boxes.shuffle_report()
    with pytest.raises(ArgumentError, match="one value per row, not 'boxes'"):
        boxes.shuffle_report("boxes")


def test_the_report_is_that_of_the_global_batches() -> None:
    parts = [loader(rank=rank, world_size=2).shuffle().shuffle_report() for rank in range(2)]
    assert parts[0] == parts[1] and parts[0].batches == 32
