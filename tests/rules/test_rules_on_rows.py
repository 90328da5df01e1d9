"""The cases of the rules on rows: before and after, with the rules and without, all give the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agreement import Answer, ask, same_value
from golden.query_cases import QueryCase, read_cases
from golden.schema_text import DEFAULT, Sources, parse_schema
from reference import Table
from tql.parser import parse
from tql.planner.binder import bind
from tql.planner.logical import Output, Scan, source_of
from tql.planner.rules import RULES

# Six rows: NULL, NaN, infinities, limits of the types, empty arrays and ties.
CELLS: dict[str, list[Any]] = {
    "images": [np.full((28, 28, 3), shade) for shade in (0, 255, 10, 251, 0, 3)],
    "labels": [[0], [1], [2], [1], [0], [2]],
    "kind": [0, 1, 2, 0, 1, 2],
    "tags": [[0, 1], [], [1], [0], [1, 1], [0]],
    "categories": [["car"], [], ["bus", "car"], ["cars"], [""], ["car", "dog"]],
    "name": ["a", "b", "a", "", "apple", "Z"],
    "note": ["a", None, "b", "", None, "a"],
    "score": [0.5, None, nan, -1.0, inf, 1.5],
    "weight": [1.0, 0.0, 2.5, nan, -1.0, 3.0],
    "flag": [True, False, True, True, False, True],
    "i8": [1, -128, 127, 3, 2, 5],
    "i8n": [5, None, 127, 3, None, -128],
    "i32": [5, 3, 1, 2, 7, -1],
    "i64": [1, 2, 2**53 + 1, 2**63 - 1, 5, 1],
    "u8": [0, 5, 255, 7, 8, 1],
    "u64": [0, 5, 2**64 - 1, 2**63, 6, 1],
    "f16": [0.5, nan, inf, -1.0, 65504.0, 0.0],
    "f32": [0.1, nan, 0.5, -0.0, inf, 1.0],
    "values": [[1, 2, 3], [], [3], [4, 5], [0], [2, 3, 4, 5]],
    "fixed": [[1, 2, 3], [0, 0, 0], [3, 3, 3], [-1, 5, 9], [2, 2, 2], [1, 2, 3]],
    "embedding": [[float(i * j) for j in range(8)] for i in range(6)],
    "boxes": [np.arange(n * 4.0).reshape(n, 4) for n in (2, 0, 1, 3, 2, 1)],
    "one": [[3.5], [nan], [-1.0], [4.0], [0.0], [3.0]],
}
SCHEMA = parse_schema(DEFAULT)
TABLE = Table({name: (SCHEMA.type_of(name), cells) for name, cells in CELLS.items()})
ALL = tuple(rule.name for rule in RULES)


def queries() -> Iterator[tuple[str, str, QueryCase]]:
    """Rule, query and case; what chance decides is left out."""
    for path in sorted(Path(__file__).parent.glob("*.test")):
        for case in read_cases(path):
            if "random" not in case.query and "sample" not in case.query:
                yield path.stem, case.query, case


@pytest.mark.parametrize(
    ("rule", "query", "case"), [pytest.param(r, q, c, id=f"{r}: {c.title}") for r, q, c in queries()]
)
def test_rules_keep_the_answer(rule: str, query: str, case: QueryCase) -> None:
    stored = isinstance(source_of(plan_of(query)), Scan)
    plain = ask(query, TABLE, disable=ALL)
    others = [name for name in ALL if name != rule]
    answers = [ask(query, TABLE), ask(query, TABLE, disable=others), ask(query, TABLE, disable=(rule,))]
    if case.expected.startswith(("select", "(")):
        answers.append(ask(case.expected, TABLE))
    for answer in answers:
        assert_same(answer, plain, rows=stored)


def plan_of(query: str) -> Output:
    return bind(parse(query), query, SCHEMA, sources=Sources())


def assert_same(found: Answer, expected: Answer, *, rows: bool) -> None:
    """`rows`: the row numbers count too; where the plan makes the rows, a rule may number them anew."""
    assert (found.error, len(found.rows)) == (expected.error, len(expected.rows)), found.message
    assert not rows or found.rows == expected.rows
    assert list(found.columns) == list(expected.columns)
    for name, cells in expected.columns.items():
        pairs = zip(found.columns[name], cells, strict=True)
        assert all(same_value(a, b) for a, b in pairs), name
