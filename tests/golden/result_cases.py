"""The format of golden result cases, and how a case is written down.

    === title
    table: name
    params: [1, 'x']

    select ...
    ---
    rows: [2, 0]
    columns: ['id', 'twice']
    column twice int64: [4, 0]

or `error: category` instead of the answer; where GROUP BY, joins and the like make the rows, `count: 2`
instead of their numbers. `table:` (default `numbers`; `none`: nothing is bound) and `params:` are optional,
FROM may name every table.
A line `section: 12` says which section of the language reference the cases behind it show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, nan
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ExpectedColumn:
    """A column of the answer.

    Attributes:
        values: one per row, as plain Python values.
        dtype: of the elements, where the case states it.
    """

    values: list[Any]
    dtype: str | None = None


@dataclass(frozen=True)
class Case:
    """A query and what it gives.

    Attributes:
        title: what the case shows.
        place: file and line.
        query: the text.
        section: of the language reference.
        table: name of the table it is asked of, "none" for none.
        params: values of `?`.
        rows: the row numbers in order, where stated.
        count: how many rows there are, where stated.
        names: the visible columns in order, where stated.
        columns: the values of some columns.
        error: category of the error.
    """

    title: str
    place: str
    query: str
    section: str = ""
    table: str = "numbers"
    params: list[Any] = field(default_factory=list)
    rows: list[int] | None = None
    count: int | None = None
    names: list[str] | None = None
    columns: dict[str, ExpectedColumn] = field(default_factory=dict)
    error: str | None = None


def read_cases(folder: Path) -> Iterator[Case]:
    """All cases of the `.test` files of a folder."""
    for path in sorted(folder.glob("*.test")):
        head, *pieces = path.read_text(encoding="utf-8").split("=== ")
        line = head.count("\n") + 1
        section = _section(head, "")
        for piece in pieces:
            yield read_case(piece, f"{path.name}:{line}", section)
            line += piece.count("\n")
            section = _section(piece, section)


def _section(text: str, before: str) -> str:
    """The section that the last line `section: ...` names."""
    named = [line.removeprefix("section: ") for line in text.splitlines() if line.startswith("section: ")]
    return named[-1] if named else before


def read_case(text: str, place: str = "", section: str = "") -> Case:
    """One case, from behind its `=== `.

    Raises:
        ValueError: if the case is malformed.
    """
    title, _, body = text.partition("\n")
    head, separator, tail = body.partition("\n---\n")
    if not separator:
        raise ValueError(f"{place}: no line '---' in case {title!r}")
    options: dict[str, Any] = {}
    lines = head.strip("\n").split("\n")
    while lines[0].startswith(("table:", "params:")):
        key, _, value = lines.pop(0).partition(":")
        options[key] = value.strip() if key == "table" else _plain(value)
    columns: dict[str, ExpectedColumn] = {}
    for line in filter(None, (line.strip() for line in tail.splitlines())):
        key, _, value = line.partition(": ")
        words = key.split()
        if key in ("rows", "count", "columns", "error"):
            options["names" if key == "columns" else key] = value if key == "error" else _plain(value)
        elif words[0] == "column" and len(words) in (2, 3):
            columns[words[1]] = ExpectedColumn(_plain(value), words[2] if len(words) == 3 else None)
        elif not line.startswith(("#", "section: ")):
            raise ValueError(f"{place}: unknown line {line!r} in case {title!r}")
    if len({"rows", "count", "error"} & options.keys()) != 1:
        raise ValueError(f"{place}: case {title!r} needs either rows, a count of rows, or an error")
    query = "\n".join(lines).strip("\n")
    return Case(title.strip(), place, query, section, columns=columns, **options)


def _plain(text: str) -> Any:
    return eval(text, {"__builtins__": {}}, {"nan": nan, "inf": inf})
