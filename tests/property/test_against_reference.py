"""Generated queries over generated tables: the engine must say what the reference engine says.

`HYPOTHESIS_PROFILE=fuzz` searches for long. A failure prints the query and, for a golden file, its table and
the case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume, given, note
from hypothesis import strategies as st

from agreement import Answer, ask, ask_views, differences
from property.generated_queries import mistaken_statements, nested_statements, statements
from property.generated_tables import tables
from reference import ReferenceResult, Table, Value, evaluate
from tql import ast
from tql.errors import TQLError
from tql.parser import parse
from tql.planner.rules import RULES
from tql.printer import to_text


@st.composite
def asked(draw: st.DrawFn) -> tuple[Table, ast.Statement]:
    """A table and a query over it."""
    table = draw(tables())
    return table, draw(statements(table))


@st.composite
def asked_in_two(draw: st.DrawFn) -> tuple[Table, ast.Statement]:
    """A table with rows, and a query over a sub-query over it."""
    table = draw(tables(min_rows=1))
    texts = [table.cells[name] for name, type_ in table.columns.items() if type_.element == "text"]
    for cells in texts:  # a list without any text does not say that it could hold one
        assume(any(isinstance(cell, np.ndarray) and cell.size > 0 for cell in cells))
    return table, draw(nested_statements(table))


@st.composite
def asked_wrongly(draw: st.DrawFn) -> tuple[Table, ast.Statement]:
    """A table, perhaps empty, and a query over it with a mistake."""
    table = draw(tables())
    return table, draw(mistaken_statements(table))


@given(asked())
def test_the_answer_is_the_reference_answer(question: tuple[Table, ast.Statement]) -> None:
    table, statement = question
    text = to_text(statement)
    agree(text, table, reference(statement, table), ask(text, table))


@given(asked(), st.sampled_from([1, 3, 7]), st.sampled_from([1, 2]), st.booleans())
def test_how_it_is_run_does_not_matter(
    question: tuple[Table, ast.Statement], partition_rows: int, threads: int, through_json: bool
) -> None:
    table, statement = question
    text = to_text(statement)
    ways: dict[str, Any] = {"partition_rows": partition_rows, "through_json": through_json}
    agree(text, table, reference(statement, table), ask(text, table, threads=threads, **ways))


@given(asked(), st.data())
def test_the_optimiser_does_not_matter(question: tuple[Table, ast.Statement], data: st.DataObject) -> None:
    table, statement = question
    text = to_text(statement)
    names = [rule.name for rule in RULES]
    disable = data.draw(st.sampled_from([*[(name,) for name in names], tuple(names)]))
    agree(text, table, reference(statement, table), ask(text, table, disable=disable))


@given(asked_in_two())
def test_a_query_of_a_view_is_a_query_of_a_sub_query(question: tuple[Table, ast.Statement]) -> None:
    table, statement = question
    assert isinstance(statement.body, ast.Select)
    assert isinstance(statement.body.source, ast.SubQuery)
    # A view computes all its columns, also one that fails and that the outer query never looks at.
    assume(not isinstance(reference(statement.body.source.statement, table), str))
    inner = to_text(statement.body.source.statement)
    outer = to_text(replace(statement, body=replace(statement.body, source=None)))
    agree(to_text(statement), table, reference(statement, table), ask_views([inner, outer], table))


@given(asked_wrongly())
def test_a_mistake_is_the_same_mistake(question: tuple[Table, ast.Statement]) -> None:
    table, statement = question
    text = to_text(statement)
    expected = reference(statement, table)
    assert isinstance(expected, str)
    agree(text, table, expected, ask(text, table))


@given(asked())
def test_what_is_printed_reads_back(question: tuple[Table, ast.Statement]) -> None:
    statement = question[1]
    assert parse(to_text(statement)) == statement


def reference(statement: ast.Statement, table: Table) -> ReferenceResult | str:
    """The reference's result, or the category of its error."""
    try:
        return evaluate(statement, table)
    except TQLError as error:
        return error.category


def agree(text: str, table: Table, expected: ReferenceResult | str, found: Answer) -> None:
    wrong = differences(expected, found)
    if wrong:
        note(golden_case(text, table, expected))
    assert not wrong, "\n".join([text, *wrong])


def golden_case(text: str, table: Table, expected: ReferenceResult | str) -> str:
    """The question as a table of tests/golden/tables.py and a case of tests/golden/results/."""
    lines = ['    "found": Table(', "        {"]
    for name, type_ in table.columns.items():
        values = [plain(cell) for cell in table.cells[name]]
        lines.append(f'            "{name}": ({type_!r}, {values}),')
    lines += ["        }", "    ),", "", "=== found by the property tests", "table: found", text, "---"]
    if isinstance(expected, str):
        return "\n".join([*lines, f"error: {expected}"])
    lines.append(f"rows: {expected.rows}")
    for name, values in expected.columns.items():
        if name not in table.columns:
            lines.append(f"column {name}: {[plain(value) for value in values]}")
    return "\n".join(lines)


def plain(value: Value) -> Any:
    """A value as Python writes it."""
    return value.tolist() if isinstance(value, np.ndarray) else value
