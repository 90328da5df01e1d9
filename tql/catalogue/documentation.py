"""The catalogue for people: `tql functions` and docs/functions.md are made from it and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tql.catalogue import BY_NAME, LANGUAGE, Function

FAMILIES = {
    "comparison": "Comparisons",
    "arithmetic": "Arithmetic",
    "logic": "Logic",
    "text": "Text",
    "array": "Arrays",
    "reduction": "Reductions",
    "similarity": "Similarity",
    "json": "JSON",
    "row": "Rows",
}

_NULLS = {
    "null": "NULL in an argument gives NULL",
    "false": "NULL counts as false; never NULL",
    "never": "never NULL",
}

_INTRODUCTION = """\
# Functions and operators

Made from the catalogue (`tql functions` shows the same); `make golden` writes it anew. Functions work row by
row; over a group, the row is the group. Names are the same in any case. "Section" is that of the language
reference which states the rules. Python functions join the list with `tql.register_function`.
"""


def find(name: str) -> Function | None:
    """The function or operator of that name or symbol, in any case."""
    return BY_NAME.get(" ".join(name.lower().split()))


def facts(function: Function) -> dict[str, Any]:
    """What there is to know about one, as plain data."""
    return {
        "name": function.name,
        "aliases": list(function.aliases),
        "signatures": list(function.signatures),
        "family": function.family,
        "help": function.help,
        "returns": function.returns,
        "nulls": _NULLS[function.nulls],
        "nan": function.nan,
        "example": function.example,
        "section": function.section,
    }


def markdown() -> str:
    """docs/functions.md, whole."""
    return "\n".join([_INTRODUCTION, *_table(), *_chapters()])


def _table() -> Iterator[str]:
    yield "| function | gives | section |"
    yield "|---|---|---|"
    for function in LANGUAGE:
        forms = ", ".join(f"`{_cell(form)}`" for form in function.signatures)
        yield f"| {forms} | {_cell(function.returns)} | {function.section} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _chapters() -> Iterator[str]:
    for family, title in FAMILIES.items():
        yield f"## {title}\n"
        for function in LANGUAGE:
            if function.family == family:
                yield from _entry(function)


def _entry(function: Function) -> Iterator[str]:
    yield f"### {function.name}\n"
    forms = ", ".join(f"`{form}`" for form in function.signatures)
    names = ", ".join(f"`{name}`" for name in function.aliases)
    yield forms + (f" (also {names})" if names else "") + f": {function.help}.\n"
    yield f"- gives: {function.returns}"
    yield f"- NULL: {_NULLS[function.nulls]}"
    if function.nan:
        yield f"- NaN: {function.nan}"
    yield f"- section {function.section}\n"
    yield f"      {function.example}\n"
