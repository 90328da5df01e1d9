"""The driver of the rules: it repeats, observes, records, and catches a rule that breaks the plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from golden.query_cases import read_cases
from golden.schema_text import DEFAULT, Sources, parse_schema
from tql.errors import ArgumentError, InternalError
from tql.parser import parse
from tql.planner import plan
from tql.planner import rewrite as driver
from tql.planner.binder import bind
from tql.planner.expressions import Call, Column, Computed, Constant, Expression
from tql.planner.logical import Filter, Node, Output, Project, Scan, SetOp
from tql.planner.made_sources import fresh_name
from tql.planner.rewrite import Rule, expression_rule, node_rule, optimize
from tql.planner.rules import RULES
from tql.schema import Schema
from tql.span import NOWHERE
from tql.types import BOOL, INT64

SCHEMA = parse_schema(DEFAULT)
RULE_FILES = sorted((Path(__file__).parents[1] / "rules").glob("*.test"))
QUERIES = [case.query for path in RULE_FILES for case in read_cases(path)]


def bound(query: str) -> Output:
    return bind(parse(query), query, SCHEMA, sources=Sources())


def test_fired_rules_are_recorded_with_their_time() -> None:
    fired = plan("select * where flag and i8 = 1 + 1 limit 5", SCHEMA).fired
    assert {f.rule for f in fired} >= {"fold_constants", "split_conjuncts", "stop_early_at_limit"}
    assert all(f.times >= 1 and f.seconds > 0 for f in fired)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_each_rule_can_be_left_out(path: Path) -> None:
    rule = path.stem
    for query in [case.query for case in read_cases(path)]:
        assert rule not in {f.rule for f in plan(query, SCHEMA, disable=[rule], sources=Sources()).fired}


def test_an_unknown_rule_cannot_be_left_out() -> None:
    with pytest.raises(ArgumentError) as caught:
        plan("select *", SCHEMA, disable=["top_l"])
    assert caught.value.message == "no rule is named 'top_l'"
    assert caught.value.candidates == ("top_k",)


def test_the_observer_sees_the_plan_after_each_rule() -> None:
    seen: list[tuple[str, Output]] = []
    after, _ = optimize(
        bound("select * where true limit 5"), observer=lambda rule, plan: seen.append((rule, plan))
    )
    assert [name for name, _ in seen] == ["split_conjuncts"]
    assert seen[-1][1] is after


def test_a_second_run_finds_nothing_to_do() -> None:
    for query in QUERIES:
        once, _ = optimize(bound(query))
        again, fired = optimize(once)
        assert again is once, query
        assert fired == ()


def test_every_query_settles_long_before_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_MAX_PASSES", driver._MAX_PASSES // 2)
    for query in QUERIES:
        once, _ = optimize(bound(query))
        assert optimize(once)[1] == (), query


def invent_column(node: Filter, schema: Schema) -> Node:
    return replace(node, conjuncts=(Column(BOOL, "invented"),))


def invent_computed(node: Filter, schema: Schema) -> Node:
    return replace(node, conjuncts=(Computed(BOOL, "nobody"),))


def drop_output(node: Output, schema: Schema) -> Node:
    return replace(node, columns=node.columns[:1])


def drop_project(node: Project, schema: Schema) -> Node:
    return node.input


def drop_one_side(node: SetOp, schema: Schema) -> Node:
    return replace(node, left=Scan(SCHEMA))


def lose_span(x: Call, schema: Schema) -> Expression:
    return x if x.span is NOWHERE else replace(x, span=NOWHERE)


BROKEN = [
    (node_rule(invent_column, Filter), "column 'invented' does not resolve"),
    (node_rule(invent_computed, Filter), "computed column 'nobody' does not resolve"),
    (node_rule(drop_output, Output), "the output changed"),
    (node_rule(drop_project, Project), "computed column 'x' does not resolve"),
    (node_rule(drop_one_side, SetOp), "computed column 'x' does not resolve"),
    (expression_rule(lose_span, "equal"), "a call of 'equal' lost its place in the query"),
]


@pytest.mark.parametrize(("rule", "what"), BROKEN, ids=[rule.name for rule, _ in BROKEN])
def test_a_rule_that_breaks_the_plan_is_named(rule: Rule, what: str) -> None:
    query = "(select i64 + 1 as x, name where i64 = 1) union (select i64 * 2 as x, name where flag)"
    with pytest.raises(InternalError) as caught:
        optimize(bound(query), rules=(rule,))
    assert caught.value.message == f"the optimiser rule '{rule.name}' broke the plan: {what}"


def test_a_rule_that_never_ends_is_stopped() -> None:
    def grow(node: Filter, schema: Schema) -> Node:
        return replace(node, conjuncts=(*node.conjuncts, Constant(INT64, len(node.conjuncts))))

    after, fired = optimize(bound("select * where flag"), rules=(node_rule(grow, Filter),))
    assert isinstance(after.input, Filter)
    assert fired[0].times < 100


def test_rules_tell_what_they_do() -> None:
    for rule in RULES:
        assert rule.help.endswith("."), rule.name
        assert "->" in (rule.function.__doc__ or ""), rule.name


def test_names_that_are_taken_get_the_next_number() -> None:
    used: set[str] = set()
    assert [fresh_name("x", used) for _ in range(40)] == ["x", *(f"x:{number}" for number in range(2, 41))]
    assert fresh_name("x:3", used) == "x:3:2"
    assert len(used) == 41
