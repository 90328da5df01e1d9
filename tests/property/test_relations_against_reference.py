"""Generated joins, groups, windows, unions of two datasets: the engine says what the reference says."""

from __future__ import annotations

from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from agreement import ask, differences
from property.generated_relations import (
    LEFT,
    RIGHT,
    expanded_statements,
    grouped_statements,
    joined_statements,
    ungrouped_statements,
    united_statements,
)
from property.generated_tables import tables
from property.test_against_reference import golden_case
from reference import Table, evaluate
from tql import ast
from tql.errors import TQLError
from tql.parser import parse
from tql.planner.rules import RULES
from tql.printer import to_text

Question = tuple[dict[str, Table], ast.Statement]


@st.composite
def asked_of_one(draw: st.DrawFn) -> Question:
    """A table and a query over it that makes rows."""
    table = draw(tables(max_rows=7))
    kind = draw(st.sampled_from([grouped_statements, ungrouped_statements, expanded_statements]))
    return {"": table}, draw(kind(table))


@st.composite
def asked_of_two(draw: st.DrawFn) -> Question:
    """Two tables and a query over both."""
    left, right = draw(tables(max_rows=5)), draw(tables(max_rows=5, prefix="d"))
    kind = draw(st.sampled_from([joined_statements, joined_statements, united_statements]))
    return {LEFT: left, RIGHT: right}, draw(kind(left, right))


QUESTIONS = st.one_of(asked_of_one(), asked_of_two())
WAYS = st.fixed_dictionaries(
    {
        "partition_rows": st.sampled_from([1, 3, 1_000_000]),
        "threads": st.sampled_from([1, 2]),
        "through_json": st.booleans(),
    }
)


@given(asked_of_one())
def test_rows_made_of_one_dataset(question: Question) -> None:
    agree(question)


@given(asked_of_two())
def test_rows_made_of_two_datasets(question: Question) -> None:
    agree(question)


@given(QUESTIONS, WAYS)
def test_how_it_is_run_does_not_matter(question: Question, ways: dict[str, Any]) -> None:
    agree(question, **ways)


@given(QUESTIONS, st.data())
def test_the_optimiser_does_not_matter(question: Question, data: st.DataObject) -> None:
    names = [rule.name for rule in RULES]
    agree(question, disable=data.draw(st.sampled_from([*[(name,) for name in names], tuple(names)])))


@given(QUESTIONS)
def test_what_is_printed_reads_back(question: Question) -> None:
    assert parse(to_text(question[1])) == question[1]


def agree(question: Question, **ways: Any) -> None:
    """The engine's answer is the reference's."""
    named, statement = question
    text, bound = to_text(statement), named.get("")
    try:
        expected = evaluate(statement, bound, sources=named)
    except TQLError as error:
        expected = error.category
    wrong = differences(expected, ask(text, bound, sources=named, **ways))
    if wrong:
        for table in named.values():
            note(golden_case(text, table, expected))
    assert not wrong, "\n".join([text, *wrong])
