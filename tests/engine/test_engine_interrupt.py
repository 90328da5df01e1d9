"""Ctrl-C while a query runs in native code."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, compute, filter_of, run
from tql._engine import Column


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_a_running_query(threads: int) -> None:
    source = MemorySource({})
    source.num_rows = 500_000_000  # many seconds of random numbers
    code = Code()
    code.add("less", code.add("random", type="int32"), code.constant(0, "int32"))
    main = threading.get_ident()
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(filter_of(code), source, threads=threads)
    timer.join()
    assert time.monotonic() - start < 10
    number = Code({"x": Column.dense(np.arange(3))})
    number.add("row_number", type="int64")
    assert compute(number).values.tolist() == [0, 1, 2]
