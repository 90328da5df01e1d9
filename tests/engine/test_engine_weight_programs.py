"""MAX_WEIGHT and SUM_WEIGHT of conditions that run as words of bits, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine_plans import Code, compute, text
from engine.simd_levels import NARROWER_LEVELS, outermost, run_file_at
from tql._engine import Column

WEIGHTS = [10.0, 5.0, 0.0, -3.0, 1e300, 1e-300, 0.1]


@given(
    kernel=st.sampled_from(["max_weight", "sum_weight"]),
    weights=st.lists(st.sampled_from(WEIGHTS), min_size=1, max_size=4),
    rows=st.sampled_from([1, 7, 8, 63, 64, 65, 4096, 4097, 70_001]),
    partition=st.sampled_from([None, 100, 4096, 5001]),
    threads=st.sampled_from([1, 2]),
)
def test_weights(kernel: str, weights: list[float], rows: int, partition: int | None, threads: int) -> None:
    """Cases over columns with and without NULL, that overlap and follow each other in order."""
    rng = np.random.default_rng(rows)
    labels = rng.integers(0, 4, rows).astype(np.int32)
    score = rng.random(rows).astype(np.float32)
    score[rng.random(rows) < 0.1] = np.nan
    valid = rng.random(rows) < 0.8
    code = Code({"labels": Column.dense(labels), "score": Column.dense(score, valid)})
    cases, expected = [], np.zeros(rows)
    for i, weight in enumerate(weights):
        if i % 2:
            holds = (score > 0.5) & valid
            cases.append(code.add("greater", code.column("score"), code.constant(0.5, "float32")))
        else:
            holds = labels == i
            cases.append(code.add("equal", code.column("labels"), code.constant(i, "int32")))
        added = np.where(holds, weight, 0.0)
        expected = np.maximum(expected, added) if kernel == "max_weight" else expected + added
    code.add(kernel, *cases, type="float64", weights=weights)
    column = compute(code, min(partition or rows, rows), threads=threads)
    assert column.validity is None
    np.testing.assert_array_equal(column.values, expected)


ELEMENTS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)] + [
    "bool",
    "float16",
    "float32",
    "float64",
]


@pytest.mark.parametrize("kernel", ["max_weight", "sum_weight"])
@pytest.mark.parametrize("element", ELEMENTS)
def test_conditions_on_every_element(element: str, kernel: str) -> None:
    """Rows that are NULL hold nowhere; NaN and infinity are numbers like others."""
    rng = np.random.default_rng(6)
    values = rng.integers(0, 2 if element == "bool" else 5, 333).astype(element)
    if element.startswith("float"):
        values[:3] = [np.nan, np.inf, -np.inf]
    valid = rng.random(333) < 0.9
    code = Code({"x": Column.dense(values, valid)})
    compared = "float32" if element == "float16" else element  # as the planner has it
    source = code.add("cast", code.column("x"), type=compared) if element == "float16" else code.column("x")
    one, three = (True, False) if element == "bool" else (1, 3)
    cases = [
        code.add("equal", source, code.constant(one, compared)),
        code.add("not_equal", source, code.constant(three, compared)),
    ]
    code.add(kernel, *cases, type="float64", weights=[0.25, 4.0])
    first = np.where((values == one) & valid, 0.25, 0.0)
    second = np.where((values != three) & valid, 4.0, 0.0)
    expected = np.maximum(first, second) if kernel == "max_weight" else first + second
    np.testing.assert_array_equal(compute(code, 100).values, expected)


def test_a_case_without_a_form_as_bits() -> None:
    """One case as bits, the other one computed."""
    numbers = np.arange(200, dtype=np.int64)
    code = Code({"x": Column.dense(numbers)})
    even = code.add("modulo", code.column("x"), code.constant(2, "int64"), type="int64")
    cases = [
        code.add("equal", even, code.constant(0, "int64")),
        code.add("less", code.column("x"), code.constant(50, "int64")),
    ]
    code.add("sum_weight", *cases, type="float64", weights=[2.0, 3.0])
    expected = np.where(numbers % 2 == 0, 2.0, 0.0) + np.where(numbers < 50, 3.0, 0.0)
    np.testing.assert_array_equal(compute(code, 70).values, expected)


def test_a_case_on_texts() -> None:
    rows = ["a sword", None, "", "word"] * 40
    code = Code({"x": text(rows)})
    has = code.add("like", code.column("x"), pattern="*word*", ignore_case=False)
    code.add("max_weight", has, type="float64", weights=[4.0])
    expected = [4.0 if row and "word" in row else 0.0 for row in rows]
    assert compute(code, 9).values.tolist() == expected


@outermost
@pytest.mark.parametrize("level", NARROWER_LEVELS)
def test_narrower_instruction_sets(level: str) -> None:
    run_file_at(level, __file__)
