"""Physical plans as data: the same bytes each time, through JSON and back, nodes and registers in order."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from golden.query_cases import read_cases
from golden.schema_text import DEFAULT, Sources, parse_schema
from tql.catalogue import kernel_names
from tql.errors import ArgumentError
from tql.planner import plan
from tql.planner.physical import programs, walk
from tql.planner.rules import RULES
from tql.planner.serialize import from_json, to_json

SCHEMA = parse_schema(DEFAULT)
TESTS = Path(__file__).parents[1]
QUERIES = [case.query for path in sorted((TESTS / "rules").glob("*.test")) for case in read_cases(path)]

EVERYTHING = """
select *, i8 + 1 as a, values[1:3] as b, boxes[0, -1] as c, name like 'x*' as d, 1 / 0 as e,
  ARRAY[1.5, 2] as f, max_weight(kind in ('red', 'blue'): 2.5, true: 1) as g,
  sum(boxes, 0) as h, any(i8 > 1 or values = 3) as i
where labels != 'dog' and not (score > 0.5 or note is null) and contains(categories, 'car')
order by score desc, name limit 100 offset 5 sample by weight replace false limit 12.5 percent
"""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_same_query_gives_the_same_bytes_in_another_process(hash_seed: str) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); from golden.schema_text import DEFAULT, parse_schema;"
        "from tql.planner import plan; from tql.planner.serialize import to_json;"
        "sys.stdout.buffer.write(to_json(plan(sys.argv[1], parse_schema(DEFAULT)).physical).encode())"
    )
    command = [sys.executable, "-c", script, EVERYTHING, str(TESTS)]
    process = subprocess.run(
        command, capture_output=True, check=True, env={"PYTHONHASHSEED": hash_seed}, cwd=TESTS
    )
    assert process.stdout == to_json(plan(EVERYTHING, SCHEMA).physical).encode()


@pytest.mark.parametrize("disable", [(), tuple(rule.name for rule in RULES)], ids=["optimised", "plain"])
def test_plans_survive_json(disable: tuple[str, ...]) -> None:
    for query in [EVERYTHING, *QUERIES]:
        physical = plan(query, SCHEMA, disable=disable, sources=Sources()).physical
        assert from_json(to_json(physical)) == physical


def test_plans_are_canonical_json() -> None:
    physical = plan(EVERYTHING, SCHEMA).physical
    text = json.dumps(physical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert to_json(physical) == text
    assert "Infinity" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the text is not a plan: it is not JSON"),
        ("[1]", "the text is not a plan: it has no member 'tql_plan'"),
        ('{"tql_plan": 99}', "a plan of version 99 cannot be read, only version 1"),
    ],
)
def test_other_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        from_json(text)
    assert caught.value.message == message


def instructions(physical: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for node in walk(physical["root"]):
        for program in programs(node):
            yield from enumerate(program["instructions"])


def test_programs_are_in_single_static_assignment() -> None:
    for query in [EVERYTHING, *QUERIES]:
        physical = plan(query, SCHEMA, sources=Sources()).physical
        ids = [node["id"] for node in walk(physical["root"])]
        assert ids == list(range(len(ids)))
        for register, instruction in instructions(physical):
            assert instruction["kernel"] in kernel_names()
            assert all(0 <= arg < register for arg in instruction["args"])
            assert "class_names" not in instruction["type"]
            if instruction["args"]:
                start, end = instruction["span"]
                assert 0 <= start < end <= len(query)


def kernels(query: str) -> list[str]:
    root = plan(query, SCHEMA, sources=Sources()).physical["root"]
    return [instruction["kernel"] for instruction in root["conjuncts"][0]["instructions"]]


def test_equal_sub_expressions_share_a_register() -> None:
    found = kernels("select * where f32 * f32 > 1 or f32 * f32 < f32")
    assert found.count("multiply") == 1
    assert found.count("column") == 1


def test_random_numbers_do_not() -> None:
    assert kernels("select * where random() > random()") == ["random", "random", "greater"]


def test_zero_keeps_its_sign() -> None:
    root = plan("select 1 / 0.0 + 1 / -0.0 as x", SCHEMA, disable=["fold_constants"]).physical["root"]
    values = [i.get("value") for i in root["columns"][0]["program"]["instructions"]]
    assert [str(value) for value in values if value == 0] == ["0.0", "-0.0"]


def test_floats_that_json_lacks_go_by_name() -> None:
    root = plan("select 1 / 0 as a, -1 / 0 as b, 0 / 0 as c", SCHEMA).physical["root"]
    values = [column["program"]["instructions"][-1]["value"] for column in root["columns"]]
    assert values == ["inf", "-inf", "nan"]


def test_subscripts_say_which_bounds_are_given() -> None:
    root = plan("select boxes[0, 1:] as x, values[::i8] as y", SCHEMA).physical["root"]
    items = [column["program"]["instructions"][-1]["items"] for column in root["columns"]]
    assert items == [[{"index": True}, {"slice": [True, False, False]}], [{"slice": [False, False, True]}]]
