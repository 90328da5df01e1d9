"""Ctrl-C while a query runs in native code."""

from __future__ import annotations

import signal
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from engine.engine_plans import FLAG, Code, MemorySource, compute, filter_of, plan_of, project_of, run, scan
from engine.made_plans import group_of, join_of, key_of
from engine.test_engine_append import expand_of
from engine.test_engine_ungroup import ungroup_of
from tql._engine import Column, Plan, execute


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


class StopError(Exception):
    """Raised by a signal's handler."""


class Alarming(MemorySource):
    """A source in memory that has an alarm sent to this process soon after it was first read."""

    in_memory = True
    armed = False

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        if not self.armed:
            self.armed = True
            signal.setitimer(signal.ITIMER_REAL, 0.005)
        return super().read(column, facet, start, stop)


ROWS = 6_000_000


def long_columns() -> dict[str, Column]:
    random = np.random.default_rng(1)
    return {
        "f": Column.dense(random.random(ROWS)),
        "k": Column.dense(random.integers(0, 1 << 40, ROWS)),
        "w": Column.dense(random.random(ROWS) + 0.5),
    }


def plans(columns: dict[str, Column]) -> dict[str, Any]:
    key = key_of(columns, "f")
    weight = key_of(columns, "w")
    by_value = {"id": 1, "op": "sort", "input": scan(), "keys": [{"program": key, "descending": True}]}
    sample = {"id": 2, "op": "sample", "input": scan(), "weight": weight, "percent": None}
    computed = Code(columns)
    root = computed.add("sqrt", computed.column("f"), type="float64")
    for _ in range(60):
        root = computed.add("sqrt", root, type="float64")
    condition = Code(columns)
    x = condition.column("f")
    for _ in range(60):
        x = condition.add("sqrt", x, type="float64")
    condition.add("less", x, condition.constant(2.0, "float64"), type=FLAG)
    return {
        "sort": by_value,
        "sample with replacement": {**sample, "replace": True, "count": 4 * ROWS},
        "sample without replacement": {**sample, "replace": False, "count": ROWS // 2},
        "distinct": {"id": 3, "op": "distinct", "input": scan(), "keys": [key_of(columns, "k")]},
        "group": group_of(columns, ["k"]),
        "project": project_of({"y": computed}),
        "filter": filter_of(condition),
    }


def relations() -> dict[str, tuple[dict[str, Any], dict[str, Column]]]:
    """Plans that make rows, each with the columns that it reads."""
    random = np.random.default_rng(2)
    few = {"k": Column.dense(random.integers(0, 100, 60_000))}
    many = {"k": Column.dense(random.integers(0, 1 << 40, ROWS))}
    hits = {"hit": Column.dense(np.ones(ROWS, bool))}
    parts = {"v": Column.dense(np.zeros((ROWS // 4, 16), np.int8))}
    word = np.frombuffer(b"a word of many", np.uint8)
    texts = 1_000_000
    said = {"x": Column.text(np.arange(texts + 1) * len(word), np.tile(word, texts).tobytes(), None)}
    return {
        "join with many partners": (join_of(few, few), few),
        "join of many rows": (join_of(many, many, "full"), many),
        "expand": (expand_of(hits, 3, 3, True), hits),
        "ungroup": (ungroup_of(parts, {"v": "element"}, split=True), parts),
        "bm25": (
            {"op": "bm25", "id": 7, "input": scan(), "computes": "s", "column": "x", "query": "word"},
            said,
        ),
    }


def notices(plan: dict[str, Any], source: MemorySource, threads: int) -> bool:
    """Whether a run ends with the exception of a signal's handler while it is in the engine."""
    ends: list[str] = []

    def profile(frame: Any, event: str, called: Any) -> None:
        if called is execute:
            ends.append(event)  # an alarm that nobody noticed is raised once the call has returned

    sys.setprofile(profile)
    try:
        execute(Plan(plan_of(plan)), source, sources={"l": source, "r": source}, threads=threads)
    except StopError:
        pass
    finally:
        sys.setprofile(None)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "c_return" not in ends


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"),
    reason="signals need the main thread",
)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_operator_notices_an_interrupt(threads: int) -> None:
    columns = long_columns()

    def handler(number: int, frame: Any) -> None:
        if frame.f_code.co_name == "profile" and frame.f_locals["event"] == "c_return":
            return  # too late, and it shall be noted
        raise StopError

    before = signal.signal(signal.SIGALRM, handler)
    try:
        tried = {name: (plan, columns) for name, plan in plans(columns).items()} | relations()
        deaf = [name for name, (plan, read) in tried.items() if not notices(plan, Alarming(read), threads)]
    finally:
        signal.signal(signal.SIGALRM, before)
    assert deaf == []
