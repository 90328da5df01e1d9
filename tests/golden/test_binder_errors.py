"""Every message of the binder, whole. After a change: TQL_GOLDEN=rewrite, then read the diff as prose."""

from __future__ import annotations

from pathlib import Path

from golden.query_cases import QueryCase, check_file, read_cases
from tql.errors import TQLError
from tql.planner import plan, plan_weights

FILE = Path(__file__).parent / "errors" / "binder.test"


def test_messages_read_as_recorded() -> None:
    check_file(FILE, _message)


def test_there_are_cases() -> None:
    assert sum(1 for _ in read_cases(FILE)) >= 60


def _message(case: QueryCase) -> str:
    try:
        if "weights" in case.options:
            plan_weights(case.query, case.schema)
        else:
            plan(case.query, case.schema, params=case.params)
    except TQLError as error:
        return f"{type(error).__name__}: {error}"
    return "(no error)"
