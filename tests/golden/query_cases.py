"""Cases of a query and a text that it must give, and how their files are read and rewritten.

=== title
schema: name type, ...        (optional)
params: [1, 'x']              (optional)
only: rule, rule              (optional)
select ...
---
expected
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golden.schema_text import DEFAULT, parse_schema
from tql.schema import Schema

_OPTIONS = ("schema:", "params:", "with:", "weights:", "table:")


@dataclass(frozen=True)
class QueryCase:
    """A query with its options, and what it must give."""

    title: str
    query: str
    expected: str
    head: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> Schema:
        return parse_schema(self.options.get("schema", DEFAULT))

    @property
    def params(self) -> list[Any]:
        return list(eval(self.options.get("params", "[]"), {"__builtins__": {}}))


def read_cases(path: Path) -> Iterator[QueryCase]:
    """The cases of a file, in order."""
    for piece in path.read_text(encoding="utf-8").split("=== ")[1:]:
        title, _, body = piece.partition("\n")
        query, separator, expected = body.partition("\n---\n")
        if not separator:
            raise ValueError(f"{path.name}: no line '---' in case {title!r}")
        lines = query.split("\n")
        head: list[str] = []
        options: dict[str, str] = {}
        while lines[0].startswith(_OPTIONS):
            head.append(lines.pop(0))
            key, _, value = head[-1].partition(":")
            options[key] = value.strip()
        yield QueryCase(title, "\n".join(lines), expected.strip("\n"), tuple(head), options)


def check_file(path: Path, answer: Callable[[QueryCase], str]) -> None:
    """Compare every case of a file with what it gives; with TQL_GOLDEN=rewrite write the file anew."""
    cases = list(read_cases(path))
    if os.environ.get("TQL_GOLDEN") == "rewrite":
        intro = path.read_text(encoding="utf-8").partition("=== ")[0]
        path.write_text(intro + "\n".join(_written(case, answer(case)) for case in cases), encoding="utf-8")
        return
    for case in cases:
        assert answer(case) == case.expected, f"{path.name}: {case.title}"


def _written(case: QueryCase, answer: str) -> str:
    return "\n".join([f"=== {case.title}", *case.head, case.query, "---", answer, ""])
