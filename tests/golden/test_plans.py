"""Plans as `explain` shows them. After a change: TQL_GOLDEN=rewrite, then read the diff."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.query_cases import QueryCase, check_file
from golden.schema_text import Sources
from tql.planner import explain, plan, plan_weights

FILES = sorted((Path(__file__).parent / "plans").glob("*.test"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_plans_read_as_recorded(path: Path) -> None:
    check_file(path, _explained)


def _explained(case: QueryCase) -> str:
    if "weights" in case.options:
        return explain(plan_weights(case.query, case.schema))
    return explain(plan(case.query, case.schema, params=case.params, sources=Sources()))
