"""Every message of the binder, whole. After a change: TQL_GOLDEN=rewrite, then read the diff as prose."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.query_cases import QueryCase, check_file, read_cases
from golden.schema_text import Sources
from tql.errors import TQLError
from tql.planner import plan, plan_weights

FOLDER = Path(__file__).parent / "errors"
FILES = {"binder.test": 90, "expressions.test": 40, "relations.test": 50}


@pytest.mark.parametrize("name", FILES)
def test_messages_read_as_recorded(name: str) -> None:
    check_file(FOLDER / name, _message)


@pytest.mark.parametrize(("name", "least"), FILES.items())
def test_there_are_cases(name: str, least: int) -> None:
    assert sum(1 for _ in read_cases(FOLDER / name)) >= least


def _message(case: QueryCase) -> str:
    try:
        if "weights" in case.options:
            plan_weights(case.query, case.schema)
        else:
            plan(case.query, case.schema, params=case.params, sources=Sources())
    except TQLError as error:
        return f"{type(error).__name__}: {error}"
    return "(no error)"
