"""The printer: its text parses back to the same tree, with as few parentheses and quotes as that takes."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from language.query_strategies import expressions, statements
from tql import ast
from tql.keywords import RESERVED
from tql.parser import parse, parse_expression
from tql.printer import quote_name, to_text

_TOKEN = re.compile(r"'[^']*(?:''[^']*)*'|\"[^\"]*\"|[0-9.]+e[+-][0-9]+|[\w.]+|[<>!=]+|\s+|.", re.DOTALL)

small = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def reformat(text: str, randomness: random.Random) -> str:
    """The same query with other white space, comments and case of keywords."""
    blanks = [" ", "\n", "\t ", " -- it's a comment\n", '\r\n# another "one\n']
    pieces = []
    for piece in _TOKEN.findall(text):
        if piece.isspace():
            pieces.append(randomness.choice(blanks))
        else:
            pieces.append(piece.upper() if piece in RESERVED and randomness.random() < 0.5 else piece)
            if not re.match(r"[\w.]", piece):
                pieces.append(randomness.choice(["", "", *blanks]))
    return "".join(pieces)


@small
@given(expressions())
def test_expressions_survive_printing(expression: ast.Expr) -> None:
    assert parse_expression(to_text(expression)) == expression


@small
@given(statements())
def test_statements_survive_printing(statement: ast.Statement) -> None:
    assert parse(to_text(statement)) == statement


@small
@given(statements(), st.randoms(use_true_random=False))
def test_white_space_comments_and_case_mean_nothing(
    statement: ast.Statement, randomness: random.Random
) -> None:
    assert parse(reformat(to_text(statement), randomness)) == statement


@small
@given(statements())
def test_printing_is_canonical(statement: ast.Statement) -> None:
    text = to_text(statement)
    assert to_text(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "a or b and not c = d",
        "(a or b) and c",
        "not (a and b)",
        "not a in (1, 2)",
        "(not a) in (1, 2)",
        "(a = b) = c",
        "a > 0 = b",
        "(a = 1) > 0",
        "(x > 0) is null",
        "x > y is null",
        "a - (b - c) - d",
        "(a + b) * c / -d",
        "- -x",
        "-(-x)[0]",
        "(-x)[0]",
        "-v[0]",
        "(a between 1 and 2) between 3 and 4",
        "a between 1 and 2 and b",
        "a between (1 or 2) and 3",
        "a or b or c or d or e",
        "a or (b or c)",
        "(a or b) or c or d",
        "(a or b or c) or d or e",
        "v[1:][:2][::-1, 0, :][k]",
        "max_weight(label = 5: 10, true: 1)",
        "array[1, -2.5, array[true, 'it''s', ?]]",
        '"select" = 1 and "my-col" > 1 and t."group/tensor" = time',
        "1e+22 + 5.0 - 0.1",
        "(a not like 'x*') = b is not null",
    ],
)
def test_these_expressions_are_printed_as_they_stand(text: str) -> None:
    assert to_text(parse_expression(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("SELECT * ;", "select *"),
        ("select a , b, from t", "select a, b from t"),
        ("(((select a)))", "select a"),
        ("((select a) union (select b)) union select c", "select a union select b union select c"),
        ("select a union (select b union select c)", "select a union (select b union select c)"),
        ("(select a limit 1) union (select b)", "(select a limit 1) union select b"),
        ("(select a limit 1) limit 2", "(select a limit 1) limit 2"),
        ("((select a limit 1))", "select a limit 1"),
        ("select a <> b x", "select a != b as x"),
        ('select "a", "b c" "d"', 'select a, "b c" as d'),
        ("select a where b == 007", "select a where b = 7"),
        ("select a where b in array[1, -2]", "select a where b in (1, -2)"),
        ("select a from t inner join u on x", "select a from t join u on x"),
        ("select a from t full outer join u using (x)", "select a from t full join u using (x)"),
        ("select a from t outer join u on x", "select a from t full join u on x"),
        ("select a expand by 1, 1 overlap true", "select a expand by 1"),
        ("select a group by b across time order by c asc", "select a group by b order by c"),
        ("select a sample by 1 replace", "select a sample by 1"),
        ("select a sample by 1 replace true limit 5 percent", "select a sample by 1 limit 5 percent"),
        ("select a limit all offset 3", "select a offset 3"),
        ("select a where ((((b))))", "select a where b"),
        ("select COUNT(*) as n, All(x) y", "select count(*) as n, all(x) as y"),
    ],
)
def test_what_means_the_same_is_printed_the_same(text: str, canonical: str) -> None:
    assert to_text(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize("name", ["", 'a"b', "a\nb"])
def test_a_name_that_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a query can be"):
        quote_name(name)


@pytest.mark.parametrize("value", [-1, float("inf"), float("nan")])
def test_a_number_that_cannot_be_written_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="no literal of a query can be"):
        to_text(ast.Literal(value))
