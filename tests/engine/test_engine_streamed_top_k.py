"""ORDER BY an expression with LIMIT: the same rows as a stable sort by NumPy, and no column of keys."""

from __future__ import annotations

import numpy as np
import pytest

import tql

ROWS = 200_000
RNG = np.random.default_rng(4)
A = RNG.integers(-50, 50, ROWS).astype(np.int32)
B = np.where(RNG.random(ROWS) < 0.1, np.nan, np.round(RNG.standard_normal(ROWS), 2)).astype(np.float32)
DATA = tql.from_numpy({"a": A, "b": B})


def first(values: np.ndarray, k: int, descending: bool, rows: np.ndarray | None = None) -> list[int]:
    """Equal values in order of their rows, NaN last."""
    rows = np.arange(len(values)) if rows is None else rows
    keys = -values[rows] if descending else values[rows]
    return rows[np.argsort(keys, kind="stable")[:k]].tolist()


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("descending", [False, True])
def test_the_first_rows_by_an_expression(threads: int, descending: bool) -> None:
    order = "desc" if descending else ""
    for k in (1, 10, 3000):
        for key, values in (("a + b", A + B), ("a * 3", A * 3), ("b * b", B * B)):
            view = DATA.query(f"select * order by {key} {order} limit {k}", threads=threads)
            assert view.indices.tolist() == first(values.astype(np.float64), k, descending)


@pytest.mark.parametrize("condition", ["a > 0", "a = 7", "b < 0"])
def test_rows_that_were_filtered_before(condition: str) -> None:
    rows = np.flatnonzero({"a > 0": A > 0, "a = 7": A == 7, "b < 0": B < 0}[condition])
    view = DATA.query(f"select * where {condition} order by a + b desc limit 20")
    assert view.indices.tolist() == first((A + B).astype(np.float64), 20, True, rows)


def test_rows_of_a_view_in_an_order_of_their_own() -> None:
    view = DATA.query("select * order by a").query("select * order by b * 2 limit 15")
    rows = np.argsort(A, kind="stable")
    assert view.indices.tolist() == first(B.astype(np.float64), 15, False, rows)


def test_null_comes_last() -> None:
    values = [None if i % 3 else i for i in range(3000)]
    data = tql.from_pydict({"x": values})
    expected = sorted((i for i in range(3000) if values[i] is not None), key=lambda i: -i)[:40]
    assert data.query("select * order by x + 1 desc limit 40").indices.tolist() == expected


def test_memory_does_not_grow_with_the_rows() -> None:
    data = tql.from_numpy({"x": np.arange(3_000_000, dtype=np.float32)})
    view = data.query("select * order by x * 2 desc limit 10", memory_limit="200kB", threads=2)
    assert view.indices.tolist() == list(range(2_999_999, 2_999_989, -1))
