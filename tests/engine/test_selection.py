"""Selections choose the cheapest form that is true, and all forms answer alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.simd_levels import NARROWER_LEVELS, outermost, run_file_at
from tql import _engine
from tql._engine import Selection


def test_a_range():
    rows = Selection.from_range(3, 7)
    assert (len(rows), rows.kind, rows.ascending, rows.weights) == (4, "range", True, None)
    assert rows.indices.tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 5), (7, 2)])
def test_an_empty_range(start, stop):
    rows = Selection.from_range(start, stop)
    assert len(rows) == 0
    assert rows.indices.tolist() == []
    assert rows.indices.dtype == np.int64


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 700).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0)), max_size=n))
    )
)
def test_a_mask_selects_its_true_rows(case):
    n, rows = case
    mask = np.zeros(n, dtype=bool)
    mask[[row for row in rows if row < n]] = True
    selection = Selection.from_mask(mask)
    assert len(selection) == mask.sum()
    assert selection.ascending
    assert np.array_equal(selection.indices, np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("true_rows", "kind"),
    [
        (slice(0, 1000), "range"),
        (slice(100, 900), "range"),
        (slice(63, 65), "range"),
        (slice(0, 0), "range"),
        (slice(0, 1000, 2), "bitmap"),
        (slice(0, 1000, 500), "indices"),
    ],
)
def test_a_mask_takes_the_cheapest_form(true_rows, kind):
    mask = np.zeros(1000, dtype=bool)
    mask[true_rows] = True
    assert Selection.from_mask(mask).kind == kind


@pytest.mark.parametrize("share", [0.001, 0.02, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("size", [1, 7, 63, 64, 65, 128, 200, 1000, 4096, 70_001, 200_000])
def test_bits_become_the_same_rows_whatever_their_density_and_number(size, share):
    mask = np.random.default_rng(size).random(size) < share
    for offset in (0, 3):
        rows = Selection.from_mask(mask[offset:])
        assert len(rows) == np.count_nonzero(mask[offset:])
        assert np.array_equal(rows.indices, np.flatnonzero(mask[offset:]))


def test_rows_between_runs_of_all_and_none():
    mask = np.zeros(300_000, dtype=bool)
    mask[64:128] = mask[1000:140_000] = mask[200_000:200_003] = mask[299_999:] = True
    assert np.array_equal(Selection.from_mask(mask).indices, np.flatnonzero(mask))


def test_a_large_bitmap_lists_its_rows_in_order():
    mask = np.random.default_rng(0).random(1_000_003) < 0.4
    selection = Selection.from_mask(mask)
    assert selection.kind == "bitmap"
    assert np.array_equal(selection.indices, np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("indices", "kind", "ascending"),
    [
        ([4, 5, 6], "range", True),
        ([9], "range", True),
        ([1, 3, 4], "indices", True),
        ([1, 1, 2], "indices", False),
        ([2, 1, 0], "indices", False),
        ([], "range", True),
    ],
)
def test_an_index_list_keeps_its_order(indices, kind, ascending):
    selection = Selection.from_indices(np.array(indices, dtype=np.int64))
    assert selection.indices.tolist() == indices
    assert (selection.kind, selection.ascending, len(selection)) == (kind, ascending, len(indices))


def test_later_changes_to_the_callers_array_do_not_show():
    mine = np.array([5, 3, 1])
    selection = Selection.from_indices(mine)
    mine[:] = 0
    assert selection.indices.tolist() == [5, 3, 1]


def test_indices_are_made_once_read_only_and_outlive_the_selection():
    selection = Selection.from_mask(np.arange(1000) % 3 == 0)
    indices = selection.indices
    assert indices.__array_interface__["data"] == selection.indices.__array_interface__["data"]
    with pytest.raises(ValueError, match="read-only"):
        indices[0] = 1
    del selection
    assert indices.tolist() == list(range(0, 1000, 3))


def test_weights_stand_beside_the_rows():
    selection = Selection.from_indices(np.array([7, 2, 7]), np.array([0.5, 1.0, 0.5]))
    assert selection.weights is not None
    assert selection.weights.tolist() == [0.5, 1.0, 0.5]
    assert not selection.weights.flags.writeable


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="row number at position 1 is negative: -3"):
        Selection.from_indices(np.array([1, -3]))
    with pytest.raises(ValueError, match="one entry per index: 1 for 2"):
        Selection.from_indices(np.array([1, 2]), np.array([1.0]))
    with pytest.raises(ValueError, match="one dimension"):
        Selection.from_mask(np.zeros((2, 2), dtype=bool))
    with pytest.raises(ValueError, match="start must not be negative: -1"):
        Selection.from_range(-1, 3)
    with pytest.raises(TypeError):
        Selection.from_indices(np.array([1.5]))


def test_repr_says_how_many_rows_in_which_form():
    assert repr(_engine.Selection.from_range(0, 3)) == "<Selection of 3 rows, range>"


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_words_with_any_number_of_bits(seed):
    random = np.random.default_rng(seed)
    shares = np.repeat(random.random(3000) ** random.integers(0, 4, 3000), 64)  # one share per 64 rows
    mask = random.random(len(shares)) < shares
    for cut in (0, 1, 63, 130):
        part = mask[: len(mask) - cut]
        assert np.array_equal(Selection.from_mask(part).indices, np.flatnonzero(part))


@outermost
@pytest.mark.parametrize("level", NARROWER_LEVELS)
def test_narrower_vectors_find_the_same_rows(level):
    run_file_at(level, __file__)
