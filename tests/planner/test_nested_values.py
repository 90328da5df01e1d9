"""Columns whose rows are lists of values that may be NULL or differ in shape: what is computed from them."""

from __future__ import annotations

import pytest

from golden.schema_text import parse_schema
from tql.errors import UnsupportedError
from tql.planner import plan
from tql.planner.logical import Project
from tql.planner.rendering.expression_text import expression_text
from tql.schema import Field, Schema
from tql.types import Type

SCHEMA = Schema(
    [
        *parse_schema(
            "s float32?[], b float32[,4][], t text?[], d json?[], cl label(cat|dog)?[], k int64"
        ).fields,
        Field("q", Type("int32", (None,), sequence=True)),
    ]
)


@pytest.mark.parametrize(
    ("expression", "shown", "type_"),
    [
        ("shape(s)", "shape(s)", "int64[1]"),
        ("count(s)", "shape(s)[0]", "int64"),
        ("count(b)", "count(elements(b))", "int64"),
        ("s[0]", "s[0]", "float32?"),
        ("s[-1] > 0", "s[-1] > 0", "bool?"),
        ("b[k, 0, 2]", "b[k][0, 2]", "float32?"),
        ("d[0]['a']", "d[0]['a']", "json?"),
        ("sum(s)", "sum(elements(s))", "float32"),
        ("avg(s)", "avg(elements(s))", "float64?"),
        ("amax(b)", "amax(elements(b))", "float32?"),
        ("sum(s, 0)", "sum(elements(s), 0)", "float32"),
        ("any(s > 0 and s < 1)", "any(elements(s) > 0 and elements(s) < 1)", "bool"),
        ("any(t like 'a*')", "any(elements(t) like 'a*')", "bool"),
        ("any(cl = 'dog')", "any(elements(cl) = 'dog')", "bool"),
        ("contains(cl, 'dog')", "contains(elements(cl), 'dog')", "bool"),
        ("contains(t, 'a')", "contains(elements(t), 'a')", "bool"),
        ("all(s > 0)", "all(elements(s) > 0) and count(elements(s)) = shape(s)[0]", "bool"),
        ("all_strict(s)", "all_strict(elements(s) != 0) and count(elements(s)) = shape(s)[0]", "bool"),
    ],
)
def test_what_the_engine_can_compute(expression: str, shown: str, type_: str) -> None:
    node = plan(f"select {expression} as x", SCHEMA).optimized.input
    assert isinstance(node, Project)
    assert expression_text(node.columns[0].expression) == shown
    assert node.columns[0].expression.type == Type.parse(type_)


@pytest.mark.parametrize(
    "expression",
    [
        "s + 1", "s = 1", "s in (1, 2)", "not s", "s[1:]", "abs(s)", "nonzero(s)", "count(s > 0)",
        "sum(b, 1)", "any(not s > 0)", "any(s not in (1, 2))", "any(s > q)", "all(b > 0)", "dot(s, s)",
        "data(s, 0)", "s between 0 and 1", "logical_and(s, s)", "any(t not like 'a*')",
    ],
)  # fmt: skip
def test_what_would_be_wrong_without_the_null_entries_is_refused(expression: str) -> None:
    with pytest.raises(UnsupportedError) as raised:
        plan(f"select {expression} as x", SCHEMA)
    assert "sub-query" in (raised.value.hint or "")


@pytest.mark.parametrize(
    "expression", ["q + 1", "-q", "abs(q)", "q > 1", "q in (1, 2)", "q[1:]", "not q", "q / 2"]
)
def test_element_wise_results_of_a_sequence_are_sequences(expression: str) -> None:
    assert plan(f"select {expression} as x", SCHEMA).schema.type_of("x").sequence


@pytest.mark.parametrize("expression", ["q[0]", "sum(q)", "shape(q)", "nonzero(q)", "count(q)"])
def test_other_results_of_a_sequence_are_none(expression: str) -> None:
    assert not plan(f"select {expression} as x", SCHEMA).schema.type_of("x").sequence


def test_an_entry_names_its_column_in_the_program() -> None:
    (column,) = plan("select b[k][0] as x", SCHEMA).physical["root"]["columns"]
    entry = next(i for i in column["program"]["instructions"] if i["kernel"] == "column_item")
    assert entry["name"] == "b"
    assert len(entry["args"]) == 1
    assert entry["type"] == {"element": "float32", "shape": [None, 4], "nullable": True}
