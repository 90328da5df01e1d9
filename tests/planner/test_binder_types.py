"""Bound expressions and clauses: promotion, shapes, NULL, class names, what becomes of each clause."""

from __future__ import annotations

import numpy as np
import pytest

from golden.schema_text import DEFAULT, parse_schema
from tql.planner import plan, plan_weights
from tql.planner.expressions import Call, Column, Constant, walk
from tql.planner.logical import Filter, Limit, Project, Sample
from tql.types import Type

SCHEMA = parse_schema(DEFAULT)


def type_of(expression: str) -> Type:
    return plan(f"select {expression} as x", SCHEMA).schema.type_of("x")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("i8 + i8", "int8"),
        ("i8 + 1", "int64"),
        ("i8 + u8", "int16"),
        ("i64 + u64", "float64"),
        ("u8 + u64", "uint64"),
        ("flag + flag", "int64"),
        ("flag + i8", "int8"),
        ("i8 * f32", "float32"),
        ("i32 * f32", "float64"),
        ("f32 + 1.5", "float64"),
        ("f32 / f32", "float32"),
        ("i8 / i8", "float64"),
        ("i8 % 3", "int64"),
        ("f32 % 2.0", "float64"),
        ("-i8", "int8"),
        ("-u8", "int64"),
        ("-u64", "float64"),
        ("-flag", "int64"),
        ("9223372036854775807", "int64"),
        ("9223372036854775808", "uint64"),
        ("-9223372036854775808", "int64"),
        ("-9223372036854775809", "float64"),
        ("1e3", "float64"),
        ("'a'", "text"),
        ("true", "bool"),
        ("ARRAY[1, 2]", "int64[2]"),
        ("ARRAY[1, 2.5]", "float64[2]"),
        ("ARRAY[true, false]", "bool[2]"),
        ("ARRAY['a', 'b']", "text[2]"),
        ("ARRAY[ARRAY[1, 2, 3], ARRAY[4, 5, 6]]", "int64[2,3]"),
        ("ARRAY[1, 18446744073709551615]", "uint64[2]"),
    ],
)
def test_arithmetic_and_literals(expression: str, expected: str) -> None:
    assert str(type_of(expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("fixed + 1", "int64[3]"),
        ("values + fixed", "int32[3]"),
        ("values + values", "int32[]"),
        ("boxes * ARRAY[1, 2, 3, 4]", "float64[,4]"),
        ("boxes[0] + ARRAY[1.5, 2, 3, 4]", "float64[4]?"),
        ("fixed + ARRAY[1, 2]", "int64[...]"),
        ("any_rank + 1", "int64[...]"),
        ("one + fixed", "float32[3]"),
        ("fixed > 1 and flag", "bool[3]"),
        ("not fixed", "bool[3]"),
        ("fixed in (1, 2)", "bool[3]"),
        ("categories like 'a*'", "bool[]"),
        ("values between 1 and 3", "bool[]"),
    ],
)
def test_broadcasting(expression: str, expected: str) -> None:
    assert str(type_of(expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("values[0]", "int32?"),
        ("fixed[0]", "int16"),
        ("fixed[-3]", "int16"),
        ("fixed[3]", "int16?"),
        ("fixed[i8]", "int16?"),
        ("fixed[1:]", "int16[2]"),
        ("fixed[::-1]", "int16[3]"),
        ("fixed[5:]", "int16[0]"),
        ("fixed[i8:]", "int16[]"),
        ("boxes[0]", "float32[4]?"),
        ("boxes[:, 2]", "float32[]"),
        ("boxes[0][2]", "float32?"),
        ("images[:, :, 0]", "uint8[28,28]"),
        ("any_rank[0, 1]", "int32[...]?"),
        ("shape(boxes)", "int64[2]"),
        ("shape(boxes)[0]", "int64"),
        ("shape(any_rank)", "int64[]"),
        ("shape(name)", "int64[0]"),
        ("nonzero(values)", "int64[]"),
        ("values[nonzero(values)]", "int32[]?"),
    ],
)
def test_subscripts_and_shapes(expression: str, expected: str) -> None:
    assert str(type_of(expression)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("any(values > 1)", "bool"),
        ("any(boxes > 1, 1)", "bool[]"),
        ("all(boxes > 1, -1)", "bool[]"),
        ("all_strict(values)", "bool"),
        ("sum(fixed)", "int16"),
        ("sum(fixed > 1)", "int64"),
        ("sum(boxes, 0)", "float32[4]"),
        ("avg(values)", "float64?"),
        ("mean(fixed)", "float64"),
        ("amax(values)", "int32?"),
        ("min(fixed)", "int16"),
        ("count(values)", "int64"),
        ("abs(i8)", "int8"),
        ("abs(flag)", "int64"),
        ("sqrt(f32)", "float32"),
        ("sqrt(f16)", "float64"),
        ("sqrt(i8)", "float64"),
        ("l2_norm(embedding)", "float64"),
        ("dot(embedding, ARRAY[1, 2, 3, 4, 5, 6, 7, 8])", "float32"),
        ("dot(fixed, ARRAY[1.5, 2, 3])", "float64"),
        ("dot(fixed, fixed)", "int16"),
        ("cosine_similarity(embedding, embedding)", "float64"),
        ("hamming_distance(fixed, fixed)", "int64"),
        ("logical_and(fixed > 1, flag)", "bool[3]"),
        ("logical_or(values > 1, values > 2)", "bool[...]"),
        ("contains(values, 3)", "bool"),
        ("contains(note, 'a')", "bool"),
        ("equals(i8, u8)", "bool"),
        ("row_number()", "int64"),
        ("random()", "int32"),
        ("max_weight(flag: 1, true: 2)", "float64"),
    ],
)
def test_functions(expression: str, expected: str) -> None:
    assert str(type_of(expression)) == expected


@pytest.mark.parametrize(
    ("expression", "nullable"),
    [
        ("score > 1", True),
        ("score + 1", True),
        ("note = 'a'", True),
        ("note like 'a'", True),
        ("score > 1 and flag", False),
        ("not (score > 1)", False),
        ("score in (1, 2)", False),
        ("score between 1 and 2", False),
        ("score is null", False),
        ("any(score > 1)", False),
        ("f32 > 1", False),
    ],
)
def test_null_is_two_valued_in_logic(expression: str, nullable: bool) -> None:
    assert type_of(expression).nullable is nullable


def conjunct(where: str, *params: object) -> Call:
    node = plan(f"select * where {where}", SCHEMA, params=params).logical.input
    assert isinstance(node, Filter)
    (condition,) = node.conjuncts
    assert isinstance(condition, Call)
    return condition


def constants(where: str) -> list[object]:
    return [x.value for x in walk(conjunct(where)) if isinstance(x, Constant)]


def test_class_names_become_indices_on_both_sides() -> None:
    assert constants("kind = 'blue'") == [2]
    assert constants("'green' < kind") == [1]
    assert constants("contains(tags, 'new')") == [1]
    assert constants("any(tags = 'old')") == [0]
    assert conjunct("kind in ('red', 'blue', 1)").option("values") == (0, 2, 1)
    assert constants("kind between 'red' and 'green'") == [0, 1]
    assert constants("tags[0] = 'new'") == [0, 1]


def test_a_parameter_may_be_a_class_name_or_a_list() -> None:
    blue = Constant(Type("uint32", (), class_names=("red", "green", "blue")), 2)
    assert conjunct("kind = ?", "blue").operands[1] == blue
    assert conjunct("i32 in (?, 9)", [1, 2]).option("values") == (1, 2, 9)
    assert conjunct("i32 in (?)", np.array([3, 4])).option("values") == (3, 4)
    assert conjunct("i32 in (?)", []).option("values") == ()


def test_values_of_in_are_of_the_columns_kind() -> None:
    assert conjunct("i8 in (1, 2.0, 2.5, 1000)").option("values") == (1, 2)
    assert conjunct("f32 in (0.5, 0.1, 2)").option("values") == (0.5, 2.0)
    assert conjunct("flag in (1, 0, 7)").option("values") == (True, False)
    assert conjunct("u64 in (-1, 18446744073709551615)").option("values") == (2**64 - 1,)


def test_a_float_that_equals_several_integers_stays_a_comparison() -> None:
    condition = conjunct("i64 in (1, 1e17)")
    assert condition.kernel == "or"
    assert [x.option("values") for x in walk(condition) if isinstance(x, Call) and x.kernel == "in_set"] == [
        (1,)
    ]


@pytest.mark.parametrize("where", ["i64 = u64", "u64 > i64"])
def test_int64_compares_with_uint64_without_conversion(where: str) -> None:
    assert all(isinstance(operand, Column) for operand in conjunct(where).operands)


def test_conditions_are_one_bool_per_row() -> None:
    assert conjunct("labels = 'cat'").kernel == "truth"
    assert conjunct("i8").kernel == "truth"
    assert conjunct("tags = 'new'").kernel == "truth"  # any length: the engine looks at each row
    assert conjunct("i8 = 1").kernel == "equal"


def test_a_long_chain_of_or_is_planned() -> None:
    planned = plan("select * where " + " or ".join(f"i64 = {i}" for i in range(2000)), SCHEMA)
    (condition,) = planned.optimized.input.expressions
    assert isinstance(condition, Call)
    assert len(condition.option("values")) == 2000


def test_limits_take_constant_arithmetic_and_truncate() -> None:
    node = plan("select * limit 2 * 5 - 1 offset 7 / 2", SCHEMA).logical.input
    assert isinstance(node, Limit)
    assert (node.offset, node.count) == (3, 9)


def test_a_percentage_counts_the_rows_behind_the_offset() -> None:
    node = plan("select * limit 12.5 percent offset 4", SCHEMA).logical.input
    assert isinstance(node, Limit)
    assert isinstance(node.input, Limit)
    assert (node.percent, node.offset, node.input.offset) == (12.5, 0, 4)


def test_samples() -> None:
    node = plan("select * sample by score replace false limit 10", SCHEMA).logical.input
    assert isinstance(node, Sample)
    assert (node.replace, node.count, node.percent) == (False, 10, None)
    assert node.weight.type == Type("float64", (), nullable=True)
    node = plan("select * sample by i8 limit 150 percent", SCHEMA).logical.input
    assert isinstance(node, Sample)
    assert (node.replace, node.count, node.percent) == (True, None, 150)


def test_a_selection_of_columns_computes_nothing() -> None:
    planned = plan("select name as title, labels from (select *, i8 + 1 as x)", SCHEMA)
    assert planned.optimized.input == plan("select *", SCHEMA).logical.input
    assert planned.physical["output"] == [
        {"name": "title", "from": "source", "column": "name"},
        {"name": "labels", "from": "source"},
    ]


def test_an_item_replaces_the_column_of_the_star() -> None:
    assert list(plan("select *, i8 + 1 as kind", parse_schema("kind int8, i8 int8")).schema) == ["i8", "kind"]


def test_what_is_known_of_a_source_column_stays_known() -> None:
    field = plan("select images as pictures", SCHEMA).schema["pictures"]
    assert (field.name, field.encoding, field.type) == ("pictures", "jpeg", SCHEMA.type_of("images"))


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("select *", False),
        ("select * order by i8", True),
        ("select * order by 1", True),
        ("select * order by i8 limit 5", True),
        ("select * order by i8 sample by weight", False),
        ("select * from (select * order by i8) where flag", True),
        ("select * from (select * order by i8 sample by weight) where flag", False),
        ("select * from (select * sample by weight) order by i8", True),
        ("(select * order by i8) union (select *)", True),
        ("(select *) except (select * order by i8)", False),
        ("(select * order by i8 limit 5) intersect (select *)", True),
    ],
)
def test_order_chosen(query: str, chosen: bool) -> None:
    planned = plan(query, SCHEMA)
    assert planned.order_chosen is chosen
    assert planned.physical["order_chosen"] is chosen


def test_a_random_column_is_drawn_once_where_the_order_looks_at_it() -> None:
    root = plan("select *, random() as r order by r", SCHEMA).physical["root"]
    assert (root["op"], root["input"]["op"]) == ("sort", "project")


def test_a_computed_column_is_computed_for_the_answer_only() -> None:
    root = plan("select *, dot(embedding, embedding) as d order by d limit 3", SCHEMA).physical["root"]
    assert (root["op"], root["input"]["op"], root["input"]["fetch"]) == ("project", "sort", 3)


def test_operands_of_a_set_operation_share_the_ids_of_their_columns() -> None:
    root = plan("(select i8 + 1 as x) union (select i8 + 2 as x)", SCHEMA).physical["root"]
    assert [side["columns"][0]["id"] for side in (root["left"], root["right"])] == ["x", "x"]


def test_weights_are_one_computed_column() -> None:
    planned = plan_weights("labels = 'dog'", SCHEMA)
    assert isinstance(planned.logical.input, Project)
    assert planned.physical["output"] == [{"name": "weight", "from": "computed", "column": "weight"}]
    assert planned.schema.type_of("weight") == Type("float64")


@pytest.mark.parametrize(
    ("query", "operators"),
    [
        ("select * order by row_number() desc", ["sort", "scan"]),
        ("select * where row_number() < 9", ["filter", "scan"]),
        ("select * sample by row_number()", ["sample", "scan"]),
        ("select * where flag order by row_number() desc", ["sort", "filter", "project", "scan"]),
        ("select * order by i8 limit 5 sample by row_number()", ["sample", "sort", "project", "scan"]),
        ("select row_number() as n where flag", ["project", "filter", "scan"]),
    ],
)
def test_row_numbers_of_clauses_count_the_rows_of_the_source(query: str, operators: list[str]) -> None:
    node = plan(query, SCHEMA).physical["root"]
    found = [node["op"]]
    while "input" in node:
        node = node["input"]
        found.append(node["op"])
    assert found == operators
