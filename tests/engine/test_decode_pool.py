"""The decode pool: order, errors, early drops, forks, interrupts, shutdown."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from tql import _engine


def raw_rows(arrays):
    arrays = [np.asarray(array, order="C") for array in arrays]
    sizes = np.array([array.nbytes for array in arrays], dtype=np.int64)
    return _engine.EncodedRows(
        "raw",
        arrays[0].dtype,
        [b"".join(array.tobytes() for array in arrays)],
        np.zeros(len(arrays), dtype=np.int32),
        np.cumsum(sizes) - sizes,
        sizes,
        np.array([array.shape for array in arrays], dtype=np.int64).reshape(len(arrays), -1),
    )


@pytest.fixture
def pool():
    pool = _engine.DecodePool(2)
    yield pool
    pool.close()


def numbered(count, shape=(3, 4), dtype="int32"):
    return [np.full(shape, i, dtype=dtype) for i in range(count)]


def test_rows_of_one_shape_become_one_array(pool):
    arrays = numbered(100)
    rows = raw_rows(arrays)
    assert (len(rows), rows.codec, rows.dtype, rows.uniform_shape) == (100, "raw", np.dtype("int32"), (3, 4))
    result = pool.submit(rows).wait()
    assert result.dtype == np.int32
    assert np.array_equal(result, np.stack(arrays))


def test_rows_of_different_shape_become_a_list(pool):
    arrays = [np.arange(i * 2, dtype="uint16").reshape(i, 2) for i in range(20)]
    rows = raw_rows(arrays)
    assert rows.uniform_shape is None
    assert rows.shapes.tolist() == [[i, 2] for i in range(20)]
    result = pool.submit(rows).wait()
    assert isinstance(result, list)
    for array, expected in zip(result, arrays, strict=True):
        assert array.dtype == expected.dtype
        assert np.array_equal(array, expected)


def test_scalars_and_empty_batches(pool):
    rows = raw_rows([np.float64(i) for i in range(5)])
    assert rows.uniform_shape == ()
    assert pool.submit(rows).wait().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    none = rows.take(np.array([], dtype=np.int64))
    ticket = pool.submit(none)
    assert ticket.done()
    assert len(ticket.wait()) == 0


def test_take_repeats_and_reorders(pool):
    rows = raw_rows(numbered(10)).take(np.array([3, 3, 3, 0, 9, 3]))
    assert rows.row_bytes(4) == np.full((3, 4), 9, dtype="int32").tobytes()
    assert pool.submit(rows).wait()[:, 0, 0].tolist() == [3, 3, 3, 0, 9, 3]
    with pytest.raises(IndexError):
        rows.take(np.array([6]))
    with pytest.raises(IndexError):
        rows.row_bytes(-1)


def test_batches_may_be_waited_for_in_any_order(pool):
    rows = raw_rows(numbered(1000, shape=(50,)))
    indices = [np.random.default_rng(i).integers(0, 1000, 64) for i in range(30)]
    tickets = [pool.submit(rows.take(index)) for index in indices]
    for ticket, index in reversed(list(zip(tickets, indices, strict=True))):
        assert np.array_equal(ticket.wait()[:, 0], index)
        assert ticket.done()
        assert np.array_equal(ticket.wait()[:, 0], index)


def test_the_first_bad_row_is_reported_each_time():
    block = pytest.importorskip("lz4.block")
    if "lz4" not in _engine.codecs():
        pytest.skip("built without lz4")
    good = block.compress(bytes(100_000), store_size=False)
    items = [good] * 40
    for bad in (7, 8, 31):
        items[bad] = b"\xf0" * 500
    sizes = np.array([len(item) for item in items], dtype=np.int64)
    pool = _engine.DecodePool(3)
    rows = _engine.EncodedRows(
        "lz4",
        np.dtype("uint8"),
        items,
        np.arange(40, dtype=np.int32),
        np.zeros(40, dtype=np.int64),
        sizes,
        np.full((40, 1), 100_000),
    )
    ticket = pool.submit(rows)
    for _ in range(2):
        with pytest.raises(_engine.EngineError) as caught:
            ticket.wait()
        assert caught.value.args[0] == "value"
        assert caught.value.args[2] == 7
    assert pool.submit(rows.take(np.array([0, 1]))).wait().shape == (2, 100_000)  # the pool goes on
    pool.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offsets": [1]}, "row 0 lies outside of its buffer: 4 bytes at 1 of 4"),
        ({"offsets": [-1]}, "row 0 lies outside of its buffer"),
        ({"offsets": [2**62], "sizes": [2**62]}, "row 0 lies outside of its buffer"),
        ({"sizes": [3]}, "row 0 has 3 bytes instead of 4"),
        ({"buffer_index": [1]}, "row 0 names a buffer that does not exist: 1"),
        ({"buffer_index": [-1]}, "row 0 names a buffer that does not exist: -1"),
        ({"shapes": [[-4]]}, "row 0 has an impossible shape"),
        ({"shapes": [[2**40, 2**40]]}, "row 0 has an impossible shape"),
        ({"shapes": [[4], [4]]}, "one entry per row"),
        ({"shapes": [4]}, "shapes must have two dimensions"),
        ({"codec": "gif"}, "codec must be 'raw', 'jpeg' or 'lz4', not 'gif'"),
        ({"codec": "jpeg", "dtype": "int8"}, "jpeg images have dtype uint8, not int8"),
        ({"codec": "jpeg", "shapes": [[2**20, 2**20, 3]]}, "row 0 has too many pixels"),
        ({"codec": "lz4", "shapes": [[2**40]]}, "cannot give"),
        ({"dtype": "O"}, "rows cannot be decoded to dtype object"),
    ],
)
def test_impossible_rows_are_refused(change, message):
    case = {
        "codec": "raw",
        "dtype": "uint8",
        "buffer_index": [0],
        "offsets": [0],
        "sizes": [4],
        "shapes": [[4]],
    } | change
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        _engine.EncodedRows(
            case["codec"],
            np.dtype(case["dtype"]),
            [b"1234"],
            np.array(case["buffer_index"], dtype=np.int32),
            np.array(case["offsets"], dtype=np.int64),
            np.array(case["sizes"], dtype=np.int64),
            np.array(case["shapes"], dtype=np.int64),
        )


def test_what_was_checked_cannot_be_changed_afterwards(pool):
    offsets = np.zeros(1, dtype=np.int64)
    rows = _engine.EncodedRows(
        "raw", np.dtype("uint8"), [b"1234"], np.zeros(1, np.int32), offsets, np.array([4]), np.array([[4]])
    )
    offsets[0] = 1 << 40
    assert pool.submit(rows).wait().tobytes() == b"1234"


def test_buffers_stay_alive_as_long_as_they_are_needed(pool):
    content = bytearray(b"1234")
    rows = _engine.EncodedRows(
        "raw",
        np.dtype("uint8"),
        [content],
        np.zeros(1, np.int32),
        np.array([0]),
        np.array([4]),
        np.array([[4]]),
    )
    taken = rows.take(np.array([0, 0]))
    del rows
    gc.collect()
    with pytest.raises(BufferError):
        content.extend(b"5678")
    assert pool.submit(taken).wait().tobytes() == b"12341234"
    del taken
    gc.collect()
    content.extend(b"5678")


def test_tickets_may_be_dropped_before_they_are_done(pool):
    rows = raw_rows(numbered(64, shape=(200, 200), dtype="float64"))
    for _ in range(50):
        pool.submit(rows)
    result = pool.submit(rows).wait()
    assert result[:, 0, 0].tolist() == list(range(64))


def test_close_ends_what_is_left_and_may_be_repeated():
    pool = _engine.DecodePool(1)
    rows = raw_rows(numbered(64, shape=(300, 300), dtype="float64"))
    tickets = [pool.submit(rows) for _ in range(50)]
    pool.close()
    pool.close()
    for ticket in tickets:
        try:
            assert ticket.wait().shape == (64, 300, 300)
        except _engine.EngineError as error:
            assert error.args[:2] == ("cancelled", "the decode pool was closed")
    with pytest.raises(_engine.EngineError, match="the decode pool is closed"):
        pool.submit(rows)


def test_tickets_outlive_their_pool():
    rows = raw_rows(numbered(3))
    ticket = _engine.DecodePool(1).submit(rows)
    gc.collect()
    assert ticket.wait()[:, 0, 0].tolist() == [0, 1, 2]


@pytest.fixture
def slow_rows():
    """Rows that take some milliseconds each, no two of them from the same bytes."""
    block = pytest.importorskip("lz4.block")
    if "lz4" not in _engine.codecs():
        pytest.skip("built without lz4")
    size, count = 1 << 22, 100
    data = block.compress(bytes(size), store_size=False)
    return _engine.EncodedRows(
        "lz4",
        np.dtype("uint8"),
        [data * count],
        np.zeros(count, dtype=np.int32),
        np.arange(count) * len(data),
        np.full(count, len(data)),
        np.full((count, 1), size),
    )


def test_waiting_ends_at_the_timeout(slow_rows):
    pool = _engine.DecodePool(1)
    ticket = pool.submit(slow_rows)
    for timeout in (0, 0.001, -1.0):
        with pytest.raises(TimeoutError):
            ticket.wait(timeout)
    assert not ticket.done()
    pool.close()


def test_waiting_leaves_the_gil_to_others(slow_rows):
    pool = _engine.DecodePool(1)
    ticket = pool.submit(slow_rows)
    turns = 0

    def count():
        nonlocal turns
        while turns < 10:
            turns += 1
            time.sleep(0)
        pool.close()

    other = threading.Thread(target=count)
    other.start()
    # Had the waiting thread kept the GIL, nobody could have closed the pool, and the rows would come.
    with pytest.raises(_engine.EngineError, match="cancelled"):
        ticket.wait()
    other.join()
    assert turns == 10


def test_threads_follow_the_affinity_mask():
    assert _engine.DecodePool(3).threads == 3
    if hasattr(os, "sched_getaffinity"):
        assert _engine.DecodePool().threads == len(os.sched_getaffinity(0))


def run(script):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


PREPARE = """
import os, signal, sys, threading, time
import numpy as np
from tql import _engine

def rows(count=64, size=100_000):
    return _engine.EncodedRows(
        "raw", np.dtype("uint8"), [bytes(size + count)], np.zeros(count, np.int32), np.arange(count),
        np.full(count, size), np.full((count, 1), size))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_starts_threads_of_its_own():
    done = run(
        PREPARE
        + """
pool = _engine.DecodePool(2)
before = pool.submit(rows())
pool.submit(rows()).wait()
_engine.permutation(500_000, seed=1, threads=2)
pending = [pool.submit(rows()) for _ in range(20)]
child = os.fork()
if child == 0:
    assert pool.submit(rows()).wait().shape == (64, 100_000)
    assert len(_engine.permutation(500_000, seed=1, threads=2)) == 500_000
    try:
        pending[-1].wait()
    except _engine.EngineError as error:
        assert error.args[0] == "cancelled", error.args
    else:
        raise SystemExit("a batch of the parent was done in the child")
    del pending, before
    pool.close()
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
for ticket in pending:
    ticket.wait()
print("ok")
"""
    )
    assert (done.returncode, done.stdout.strip()) == (0, "ok"), done.stderr


def test_the_interpreter_ends_while_batches_are_being_decoded():
    done = run(
        PREPARE
        + """
pool = _engine.DecodePool(2)
tickets = [pool.submit(rows()) for _ in range(50)]
print("ok")
"""
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "ok", "")


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals")
def test_ctrl_c_ends_a_wait():
    done = run(
        PREPARE
        + """
pool = _engine.DecodePool(1)
kept = rows(500, 4_000_000)
ticket = pool.submit(kept)
main = threading.get_ident()
threading.Timer(0.1, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
try:
    ticket.wait()
except KeyboardInterrupt:
    print("done" if ticket.done() else "interrupted")
"""
    )
    assert (done.returncode, done.stdout.strip()) == (0, "interrupted"), done.stderr


def test_pools_come_and_go_without_leaving_threads():
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("no /proc")
    rows = raw_rows(numbered(8))
    before = len(os.listdir("/proc/self/task"))
    for _ in range(20):
        pool = _engine.DecodePool(4)
        pool.submit(rows).wait()
        del pool
    deadline = time.monotonic() + 5
    while len(os.listdir("/proc/self/task")) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/task")) <= before
