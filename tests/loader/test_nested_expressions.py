"""Expressions over columns whose rows are lists of values that may be NULL or differ in shape, on rows."""

from __future__ import annotations

from typing import Any

import pytest

import tql

DATA = {
    "id": [0, 1, 2, 3],
    "s": [[1.5, None], [], [3.0, 0.5], [None]],
    "b": [[[[1, 2]], []], [], [[[1, 2], [3, 4]]], [None, [[5, 6]]]],
    "t": [["x", None], [], ["y"], ["x", "xy"]],
    "d": [[{"a": 1}, None], [], [2, "q"], [[2]]],
}
SCHEMA = {"id": "int64", "s": "float32?[]", "b": "int32[,2][]", "t": "text?[]", "d": "json?[]"}


@pytest.fixture(scope="module")
def ds() -> tql.Dataset:
    return tql.from_pydict(DATA, schema=SCHEMA)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("shape(s)[0]", [2, 0, 2, 1]),
        ("count(s)", [2, 0, 2, 1]),
        ("count(b)", [2, 0, 4, 2]),
        ("s[0]", [1.5, None, 3.0, None]),
        ("s[-1] > 0.6", [None, None, False, None]),
        ("s is null", [False, False, False, False]),
        ("s[id]", [1.5, None, None, None]),
        ("b[0, 0, 1]", [2, None, 2, None]),
        ("b[-1][:, 0]", [[], None, [1, 3], [5]]),
        ("d[0]['a']", [1, None, None, None]),
        ("sum(s)", [1.5, 0.0, 3.5, 0.0]),
        ("sum(s, 0)", [1.5, 0.0, 3.5, 0.0]),
        ("avg(s)", [1.5, None, 1.75, None]),
        ("amax(b)", [2, None, 4, 6]),
        ("linf_norm(s)", [1.5, 0.0, 3.0, 0.0]),
        ("any(s > 1)", [True, False, True, False]),
        ("any(s > 1 and s < 2)", [True, False, False, False]),
        ("all(s > 0)", [False, True, True, False]),
        ("all_strict(s > 0)", [False, False, True, False]),
        ("any(t like 'x?')", [False, False, False, True]),
        ("all(t = 'y')", [False, True, True, False]),
        ("contains(t, 'x')", [True, False, False, True]),
        ("contains(b, 4)", [False, False, True, False]),
        ("any(d = 2)", [False, False, True, False]),
        ("contains(d, 'q')", [False, False, True, False]),
    ],
)
def test_what_is_computed_from_the_entries(ds: tql.Dataset, expression: str, expected: list[Any]) -> None:
    rows = ds.query(f"select {expression} as r").to_pydict()["r"]
    assert [row.tolist() if hasattr(row, "tolist") else row for row in rows] == expected


def test_conditions_in_where(ds: tql.Dataset) -> None:
    assert ds.query("select id where any(s > 1) and count(t) = 1").to_pydict()["id"] == [2]
    assert ds.query("select id order by amax(b) desc").to_pydict()["id"] == [3, 2, 0, 1]
