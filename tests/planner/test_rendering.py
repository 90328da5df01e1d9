"""Explain: with measurements, as JSON, and expressions as TQL that means the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from golden.schema_text import DEFAULT, parse_schema
from tql.byte_size import byte_text
from tql.errors import ArgumentError
from tql.planner import explain, plan
from tql.planner.rendering.expression_text import expression_text
from tql.planner.rendering.text import duration

SCHEMA = parse_schema(DEFAULT)


def statistics(*rows: int) -> list[dict[str, int]]:
    return [
        {
            "id": id_,
            "rows_in": count,
            "rows_out": count,
            "nanoseconds": 1_250_000 * (id_ + 1),
            "bytes_read": 4096 * id_,
            "partitions_read": id_,
            "peak_bytes": 5000 * id_,
        }
        for id_, count in enumerate(rows)
    ]


def test_measurements_stand_beside_the_estimates() -> None:
    planned = plan("select i8 where flag and i64 = 3 limit 10", SCHEMA)
    assert explain(planned, statistics(10, 60_000)).split("\n") == [
        "                               rows   estimated     time     read   partitions   memory",
        "filter, stop after 10 rows       10          10   1.2 ms",
        "│    flag",
        "│    i64 = 3",
        "└─ scan                      60,000      60,000   2.5 ms   4.1 kB            1   5.0 kB",
        "",
        "peak memory: 5.0 kB",
        "output: i8 int8",
        "zone maps: flag, i64 = 3",
        "rules: split_conjuncts, stop_early_at_limit",
    ]


def test_what_a_filter_measured_stands_under_it() -> None:
    planned = plan("select i8 where flag and i64 = 3", SCHEMA)
    measured: list[dict[str, Any]] = [*statistics(10, 60_000)]
    measured[0]["conjuncts"] = [
        {"place": 1, "rows_in": 40, "rows_out": 10, "nanoseconds": 500},
        {"place": 0, "rows_in": 60_000, "rows_out": 40, "nanoseconds": 2_000},
    ]
    measured[0]["zones"] = {"read": 3, "skipped": 1200, "accepted": 1}
    assert explain(planned, measured).split("\n")[1:6] == [
        "filter             10       3,000   1.2 ms",
        "│    i64 = 3       40               2.0 us",
        "│    flag          10               500 ns",
        "│    zone maps: blocks of rows 3 read, 1,200 skipped, 1 accepted whole",
        "└─ scan        60,000      60,000   2.5 ms   4.1 kB            1   5.0 kB",
    ]


def test_json_holds_the_tree_the_rules_and_the_measurements() -> None:
    planned = plan("select i8 where flag limit 10", SCHEMA)
    data = json.loads(explain(planned, statistics(10, 500), format="json"))
    assert data["query"] == planned.text
    assert data["output"] == [{"name": "i8", "type": {"element": "int8", "shape": []}}]
    assert data["order_chosen"] is False
    assert [rule["name"] for rule in data["rules"]] == ["stop_early_at_limit"]
    root = data["plan"]
    assert root["operator"] == "filter, stop after 10 rows"
    assert (root["expressions"], root["reads"]) == (["flag"], ["flag"])
    assert root["estimate"] == {"share": 0.5, "most": 10}
    assert root["measured"]["rows_out"] == 10
    assert root["inputs"][0]["operator"] == "scan"


def test_another_format_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        explain(plan("select *", SCHEMA), format="yaml")
    assert caught.value.message == "explain knows the formats text and json, not 'yaml'"


@pytest.mark.parametrize(
    "text",
    [
        "flag or i8 = 1 and not flag",
        "(flag or i8 = 1) and flag",
        "not (flag and i8 = 1)",
        "(i8 > 0) = flag",
        "i8 - (i8 - 1) = 0",
        "i8 * (i8 + 1) / 2 > 3",
        "(i8 + 1) % 3 = 1",
        "-(i8 + 1) < -3",
        "-values[0] < 3",
        "(values + values)[0] > 1",
        "(score > 1) is null",
        "score + 1 is null",
        "name like 'a''b*'",
        "not name ilike '?b'",
        "i8 in (1, 2, 3)",
        "(i8 in (1, 2)) = flag",
        "kind in ('red', 'blue')",
        "any(boxes[:, 1:3] > 2.5, 1)[0]",
        "values[::-1][0] = 1",
        "values[nonzero(values)][0] = 1",
        "contains(categories, 'car')",
        "max_weight(flag: 1, i8 = 1: 2.5) > 1",
        "all(fixed = ARRAY[1, 2, 3])",
        "labels = 'dog'",
    ],
)
def test_expressions_read_back_to_the_same_plan(text: str) -> None:
    off = ["fold_constants", "narrow_constants"]  # they change types, which TQL cannot spell
    first = plan(f"select * where {text}", SCHEMA, disable=off).logical.input
    shown = expression_text(first.expressions[0])
    for conversion in ("int64(", "int32(", "float64("):
        shown = shown.replace(conversion, "(")
    assert plan(f"select * where {shown}", SCHEMA, disable=off).logical.input == first


def test_long_lists_are_cut() -> None:
    planned = plan(f"select i8 where i64 in ({', '.join(map(str, range(50)))})", SCHEMA)
    assert "i64 in (0, 1, 2, 3, 4, 5, 6, 7, ... 50 in all)" in explain(planned)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0 ns"), (999, "999 ns"), (1_500, "1.5 us"), (2_000_000, "2.0 ms"), (3_200_000_000, "3.2 s")],
)
def test_durations(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12 B"), (1_500, "1.5 kB"), (2_000_000, "2.0 MB"), (3_200_000_000, "3.2 GB")]
)
def test_sizes(number: int, text: str) -> None:
    assert byte_text(number) == text
