"""Sources in storage are read ahead of what is computed, within bounds, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from engine.engine_plans import FLAG, Code, MemorySource, filter_of, project_of, ragged, run, text
from tql._engine import Column, HostCall

ROWS, PART = 1000, 100


class Stored(MemorySource):
    """A source that is not in memory: says which partition has been asked for, may be slow, may fail."""

    def __init__(self, columns: dict[str, Column], partition: int = PART) -> None:
        super().__init__(columns, partition)
        self.asked = [threading.Event() for _ in self.partitions([])]
        self.pause = 0.0
        self.fails_at: int | None = None

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        self.asked[start // self.partition].set()
        if self.pause:
            time.sleep(self.pause)
        if self.fails_at is not None and start <= self.fails_at < stop:
            raise OSError(f"no row {self.fails_at}")
        return super().read(column, facet, start, stop)

    def parts_asked(self) -> int:
        return sum(event.is_set() for event in self.asked)


def numbers() -> Stored:
    return Stored({"x": Column.dense(np.arange(ROWS))})


def called(source: Stored, declared: dict[str, Any]) -> Code:
    code = Code(source.data)
    code.add("registered", code.column("x"), type=declared, function="f(x)")
    return code


def compare(source: MemorySource, name: str, kernel: str, value: int) -> Code:
    code = Code(source.data)
    code.add(kernel, code.column(name), code.constant(value, "int64"))
    return code


def waits_for_the_next(source: Stored, result: Any) -> Any:
    """A function of the host that only goes on once the partition behind its rows is being read."""

    def function(_: HostCall, x: Column) -> Column:
        part = int(x.values[0]) // PART
        if part + 1 < len(source.asked):
            assert source.asked[part + 1].wait(20), f"part {part + 1} is not read while {part} is computed"
        return Column.dense(result(x.values))

    return function


@pytest.mark.parametrize("threads", [1, 2])
def test_a_filter_computes_while_the_next_partition_is_read(threads: int) -> None:
    source = numbers()
    source.partition = PART
    function = waits_for_the_next(source, lambda x: x % 2 == 0)
    rows = run(
        filter_of(called(source, FLAG)), source, functions={"f(x)": function}, threads=threads
    ).selection
    assert rows.indices.tolist() == list(range(0, ROWS, 2))


@pytest.mark.parametrize("threads", [1, 2])
def test_columns_are_computed_while_the_next_partition_is_read(threads: int) -> None:
    source = numbers()
    function = waits_for_the_next(source, lambda x: x * 2)
    code = called(source, {"element": "int64", "shape": []})
    result = run(project_of({"y": code}), source, ["y"], functions={"f(x)": function}, threads=threads)
    assert result.columns["y"].values.tolist() == list(range(0, 2 * ROWS, 2))


def test_a_small_limit_reads_what_it_needs() -> None:
    source = numbers()
    run(filter_of(compare(source, "x", "less", 50), fetch=10), source)
    assert source.parts_asked() == 1


def test_a_limit_that_needs_more_reads_one_partition_ahead_at_most() -> None:
    source = numbers()
    found = run(filter_of(compare(source, "x", "greater_equal", 550), fetch=10), source)
    assert found.selection.indices.tolist() == list(range(550, 560))
    assert 6 <= source.parts_asked() <= 7


def test_the_first_error_in_row_order_is_raised() -> None:
    source = numbers()
    source.fails_at = 350
    with pytest.raises(OSError, match="no row 350"):
        run(filter_of(compare(source, "x", "less", 5)), source)

    def function(_: HostCall, x: Column) -> Column:
        if 250 in x.values:
            raise ValueError("not 250")
        return Column.dense(x.values > 0)

    with pytest.raises(ValueError, match="not 250"):
        run(filter_of(called(source, FLAG)), source, functions={"f(x)": function})


def test_what_was_read_ahead_of_a_limit_may_fail_unseen() -> None:
    source = numbers()
    source.fails_at = 650
    found = run(filter_of(compare(source, "x", "greater_equal", 550), fetch=10), source)
    assert len(found.selection) == 10


def threads_of_this_process() -> int:
    return (
        len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else threading.active_count()
    )


def test_no_thread_is_left_behind() -> None:
    run(filter_of(compare(numbers(), "x", "less", 50)), numbers(), threads=2)  # starts those of the pool
    before = threads_of_this_process()
    run(filter_of(compare(numbers(), "x", "less", 50)), numbers(), threads=2)
    failing = numbers()
    failing.fails_at = 350
    with pytest.raises(OSError, match="no row"):
        run(filter_of(compare(failing, "x", "less", 50)), failing, threads=2)
    assert threads_of_this_process() == before


class InMemory(Stored):
    in_memory = True

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        assert threading.get_ident() == self.reader
        return super().read(column, facet, start, stop)

    reader = 0


def test_a_source_in_memory_is_read_by_the_thread_that_asks() -> None:
    source = InMemory({"x": Column.dense(np.arange(ROWS))})
    source.reader = threading.get_ident()
    assert len(run(filter_of(compare(source, "x", "less", 550)), source).selection) == 550


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
def test_an_interrupt_ends_the_reading() -> None:
    source = Stored({"x": Column.dense(np.arange(100_000))}, 100)
    source.pause = 0.02
    main = threading.get_ident()
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(filter_of(compare(source, "x", "less", 50)), source)
    timer.join()
    assert source.parts_asked() < 900
    source.pause = 0.0
    assert len(run(filter_of(compare(source, "x", "less", 50)), source).selection) == 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_after_a_query_can_query() -> None:
    source = numbers()
    plan = filter_of(compare(source, "x", "less", 250))
    run(plan, source, threads=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if len(run(plan, source, threads=2).selection) == 250 else 1)
    assert os.waitpid(child, 0)[1] == 0


# --- late materialisation ----------------------------------------------------------------------------------


def with_images(partition: int = PART) -> Stored:
    images = ragged([[[[row % 7] * 2] * 2] * 2 for row in range(ROWS)], "uint8", 3)
    words = text([f"row {row}" for row in range(ROWS)])
    return Stored({"x": Column.dense(np.arange(ROWS)), "image": images, "words": words}, partition)


def touched(source: MemorySource, name: str) -> int:
    """Rows of a column that were read."""
    whole = sum(stop - start for column, _, start, stop in source.reads if column == name)
    return whole + sum(rows for column, _, rows in source.takes if column == name)


def bright(source: MemorySource) -> Code:
    code = Code(source.data)
    image = code.column("image")
    code.add(
        "any", code.add("greater", image, code.constant(3, "uint8"), shape=(None, None, None)), type=FLAG
    )
    return code


def test_an_image_is_read_only_for_rows_that_survive() -> None:
    source = with_images()
    kept = compare(source, "x", "less", 730)
    result = run(filter_of(kept, bright(source)), source)
    assert result.selection.indices.tolist() == [row for row in range(730) if row % 7 > 3]
    assert touched(source, "image") == 730


def test_so_it_is_under_a_limit() -> None:
    source = with_images(1000)
    odd = Code(source.data)
    rest = odd.add("modulo", odd.column("x"), odd.constant(50, "int64"), type="int64")
    odd.add("equal", rest, odd.constant(0, "int64"), type=FLAG)
    found = run(filter_of(odd, bright(source), fetch=3), source)
    assert found.selection.indices.tolist() == [row for row in range(0, 1000, 50) if row % 7 > 3][:3]
    assert touched(source, "image") == 20


def test_a_limit_on_images_alone_begins_with_few() -> None:
    source = with_images(1000)
    found = run(filter_of(bright(source), fetch=5), source)
    assert found.selection.indices.tolist() == [4, 5, 6, 11, 12]
    assert touched(source, "image") <= 64


def test_an_order_by_an_image_reads_the_rows_that_survived() -> None:
    source = with_images()
    key = Code(source.data)
    key.add("amax", key.column("image"), type={"element": "uint8", "shape": [], "nullable": True})
    kept = filter_of(compare(source, "x", "less", 730))
    ordered = {"id": 1, "op": "sort", "input": kept, "keys": [{"program": key.program, "descending": True}]}
    result = run(ordered, source)
    assert len(result.selection) == 730
    assert touched(source, "image") == 730


def test_sides_of_a_union_read_what_each_needs() -> None:
    source = with_images()
    sides = [
        {**filter_of(compare(source, "x", "equal", row), bright(source), fetch=1), "id": row}
        for row in (250, 600)
    ]
    sides[1]["input"] = {"id": 3, "op": "scan"}
    union = {"id": 2, "op": "set_op", "left": sides[0], "right": sides[1], "kind": "union", "all": False,
             "ordered": False}  # fmt: skip
    result = run(union, source)
    assert result.selection.indices.tolist() == [250, 600]
    assert touched(source, "image") == 2
