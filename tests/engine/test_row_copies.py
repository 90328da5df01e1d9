"""Large arrays of the engine, rows copied into them, and rows that are decoded already."""

import numpy as np
import pytest

from tql import _engine


@pytest.mark.parametrize("size", [0, 1, (1 << 21) - 1, 1 << 21, (1 << 22) + 5])
def test_empty_bytes_are_an_array_of_that_size(size):
    made = _engine.empty_bytes(size)
    assert made.shape == (size,) and made.dtype == np.uint8 and made.flags.writeable
    made[:] = 7
    assert int(made.sum(dtype=np.int64)) == 7 * size


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="size must not be negative: -1"):
        _engine.empty_bytes(-1)


@pytest.mark.parametrize("row_bytes", [0, 1, 3, 64])
def test_rows_are_copied_to_their_slots(row_bytes):
    rng = np.random.default_rng(row_bytes)
    source = rng.integers(0, 256, 1000, np.uint8)
    starts = rng.integers(0, 1001 - row_bytes, 40)
    slots = rng.permutation(50)[:40]
    rows = rng.integers(0, 256, (50, row_bytes), np.uint8)
    wanted = rows.copy()
    for start, slot in zip(starts, slots, strict=True):
        wanted[slot] = source[start : start + row_bytes]
    _engine.copy_rows(source, starts, rows, slots)
    assert np.array_equal(rows, wanted)


@pytest.mark.parametrize(
    ("start", "slot"), [(-1, 0), (7, 0), (1 << 62, 0), (-(1 << 63), 0), (0, -1), (0, 2), (0, 1 << 62)]
)
def test_rows_outside_are_refused_before_any_is_copied(start, slot):
    rows = np.zeros((2, 4), np.uint8)
    with pytest.raises(IndexError, match="row is out of range: 1"):
        _engine.copy_rows(b"0123456789", np.array([0, start]), rows, np.array([0, slot]))
    assert not rows.any()


def test_rows_that_do_not_fit_a_short_source():
    with pytest.raises(IndexError):
        _engine.copy_rows(b"012", np.array([0]), np.zeros((1, 4), np.uint8), np.array([0]))


def test_arrays_of_copies_are_checked():
    starts = np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="one length"):
        _engine.copy_rows(b"0123", starts, np.zeros((1, 4), np.uint8), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="C-contiguous"):
        _engine.copy_rows(b"0123", starts, np.zeros((4, 4), np.uint8).T, starts)
    with pytest.raises(ValueError, match="C-contiguous"):
        _engine.copy_rows(b"0123", starts, np.zeros(4, np.uint8), starts)
    with pytest.raises(TypeError):
        _engine.copy_rows(b"0123", starts, np.zeros((1, 4), np.int8), starts)
    readonly = np.zeros((1, 4), np.uint8)
    readonly.flags.writeable = False
    with pytest.raises(ValueError):
        _engine.copy_rows(b"0123", starts, readonly, starts)


def test_rows_that_are_decoded_are_handed_out_once():
    pool = _engine.DecodePool(2)
    array = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    rows = _engine.EncodedRows.adopt(array)
    assert len(rows) == 4 and rows.codec == "raw" and rows.uniform_shape == (3, 2)
    taken = pool.submit(rows.take(np.array([3, 0, 3]))).wait(60)
    assert taken is not array and np.array_equal(taken, array[[3, 0, 3]])
    assert pool.submit(rows).wait(60) is array
    again = pool.submit(rows).wait(60)
    assert again is not array and np.array_equal(again, array)
    with pytest.raises(ValueError, match="C-contiguous"):
        _engine.EncodedRows.adopt(array.T)
    with pytest.raises(ValueError, match="C-contiguous"):
        _engine.EncodedRows.adopt(np.zeros(()))
    assert len(_engine.EncodedRows.adopt(np.zeros((0, 3), np.uint8))) == 0
    pool.close()


def test_arrays_of_different_shapes_are_adopted():
    pool = _engine.DecodePool(1)
    arrays = [np.arange(2 * n, dtype=np.int32).reshape(n, 2) for n in range(5)]
    rows = _engine.EncodedRows.adopt(arrays)
    assert (
        len(rows) == 5 and rows.uniform_shape is None and rows.shapes.tolist() == [[n, 2] for n in range(5)]
    )
    taken = pool.submit(rows.take(np.array([3, 0]))).wait(60)
    assert [row.tolist() for row in taken] == [arrays[3].tolist(), []]
    assert pool.submit(rows).wait(60) is arrays
    again = pool.submit(rows).wait(60)
    assert again is not arrays and all(map(np.array_equal, again, arrays))
    pool.close()
    with pytest.raises(ValueError, match="no rows to adopt"):
        _engine.EncodedRows.adopt([])
    for other in (np.zeros(3, np.int32), np.zeros((1, 2), np.int64)):
        with pytest.raises(ValueError, match="one dtype and one number of axes"):
            _engine.EncodedRows.adopt([arrays[1], other])
    with pytest.raises(ValueError, match="contiguous"):
        _engine.EncodedRows.adopt([arrays[4].T])
