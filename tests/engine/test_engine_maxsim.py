"""MAXSIM and coalesce, positions of arrays of any rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import Code, compute, ragged, rows_of, text, text_list
from tql._engine import Column, EngineError

SCORE = {"element": "float64", "shape": [], "nullable": True}


def maxsim(x: Column, y: Column | list[Any], element: str = "float64") -> list[Any]:
    columns = {"x": x} if isinstance(y, list) else {"x": x, "y": y}
    code = Code(columns)
    left = code.column("x")
    code.add(
        "maxsim", left, code.constant(y, element) if isinstance(y, list) else code.column("y"), type=SCORE
    )
    return rows_of(compute(code))


def expected(x: np.ndarray, y: np.ndarray) -> float:
    def units(v: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(v, axis=1, keepdims=True)
        return np.divide(v, lengths, out=np.zeros_like(v), where=lengths > 0)

    return float((units(x) @ units(y).T).max(axis=0).sum())


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_any_vectors(n: int, m: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(3, n, d)).round(1), rng.normal(size=(3, m, d)).round(1)
    wanted = [expected(a, b) for a, b in zip(x, y, strict=True)]
    assert maxsim(Column.dense(x), Column.dense(y)) == pytest.approx(wanted)
    assert maxsim(Column.dense(x), y[0].tolist()) == pytest.approx([expected(a, y[0]) for a in x])
    halves = maxsim(Column.dense(x.astype("f4")), Column.dense(y.astype("f4")))
    assert halves == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_ragged_documents_zero_vectors_and_nothing() -> None:
    documents = ragged([[[1, 0], [0, 2]], [], [[0, 0]], [[-1, 0]]], "float64", 2, [True, True, True, True])
    assert maxsim(documents, [[1.0, 0.0], [3.0, 4.0]]) == pytest.approx([1.8, None, 0.0, -1.6])
    assert maxsim(Column.dense(np.ones((1, 2, 3)), np.array([False])), [[1.0] * 3]) == [None]


def test_nan_goes_through() -> None:
    [score] = maxsim(Column.dense(np.array([[[np.nan], [1.0]]])), [[1.0]])
    assert np.isnan(score)


def test_shapes_that_do_not_go_together() -> None:
    with pytest.raises(EngineError, match=r"arrays of shapes \[2, 3\] and \[1, 2\]") as raised:
        maxsim(Column.dense(np.ones((1, 2, 3))), [[1.0, 2.0]])
    assert raised.value.args[0] == "shape"
    with pytest.raises(EngineError, match="arrays of rank 1 and 2"):
        maxsim(Column.dense(np.ones((1, 3))), [[1.0, 2.0]])


COALESCED = [
    (
        Column.dense(np.array([1, 2, 3]), np.array([True, False, False])),
        Column.dense(np.array([7, 8, 9]), np.array([True, True, False])),
        [1, 8, None],
    ),
    (
        Column.dense(np.array([1.5, 2, 3], np.float16), np.array([True, False, False])),
        Column.dense(np.array([7, 8, 9.5], np.float16)),
        [1.5, 8.0, 9.5],
    ),
    (text(["a", None, None]), text(["x", "y", None]), ["a", "y", None]),
    (
        ragged([[1, 2], [5], []], "int32", 1, [True, False, False]),
        ragged([[3], [4, 5, 6], [1]], "int32", 1, [True, True, False]),
        [[1, 2], [4, 5, 6], None],
    ),
    (
        Column.dense(np.arange(6).reshape(3, 2), np.array([False, True, False])),
        Column.dense(-np.arange(6).reshape(3, 2)),
        [[0, -1], [2, 3], [-4, -5]],
    ),
    (text_list([["a"], []]), text_list([["b"], ["c"]]), [["a"], []]),
]


@pytest.mark.parametrize(("x", "y", "wanted"), COALESCED)
def test_the_first_that_is_not_null(x: Column, y: Column, wanted: list[Any]) -> None:
    code = Code({"x": x, "y": y})
    left, right = code.column("x"), code.column("y")
    declared = {**code.instructions[left]["type"], "nullable": True}
    code.add("coalesce", left, right, type=declared)
    assert rows_of(compute(code)) == wanted


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_positions_of_any_rank(rank: int) -> None:
    rng = np.random.default_rng(rank)
    values = rng.integers(0, 2, size=(4, 3, 2, 2)[: rank + 1]).astype(np.float32)
    code = Code({"x": Column.dense(values)})
    shape = [None] if rank == 1 else [None, rank]
    code.add("nonzero", code.column("x"), type={"element": "int64", "shape": shape})
    wanted = [np.argwhere(row) if rank > 1 else np.flatnonzero(row) for row in values]
    assert rows_of(compute(code)) == [row.tolist() for row in wanted]
