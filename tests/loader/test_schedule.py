"""The schedule: pure functions of sizes, seeds and an epoch to positions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tql.loader.schedule import BlockShuffle, Draw, ExactShuffle, Schedule, Share


def batches(schedule: Schedule, epoch: int = 0) -> list[list[int]]:
    order = schedule.epoch(epoch)
    return [order.batch(step).tolist() for step in range(len(order))]


def flat(schedule: Schedule, epoch: int = 0) -> list[int]:
    return list(itertools.chain.from_iterable(batches(schedule, epoch)))


def ranks(schedule: Schedule, world_size: int, epoch: int = 0) -> list[list[list[int]]]:
    """Per rank its batches, for batches that together have the size of the schedule's."""
    each = schedule.batch_size // world_size
    return [
        batches(
            Schedule(
                schedule.rows,
                each,
                schedule.drop_last,
                schedule.draw,
                schedule.shuffle,
                Share(rank, world_size),
            ),
            epoch,
        )
        for rank in range(world_size)
    ]


def test_without_shuffle_rows_come_in_order_and_the_last_batch_is_short() -> None:
    assert batches(Schedule(7, 3)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_drop_last_leaves_out_the_short_batch() -> None:
    assert batches(Schedule(7, 3, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]


def test_no_rows_give_no_batches() -> None:
    assert batches(Schedule(0, 3)) == []


def test_a_step_outside_of_the_epoch_is_refused() -> None:
    with pytest.raises(IndexError):
        Schedule(7, 3).epoch(0).batch(3)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(0, 200),
    batch_size=st.integers(1, 17),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 5),
)
def test_a_shuffled_epoch_has_every_row_once(rows: int, batch_size: int, seed: int, epoch: int) -> None:
    schedule = Schedule(rows, batch_size, shuffle=ExactShuffle(seed))
    assert sorted(flat(schedule, epoch)) == list(range(rows))
    assert len(batches(schedule, epoch)) == schedule.steps


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 200),
    partition=st.integers(1, 40),
    window=st.integers(1, 60),
    epoch=st.integers(0, 3),
)
def test_a_block_shuffled_epoch_has_every_row_once(
    rows: int, partition: int, window: int, epoch: int
) -> None:
    shuffle = BlockShuffle(3, tuple(range(0, rows, partition)), window)
    assert sorted(flat(Schedule(rows, 8, shuffle=shuffle), epoch)) == list(range(rows))


def test_a_window_of_a_block_shuffle_touches_few_partitions() -> None:
    shuffle = BlockShuffle(1, tuple(range(0, 1000, 10)), window_rows=50)
    order = np.array(flat(Schedule(1000, 50, shuffle=shuffle)))
    touched = [len(set(window // 10)) for window in order.reshape(-1, 50)]
    assert touched == [5] * 20
    assert not np.array_equal(order, np.sort(order))


def test_a_block_shuffle_mixes_the_rows_within_a_window() -> None:
    shuffle = BlockShuffle(1, (0,), window_rows=100)
    first = flat(Schedule(400, 100, shuffle=shuffle))
    assert sorted(first[:100]) == list(range(100))
    assert first[:100] != list(range(100))


@pytest.mark.parametrize("shuffle", [ExactShuffle(4), BlockShuffle(4, tuple(range(0, 500, 25)), 100)])
def test_epochs_differ_and_repeat(shuffle: ExactShuffle | BlockShuffle) -> None:
    schedule = Schedule(500, 32, shuffle=shuffle)
    assert flat(schedule, 0) != flat(schedule, 1)
    assert flat(schedule, 1) == flat(schedule, 1)


def test_seeds_differ() -> None:
    assert flat(Schedule(500, shuffle=ExactShuffle(1))) != flat(Schedule(500, shuffle=ExactShuffle(2)))


def test_the_order_of_a_shuffle_is_that_of_this_seed_and_epoch_forever() -> None:
    schedule = Schedule(12, 4, shuffle=ExactShuffle(seed=7))
    assert batches(schedule, 0) == GOLDEN[0]
    assert batches(schedule, 1) == GOLDEN[1]


GOLDEN = [
    [[9, 10, 8, 11], [1, 3, 2, 7], [6, 0, 5, 4]],
    [[0, 9, 7, 8], [11, 1, 10, 6], [4, 2, 5, 3]],
]


def test_so_is_the_draw() -> None:
    draw = Draw(np.arange(6.0), 8, replace=True, seed=7)
    assert draw.positions(0).tolist() == [3, 5, 3, 5, 4, 3, 5, 5]


@pytest.mark.parametrize("world_size", [2, 4, 8])
@pytest.mark.parametrize("rows", [64, 61, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_each_global_batch(world_size: int, rows: int, drop_last: bool) -> None:
    schedule = Schedule(rows, 16, drop_last, shuffle=ExactShuffle(9))
    parts = ranks(schedule, world_size)
    assert {len(part) for part in parts} == {schedule.steps}
    for step, whole in enumerate(batches(schedule)):
        pieces = [part[step] for part in parts]
        assert len({len(piece) for piece in pieces}) == 1
        joined = list(itertools.chain.from_iterable(pieces))
        assert joined[: len(whole)] == whole
        padding = joined[len(whole) :]
        assert len(padding) < world_size
        assert padding == (flat(schedule) * world_size)[: len(padding)]


def test_rows_are_drawn_anew_in_each_epoch() -> None:
    draw = Draw(np.array([0.0, 1.0, 3.0, 0.0]), 400, replace=True, seed=3)
    schedule = Schedule(4, 50, draw=draw)
    first, second = flat(schedule, 0), flat(schedule, 1)
    assert set(first) == {1, 2}
    assert first != second
    assert 0.65 < np.mean(np.array(first) == 2) < 0.85


def test_the_ranks_of_a_draw_together_are_the_draw() -> None:
    draw = Draw(np.arange(10.0), 64, replace=True, seed=3)
    schedule = Schedule(10, 16, draw=draw)
    parts = ranks(schedule, 4)
    union = [row for step in range(schedule.steps) for part in parts for row in part[step]]
    assert union == draw.positions(0).tolist()


def test_shuffling_a_draw_keeps_its_rows() -> None:
    draw = Draw(np.arange(1.0, 51.0), 30, replace=False, seed=3)
    shuffled = Schedule(50, 8, draw=draw, shuffle=ExactShuffle(3))
    assert sorted(flat(shuffled)) == sorted(draw.positions(0).tolist())
    assert flat(shuffled) != draw.positions(0).tolist()


def test_shuffling_a_draw_of_the_same_seed_leaves_no_order_behind() -> None:
    # A draw and a permutation that used the same random numbers would bring the rows back in order.
    draw = Draw(np.ones(2000), 2000, replace=True, seed=5)
    order = np.array(flat(Schedule(2000, 64, draw=draw, shuffle=ExactShuffle(5))))
    assert abs(np.corrcoef(order, np.arange(2000))[0, 1]) < 0.1


def test_a_block_shuffled_draw_keeps_its_repeats() -> None:
    draw = Draw(np.arange(100.0), 300, replace=True, seed=1)
    shuffle = BlockShuffle(1, tuple(range(0, 100, 10)), 60)
    schedule = Schedule(100, 32, draw=draw, shuffle=shuffle)
    assert sorted(flat(schedule, 2)) == sorted(draw.positions(2).tolist())
