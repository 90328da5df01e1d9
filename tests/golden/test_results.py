"""Queries and their answers, worked out by hand from the language reference; nothing rewrites these files.

Both engines must give each answer: the reference engine, since it is a specification, and the real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agreement import Answer, ask, same_plain
from golden.host_functions import FUNCTIONS
from golden.result_cases import Case, read_cases
from golden.sections import SECTIONS
from golden.tables import TABLES
from reference import Table, evaluate
from tql.errors import TQLError
from tql.parser import parse
from tql.planner.rules import RULES
from tql.registered import register_function, unregister_function

WAYS: dict[str, dict[str, Any]] = {
    "one row after the other": {"partition_rows": 1},
    "three at a time, in threads": {"partition_rows": 3, "threads": 3, "through_json": True},
    "as it is written": {"disable": [rule.name for rule in RULES], "printed": True},
}

CASES = list(read_cases(Path(__file__).parent / "results"))


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.place} {case.title}") for case in CASES])
def test_reference_engine(case: Case) -> None:
    check(case, _reference(case))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n].place)
def test_engine_without_a_rule(number: int) -> None:
    """Each rule is off in some cases of every kind; the property tests switch them off at random."""
    case = CASES[number]
    check(case, _engine(case, disable=[RULES[number % len(RULES)].name]))


@pytest.fixture(scope="module", autouse=True)
def host_functions() -> Iterator[None]:
    for name, function in FUNCTIONS.items():
        register_function(name, function.call, function.type)
    yield
    for name in FUNCTIONS:
        unregister_function(name)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.place} {case.title}") for case in CASES])
@pytest.mark.parametrize("way", WAYS)
def test_engine(case: Case, way: str) -> None:
    check(case, _engine(case, **WAYS[way]))


def test_there_are_cases() -> None:
    assert len(CASES) >= 650
    assert len({case.title for case in CASES}) == len(CASES)
    assert {case.section for case in CASES} == set(SECTIONS)


def table_of(case: Case) -> Table | None:
    return None if case.table == "none" else TABLES[case.table]


def check(case: Case, answer: Answer) -> None:
    assert answer.error == case.error, answer.message or f"rows {answer.rows}"
    if case.rows is not None:
        assert answer.rows == case.rows
    if case.count is not None:
        assert len(answer.rows) == case.count
    if case.names is not None:
        assert list(answer.columns) == case.names
    for name, expected in case.columns.items():
        found = answer.columns[name]
        assert len(found) == len(expected.values)
        for want, value in zip(expected.values, found, strict=True):
            assert same_plain(want, value), f"{name}: {found}"
        if expected.dtype is not None:
            dtypes = {str(value.dtype) for value in found if isinstance(value, np.ndarray)}
            assert dtypes <= {expected.dtype}, name


def _engine(case: Case, **ways: Any) -> Answer:
    return ask(case.query, table_of(case), parameters=case.params, sources=TABLES, **ways)


def _reference(case: Case) -> Answer:
    try:
        result = evaluate(
            parse(case.query), table_of(case), parameters=case.params, sources=TABLES, functions=FUNCTIONS
        )
    except TQLError as error:
        return Answer(error=error.category, message=str(error))
    if result.sample is None:
        return Answer(result.rows, result.columns)
    weights = zip(result.rows, result.sample.weights, strict=True)
    drawable = [row for row, weight in weights if weight > 0]
    assert len(drawable) <= 1 or result.sample.count == 0, "the answer is left to chance"
    return Answer(drawable * (result.sample.count if result.sample.replace else min(1, result.sample.count)))
