"""What the fuzzing of the engine begins with: the physical plans of all golden queries, and golden documents.

`golden_seeds.py plans|documents FOLDER` writes them into a folder, one a file.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from agreement import in_memory, plainly  # noqa: E402
from golden.query_cases import read_cases as read_plan_cases  # noqa: E402
from golden.result_cases import read_cases as read_result_cases  # noqa: E402
from golden.schema_text import Sources  # noqa: E402
from golden.tables import TABLES  # noqa: E402
from tql.errors import TQLError  # noqa: E402
from tql.planner import PlannedQuery, plan  # noqa: E402
from tql.planner.serialize import to_json  # noqa: E402
from tql.schema import Schema  # noqa: E402

GOLDEN = ROOT / "tests" / "golden"


def golden_plans() -> Iterator[str]:
    """Each once, as JSON; queries that are errors have none."""
    seen = set()
    for planned in _planned():
        text = to_json(planned.physical)
        if text not in seen:
            seen.add(text)
            yield text


def _planned() -> Iterator[PlannedQuery]:
    schemas = {name: in_memory(table).schema for name, table in TABLES.items()}

    def sources(name: str) -> tuple[str, Schema] | None:
        return (name, schemas[name]) if name in schemas else None

    for case in read_result_cases(GOLDEN / "results"):
        try:
            yield plan(case.query, schemas.get(case.table), params=case.params, sources=sources)
        except TQLError:
            continue
    for path in sorted((GOLDEN / "plans").glob("*.test")):
        for recorded in read_plan_cases(path):
            try:
                yield plan(recorded.query, recorded.schema, params=recorded.params, sources=Sources())
            except TQLError:
                continue


def golden_documents() -> Iterator[str]:
    """The JSON cells of the golden tables, and what those lack."""
    for table in TABLES.values():
        for name, type_ in table.columns.items():
            if type_.element == "json":
                yield from (json.dumps(plainly(cell)) for cell in table.cells[name])
    yield r"""{"b\u00e9": "t\n\ud83d\ude00", "a": [1, -2.5e3, 18446744073709551616, NaN, -Infinity]}"""


SEEDS = {"plans": golden_plans, "documents": golden_documents}


def main(name: str, folder: str) -> None:
    """Writes the seeds, named by what is in them."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for text in SEEDS[name]():
        data = text.encode()
        (Path(folder) / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
