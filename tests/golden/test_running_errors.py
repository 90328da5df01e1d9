"""What a query that fails while it runs says, whole; and that the goldens have every category of mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agreement import in_memory
from golden.host_functions import FUNCTIONS
from golden.query_cases import QueryCase, check_file, read_cases
from golden.tables import TABLES
from tql import errors
from tql.errors import TQLError
from tql.registered import register_function, unregister_function

ERRORS = Path(__file__).parent / "errors"
FILE = ERRORS / "running.test"

CATEGORIES = {
    "syntax", "unsupported", "unknown_column", "unknown_alias", "unknown_function", "source_not_found",
    "ambiguous_column", "duplicate_column", "alias_required", "arity", "type", "shape", "value",
    "columns_mismatch", "parameters", "runtime", "udf",
}  # fmt: skip


@pytest.fixture(autouse=True)
def host_functions() -> Iterator[None]:
    for name, function in FUNCTIONS.items():
        register_function(name, function.call, function.type)
    yield
    for name in FUNCTIONS:
        unregister_function(name)


def test_messages_read_as_recorded() -> None:
    check_file(FILE, _message)


def test_every_category_has_a_message() -> None:
    names = {
        name
        for path in ERRORS.glob("*.test")
        for name in re.findall(r"^(?:also )?(\w+Error): ", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    found = {getattr(errors, name).category for name in names if hasattr(errors, name)}
    assert found >= CATEGORIES


def test_there_are_cases() -> None:
    assert sum(1 for _ in read_cases(FILE)) >= 25


def _message(case: QueryCase) -> str:
    sources = {name: in_memory(table) for name, table in TABLES.items() if name in case.query}
    dataset = in_memory(TABLES[case.options["table"]])
    try:
        view = dataset.query(case.query, params=case.params, sources=sources, seed=1)
        view.to_pydict()
    except (TQLError, ValueError, TypeError) as error:
        return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    return "(no error)"
