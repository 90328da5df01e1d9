"""Estimates: only their order and their bounds matter."""

from __future__ import annotations

import pytest

from golden.schema_text import DEFAULT, parse_schema
from tql.planner import plan
from tql.planner.cost import cost, estimate, selectivity
from tql.planner.expressions import Expression
from tql.schema import Field, Schema

SCHEMA = parse_schema(DEFAULT)


def condition(where: str, schema: Schema = SCHEMA) -> Expression:
    return plan(f"select * where {where}", schema, disable=["split_conjuncts"]).optimized.input.expressions[0]


def test_cheap_before_ragged_before_text_lists_before_decoded() -> None:
    conditions = ["f32 > 1", "any(values > 1)", "contains(categories, 'a')", "any(images > 250)"]
    costs = [cost(condition(text), SCHEMA) for text in conditions]
    assert costs == sorted(set(costs))
    assert cost(condition("shape(boxes)[0] > 2"), SCHEMA) < cost(condition("any(boxes > 1)"), SCHEMA)


def test_the_storage_decides_what_a_read_costs() -> None:
    type_ = SCHEMA.type_of("fixed")
    plain, packed, large = (
        Schema([field])
        for field in (
            Field("v", type_),
            Field("v", type_, encoding="lz4"),
            Field("v", type_, row_bytes=99_999),
        )
    )
    costs = [cost(condition("any(v > 1)", schema), schema) for schema in (plain, packed, large)]
    assert costs[0] < costs[1]
    assert costs[0] < costs[2]


def test_selectivity_is_a_share() -> None:
    for where in (
        "i8 = 1", "not i8 = 1", "kind in ('red', 'green', 'blue', 1)", "flag", "i8 > 1 or flag",
        "any(values = 1)", "flag and f32 < 1", "all(values = 1)", "note is null", "name like 'a*'",
        "random() > 5",
    ):  # fmt: skip
        assert 0.0 <= selectivity(condition(where)) <= 1.0


def test_selectivity_orders() -> None:
    shares = [selectivity(condition(where)) for where in ("i8 = 1", "i8 > 1", "i8 != 1")]
    assert shares == sorted(set(shares))
    assert selectivity(condition("flag and i8 = 1")) < selectivity(condition("i8 = 1"))
    assert selectivity(condition("flag or i8 = 1")) > selectivity(condition("flag"))


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select *", 1000),
        ("select * where flag", 500),
        ("select * where flag limit 10", 10),
        ("select * limit 10 percent", 100),
        ("select * order by i8 limit 7", 7),
        ("(select * limit 5) union all (select * limit 6)", 11),
        ("(select * limit 5) intersect (select * limit 6)", 5),
        ("(select * limit 5) except (select * where flag)", 5),
        ("select * sample by 1 limit 40", 40),
        ("select * sample by 1 limit 150 percent", 1500),
    ],
)
def test_estimated_rows(query: str, rows: int) -> None:
    assert estimate(plan(query, SCHEMA).optimized.input).rows(1000) == rows
