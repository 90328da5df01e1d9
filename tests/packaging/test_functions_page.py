"""What the catalogue tells people: complete, true of the planner, and the same in docs/functions.md."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from golden.schema_text import DEFAULT, parse_schema
from tql.catalogue import LANGUAGE, Function
from tql.catalogue.documentation import FAMILIES, find, markdown
from tql.planner import plan

PAGE = Path(__file__).parents[2] / "docs" / "functions.md"
SCHEMA = parse_schema(DEFAULT + ", body text @bm25")


def test_the_page_is_what_the_catalogue_says() -> None:
    if os.environ.get("TQL_GOLDEN") == "rewrite":
        PAGE.write_text(markdown(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == markdown(), "make golden writes the page anew"


@pytest.mark.parametrize("function", LANGUAGE, ids=lambda function: function.name)
def test_every_function_is_described(function: Function) -> None:
    assert function.help and function.returns and function.section in range(2, 18)
    assert function.family in FAMILIES
    assert find(function.name.upper()) is function


@pytest.mark.parametrize("function", LANGUAGE, ids=lambda function: function.name)
def test_every_example_is_a_query_that_uses_the_function(function: Function) -> None:
    assert plan(function.example, SCHEMA).text == function.example
    word = {"[]": "[", "[list]": "[", "is null": "is not null"}.get(function.name, function.name)
    assert word in function.example


def test_the_command_knows_the_same_functions(capsys: pytest.CaptureFixture[str]) -> None:
    from tql.cli.functions import run

    run(None, as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == [function.name for function in LANGUAGE]
    run("Mean", as_json=False)
    assert "avg(x[, axis])" in capsys.readouterr().out
