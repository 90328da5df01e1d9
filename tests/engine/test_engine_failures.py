"""What fails half way: the error says where, no thread is left, and the engine goes on."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import Any

import numpy as np
import pytest

import tql
from tql.loader.dataset import Dataset
from tql.schema import Field, Schema

ROWS, PART = 4000, 500


class Breaking:
    """A source in storage that fails from some row on."""

    in_memory = False

    def __init__(self, fails_at: int | None) -> None:
        random = np.random.default_rng(0)
        self._data = tql.from_numpy(
            {
                "x": np.arange(ROWS),
                "k": random.integers(0, 50, ROWS),
                "v": random.random((ROWS, 4)).astype(np.float32),
                "t": [f"word {i % 90} of some" for i in range(ROWS)],
                "l": [list(range(i % 4)) for i in range(ROWS)],
            }
        )
        self.schema = Schema(
            [
                Field(name, field.type, index="bm25" if name == "t" else None)
                for name, field in self._data.schema.items()
            ]
        )
        self.num_rows, self.fails_at = ROWS, fails_at

    def partitions(self, columns: object) -> list[tuple[int, int]]:
        return [(start, min(start + PART, ROWS)) for start in range(0, ROWS, PART)]

    def read(self, column: str, facet: str, start: int, stop: int) -> Any:
        return self.take(column, facet, np.arange(start, stop))

    def take(self, column: str, facet: str, rows: np.ndarray) -> Any:
        if self.fails_at is not None and len(rows) and rows.max() >= self.fails_at:
            raise OSError("the disk is gone")
        return self._data.take(column, facet, rows)


QUERIES = {
    "select * where x % 2 == 0": "x % 2 == 0",
    "select * order by x % 7": "x % 7",
    "select * order by x % 7 desc limit 3": "x % 7",
    "select x * 2 as y where k < 40": "",
    "select x + 1 as y order by k": "",
    "select k[0] as k, count(*) as n, sum(x) as total group by k": "k",
    "select distinct t": "distinct",
    "select x, l ungroup by split": "",
    "select * where k == 3 expand by 1 1": "",
    "select * sample by max_weight(k > 3: 2, true: 1) limit 10": "",
    "(select * where k < 10) union (select * where x % 3 == 1)": "",
    "select * order by bm25_similarity(t, 'word of') desc limit 5": "",
    "select * order by cosine_similarity(v, array[1, 0, 0, 0]) desc limit 5": "",
}


def threads_now() -> int:
    tasks = "/proc/self/task"
    return len(os.listdir(tasks)) if os.path.exists(tasks) else threading.active_count()


def comes_down_to(before: int) -> bool:
    """Whether no thread is left behind. The system lists a thread that was joined a moment longer."""
    end = time.monotonic() + 5
    while threads_now() > before and time.monotonic() < end:
        time.sleep(0.01)
    return threads_now() <= before


def notes_of(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", []))


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_source_that_fails_half_way(query: str, threads: int) -> None:
    whole, broken = Dataset(Breaking(None)), Dataset(Breaking(ROWS * 5 // 8))
    expected = whole.query(query, threads=threads, seed=1)
    before = threads_now()
    with pytest.raises(OSError, match="the disk is gone") as caught:
        broken.query(query, threads=threads, seed=1)
    notes = notes_of(caught.value)
    assert notes[0].startswith("while reading row") and " of column '" in notes[0]
    assert len(notes) == 2 and notes[1].startswith("in ")
    assert QUERIES[query] in notes[1]
    assert not hasattr(caught.value, "failed_node")
    assert comes_down_to(before)
    assert whole.query(query, threads=threads, seed=1).indices.tolist() == expected.indices.tolist()


@pytest.mark.parametrize("side", ["l", "r"])
def test_a_side_of_a_join_that_fails(side: str) -> None:
    sources = {name: Dataset(Breaking(2500 if name == side else None)) for name in ("l", "r")}
    before = threads_now()
    with pytest.raises(OSError, match="the disk is gone") as caught:
        tql.query("select l.x, r.t from l as l join r as r on l.x == r.x", sources=sources)
    assert notes_of(caught.value)[0] == "while reading rows 2500 to 2999 of column 'x'"
    assert comes_down_to(before)


def test_columns_of_a_join_that_fail_when_they_are_read() -> None:
    """The keys are in memory of the query by then; the source below fails later, and names its rows."""
    below = Breaking(None)
    sources = {"l": Dataset(below), "r": Dataset(Breaking(None))}
    view = tql.query("select l.t as t, r.x as x from l as l join r as r on l.x == r.x", sources=sources)
    below.fails_at = 3000
    assert len(view["x"]) == ROWS
    with pytest.raises(OSError, match="the disk is gone") as caught:
        view["t"]
    assert notes_of(caught.value) == ["while reading rows 0 to 3999 of column 't'"]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_function_that_fails_in_the_middle_of_a_parallel_scan(threads: int) -> None:
    def fails(x: Any) -> bool:
        if x >= 50_000:
            raise RuntimeError("too much")
        return bool(x > 3)

    tql.register_function("fails_half_way", fails, "bool")
    try:
        data = tql.from_numpy({"x": np.arange(200_000)})
        data.query("select * where x < 5", threads=threads)
        before = threads_now()
        with pytest.raises(RuntimeError, match="too much") as caught:
            data.query("select * where fails_half_way(x)", threads=threads)
        (note,) = notes_of(caught.value)
        first, *place = note.splitlines()
        number = re.fullmatch(r"while the query called fails_half_way\((\d+)\) for row (\d+)", first)
        assert number is not None and number[1] == number[2] and int(number[1]) >= 50_000
        assert place[-2:] == ["  select * where fails_half_way(x)", "                 ^^^^^^^^^^^^^^^^^"]
        assert comes_down_to(before)
        assert len(data.query("select * where fails_half_way(x) and x < 100 limit 5", threads=threads)) == 5
    finally:
        tql.unregister_function("fails_half_way")


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint64])
def test_sums_of_integers_wrap_around(dtype: Any) -> None:
    top = np.iinfo(dtype).max
    data = tql.from_numpy({"x": np.array([top, top, 5], dtype), "k": np.zeros(3, np.int32)})
    with np.errstate(over="ignore"):
        expected = np.array([top, top, 5], dtype).sum(dtype=dtype)
    assert data.query("select sum(x) as s group by k")["s"].tolist() == [expected.item()]


def test_joins_and_windows_of_more_than_2_to_the_31_rows_are_refused() -> None:
    data = tql.from_numpy({"k": np.zeros(100_000, np.int8)})
    for query in (
        "select l.k from l as l join r as r on l.k == r.k",
        "select l.k from l as l cross join r as r",
    ):
        with pytest.raises(tql.errors.TQLError, match="more than 2147483648 rows"):
            tql.query(query, sources={"l": data, "r": data})
    with pytest.raises(tql.errors.TQLError, match="more rows than the 2147483648"):
        data.query("select * where k == 0 expand by 50000 50000 overlap true")
