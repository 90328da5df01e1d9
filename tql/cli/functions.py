"""`tql functions`: what queries can call, from the catalogue."""

from __future__ import annotations

import json

from rich.console import Console
from rich.table import Table

from tql.catalogue import BY_NAME, LANGUAGE
from tql.catalogue.documentation import facts, find
from tql.errors import UnknownFunctionError
from tql.planner.suggest import near_names


def run(name: str | None, *, as_json: bool) -> None:
    """Print all functions as a table, or one with all that is known of it.

    Raises:
        UnknownFunctionError: if there is none of that name.
    """
    chosen = list(LANGUAGE)
    if name is not None:
        function = find(name)
        if function is None:
            raise UnknownFunctionError(
                f"no function named '{name}'",
                candidates=near_names(name, BY_NAME),
                hint="`tql functions` lists them",
            )
        chosen = [function]
    if as_json:
        print(json.dumps([facts(function) for function in chosen], indent=2, ensure_ascii=False))
    elif name is not None:
        _print_one(facts(chosen[0]))
    else:
        _print_all([facts(function) for function in chosen])


def _print_one(entry: dict[str, object]) -> None:
    for signature in entry["signatures"]:  # type: ignore[attr-defined]
        print(signature)
    print(f"\n  {entry['help']}\n")
    aliases = ", ".join(entry["aliases"])  # type: ignore[arg-type]
    for label, text in (
        ("also", aliases),
        ("gives", entry["returns"]),
        ("NULL", entry["nulls"]),
        ("NaN", entry["nan"]),
        ("example", entry["example"]),
        ("reference", f"section {entry['section']}"),
    ):
        if text:
            print(f"  {label:<11}{text}")


def _print_all(entries: list[dict[str, object]]) -> None:
    table = Table(header_style="bold", box=None)
    for heading in ("function", "gives", "help"):
        table.add_column(heading)
    for entry in entries:
        signatures = "\n".join(entry["signatures"])  # type: ignore[arg-type]
        table.add_row(
            *(str(text).replace("[", "\\[") for text in (signatures, entry["returns"], entry["help"]))
        )
    Console(highlight=False).print(table)
