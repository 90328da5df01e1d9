"""A limit of memory: the same answer or an error that says what to do, and the process stays within it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tql
from tql import errors
from tql.errors import ArgumentError, MemoryLimitError
from tql.loader.dataset import Dataset

ROWS = 3000
RNG = np.random.default_rng(5)


class Stored:
    """Columns that every read copies, as those that come from a file are; partitions of 1000 rows."""

    in_memory = False

    def __init__(self, data: tql.Dataset) -> None:
        self._data = data
        self.schema = data.schema
        self.num_rows = data.num_rows

    def partitions(self, columns: object) -> list[tuple[int, int]]:
        return [(start, min(start + 1000, self.num_rows)) for start in range(0, self.num_rows, 1000)]

    def read(self, column: str, facet: str, start: int, stop: int) -> object:
        return self.take(column, facet, np.arange(start, stop))

    def take(self, column: str, facet: str, rows: np.ndarray) -> object:
        return self._data.take(column, facet, rows)


def dataset() -> tql.Dataset:
    return tql.from_pydict(
        {
            "x": RNG.integers(0, 50, ROWS).tolist(),
            "score": RNG.random(ROWS).tolist(),
            "word": [f"word {i % 97}" for i in range(ROWS)],
            "tags": [list(range(i % 4)) for i in range(ROWS)],
            "maybe": [None if i % 7 == 0 else i % 30 for i in range(ROWS)],
        }
    )


DATA = Dataset(Stored(dataset()))
QUERIES = [
    "select * where x > 25 and score < 0.5",
    "select * where any(tags = 2) or contains(word, '9')",
    "select * where x = 3 limit 20",
    "select * order by score desc",
    "select * order by word, x limit 50",
    "select x + 1 as y, word, tags where maybe > 3",
    "select * sample by max_weight(x > 20: 3, true: 1) limit 500",
    "select * sample by x replace false limit 400",
    "(select * where x < 10) union (select * where x > 40)",
    "(select * where x < 30 order by score) intersect (select * where x > 10)",
    "select x[0] as x, count(*) as n group by x",
    "select word, score group by word",
    "select score, x[0] as x group by x order by x",
    "select tags ungroup by split",
    "select * where x = 7 expand by 1 2 overlap false",
]


def values(view: tql.View) -> object:
    return view.indices.tolist(), view.to_pydict(), None if view.weights is None else view.weights.tolist()


@pytest.fixture(scope="module")
def answers() -> dict[str, object]:
    return {query: values(DATA.query(query, seed=3)) for query in QUERIES}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(QUERIES), st.one_of(st.integers(1, 400_000), st.integers(1, 4000)), st.integers(1, 2))
def test_any_limit_gives_the_answer_or_an_error(
    answers: dict[str, object], query: str, limit: int, threads: int
) -> None:
    try:
        view = DATA.query(query, seed=3, memory_limit=limit, threads=threads)
    except MemoryLimitError as error:
        assert error.query == query
        assert "memory_limit" in error.message
        return
    assert values(view) == answers[query]


@pytest.mark.parametrize("query", QUERIES)
def test_a_generous_limit_changes_nothing(answers: dict[str, object], query: str) -> None:
    assert values(DATA.query(query, seed=3, memory_limit="64MB")) == answers[query]


def test_the_error_names_the_clause_the_need_and_the_limit() -> None:
    query = "select * order by score"
    with pytest.raises(MemoryLimitError) as caught:
        DATA.query(query, memory_limit="20kB")
    error = caught.value
    assert isinstance(error, MemoryError) and isinstance(error, errors.TQLError)
    assert error.category == "memory"
    assert error.span is not None and query[error.span.start : error.span.end] == "score"
    assert error.message.startswith("ORDER BY needs more memory than memory_limit allows: at least ")
    assert error.message.endswith("limit 20.0 kB")
    assert error.hint is not None and "LIMIT" in error.hint
    assert len(DATA.query(query)) == ROWS  # nothing is left behind


def test_arrays_in_memory_do_not_count() -> None:
    data = tql.from_numpy({"x": np.arange(1_000_000)})
    assert len(data.query("select * where x % 2 = 0", memory_limit="300kB")) == 500_000
    with pytest.raises(MemoryLimitError):
        data.query("select * order by x % 7", memory_limit="300kB")


@pytest.mark.parametrize("order", ["narrow", "wide", "narrow, wide", "word", "wide desc, word"])
def test_what_a_sort_of_all_rows_needs_beside_its_keys_counts(order: str) -> None:
    rows = 200_000
    random = np.random.default_rng(4)
    data = tql.from_numpy(
        {
            "narrow": random.integers(0, 9, rows, dtype=np.int8),
            "wide": random.integers(-(1 << 63), (1 << 63) - 1, rows),
            "word": random.integers(0, 5000, rows).astype(np.str_),
        }
    )
    query = f"select * order by {order}"
    expected = data.query(query).indices
    with pytest.raises(MemoryLimitError):  # two buffers of 8 bytes per row, and the positions
        data.query(query, memory_limit=rows * 23)
    assert data.query(query, memory_limit="32MB").indices.tolist() == expected.tolist()


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "", "many", "12 parsecs", "-1MB", "0"])
def test_what_is_no_limit(limit: object) -> None:
    with pytest.raises(ArgumentError, match="memory_limit must be a positive amount of memory"):
        DATA.query("select *", memory_limit=limit)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "number"), [("64MB", 64_000_000), ("1.5 kib", 1536), ("2GiB", 2 << 30), ("7", 7), ("7 b", 7)]
)
def test_amounts(text: str, number: int) -> None:
    from tql.byte_size import read_bytes

    assert read_bytes(text, "memory_limit") == number


def test_the_peak_is_reported() -> None:
    text = DATA.explain("select * order by score", analyze=True)
    assert "peak memory: " in text
    compiled = tql.compile("select * where x > 3", DATA.schema)
    assert len(compiled.execute(DATA, memory_limit="1MB")) == int((DATA["x"] > 3).sum())
    with pytest.raises(MemoryLimitError):
        DATA.explain("select * order by score", analyze=True, memory_limit="20kB")


def held(query: str, rows: int, memory_limit: int | None = None) -> int:
    """The peak of a query over `rows` rows in memory, k of them almost all different, j in 100 groups."""
    data = tql.from_numpy(
        {
            "k": RNG.permutation(rows) * 1_000_003,
            "j": np.arange(rows) % 100,
            "l": np.zeros((rows, 3), np.int8),
        }
    )
    planned = json.loads(data.explain(query, analyze=True, format="json", memory_limit=memory_limit))
    return int(planned["peak_bytes"])


LARGE = 200_000
BYTES_OF_ANSWERS = {
    "select * order by k": 8,  # a row number per row
    "select k[0] as k, count(*) as n, sum(j) as s group by k": 24,  # first row, size, sum
    "select l group by j": 8,
    "select distinct k": 8,
    "select l ungroup by split": 16,  # the length of each row, and the first row made of it
    "select * where j < 50 expand by 1 1 overlap true": 12,
    "(select * order by k limit 100000) union (select * order by j limit 100000)": 8,
    "select k + 1 as x, k * 2.0 as y": 16,
}


@pytest.mark.parametrize("query", BYTES_OF_ANSWERS)
def test_the_peak_is_at_least_what_the_answer_holds(query: str) -> None:
    """And a limit below that is an error."""
    needed = LARGE * BYTES_OF_ANSWERS[query]
    peak = held(query, LARGE)
    assert needed <= peak <= 40 * needed
    with pytest.raises(MemoryLimitError):
        held(query, LARGE, memory_limit=needed - 1)


def test_the_peak_of_a_join_is_at_least_its_pairs() -> None:
    data = tql.from_numpy({"k": np.arange(LARGE) % 50_000, "x": np.arange(LARGE)})
    query = (
        "select l.x from l as l join r as r on l.k == r.k"  # four pairs per row, two numbers of 32 bits each
    )
    sources = {"l": data, "r": data}
    assert len(tql.query(query, sources=sources)) == 4 * LARGE
    with pytest.raises(MemoryLimitError, match="JOIN needs more memory"):
        tql.query(query, sources=sources, memory_limit=4 * LARGE * 8 - 1)
    assert len(tql.query(query, sources=sources, memory_limit="64MB")) == 4 * LARGE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kilobytes on Linux")
def test_what_is_refused_was_not_allocated() -> None:
    run(
        """
        import resource
        import numpy as np
        import tql

        rows = 4_000_000
        far = np.random.default_rng(0).permutation(rows) * 1_000_003
        data = tql.from_numpy({"k": far, "x": np.arange(rows)})
        small = tql.from_numpy({"k": np.arange(10), "x": np.arange(10)})
        join = "select l.x from l as l left join r as r on l.k == r.k"
        single = ["select * order by k", "select distinct k"]
        single += [f"select {what} group by k" for what in ("sum(x) as s", "x")]
        for query in single:
            small.query(query)
        tql.query(join, sources={"l": small, "r": small})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for query in [*single, join]:
            try:
                if query is join:
                    tql.query(join, sources={"l": data, "r": data}, memory_limit="12MB")
                else:
                    data.query(query, memory_limit="12MB")
            except tql.errors.MemoryLimitError:
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
                assert grown <= 12_000_000 + (8 << 20), f"{query}: {grown}"
            else:
                raise AssertionError(query)
        """
    )


def run(program: str, *args: str) -> None:
    command = [sys.executable, "-c", dedent(program), *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kilobytes on Linux")
def test_a_scan_of_more_than_the_limit_stays_within_it(tmp_path: Path) -> None:
    rows = 40_000_000
    np.arange(rows).tofile(tmp_path / "x")  # 320 MB
    run(
        """
        import resource, sys
        import numpy as np
        import tql
        from tql import _engine
        from tql.loader.dataset import Dataset

        class File:
            def __init__(self, path, rows):
                self.path, self.num_rows = path, rows
                self.schema = tql.from_numpy({"x": np.zeros(1, np.int64)}).schema

            def partitions(self, columns):
                return [(0, self.num_rows)]

            def read(self, column, facet, start, stop):
                return _engine.Column.dense(np.fromfile(self.path, np.int64, stop - start, offset=8 * start))

            def take(self, column, facet, rows):
                return _engine.Column.dense(np.fromfile(self.path, np.int64)[rows])

        source = File(sys.argv[1], int(sys.argv[2]))
        data = Dataset(source)
        tql.from_numpy({"x": np.arange(5)}).query("select * where x % 3 = 1")  # loads what is loaded late
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        view = data.query("select * where x % 3 = 1 and x % 5 = 0", memory_limit="48MB")
        assert len(view) == sum(1 for x in range(0, source.num_rows, 5) if x % 3 == 1)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown * 1024 <= 48_000_000 + (16 << 20), f"{grown} kB more than before"
        """,
        str(tmp_path / "x"),
        str(rows),
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_AS")
def test_where_the_system_has_no_memory_the_query_fails_and_the_engine_goes_on() -> None:
    run(
        """
        import resource
        import numpy as np
        import tql

        data = tql.from_numpy({"x": np.arange(40_000_000, dtype=np.int32)})
        data.query("select x + 1.5 as y where x > 3 order by x % 5 limit 10")  # starts the threads
        tql.release_memory()
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
        by_key = "select count(*) as n group by x * 3"
        for query in ("select * order by x % 5", "select x + 1.5 as y", by_key):
            try:
                data.query(query)
            except MemoryError as error:
                assert str(error)
            else:
                raise AssertionError(query)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert len(data.query("select * where x < 10")) == 10
        """
    )


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("select x + 1.5 as s", "the computed columns need"),
        ("select * where any(x + 1.5 > 3)", "the filter needs"),
        ("select * order by sum(x + 1.5)", "ORDER BY needs"),
    ],
)
def test_a_row_of_more_than_2_to_the_31_elements(query: str, what: str) -> None:
    elements = 2**31 + 5
    data = tql.from_numpy({"x": np.zeros((1, elements), np.int8)})
    assert data.query("select shape(x)[0] as n")["n"].tolist() == [elements]
    assert len(data.query(f"select * where shape(x)[0] = {elements}")) == 1
    with pytest.raises(MemoryLimitError) as caught:
        data.query(query, memory_limit="1GB")
    assert what in caught.value.message and "at least 17.2 GB, limit 1.0 GB" in caught.value.message
