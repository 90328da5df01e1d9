"""`tql query`: the first rows of an answer as a table."""

from __future__ import annotations

import json
import re
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from tql import api
from tql.types import Type

_MAX_ELEMENTS = 8  # a longer array is shown by type and shape
_MAX_WIDTH = 60  # longer text is cut


_QUERY = re.compile(r"[\s(]*select\b", re.IGNORECASE)


def split_arguments(arguments: tuple[str, ...]) -> tuple[str | None, str]:
    """The dataset, if one is given, and the query. A single argument that reads like a query is one.

    Raises:
        click.UsageError: no argument, or more than two.
    """
    match arguments:
        case (dataset, query):
            return dataset, query
        case (query,) if _QUERY.match(query):
            return None, query
        case (dataset,):
            return dataset, "select *"
    raise click.UsageError("give a dataset, a query, or both: tql query DATASET 'select * where ...'")


def run(
    dataset: str | None, query: str, *, limit: int, seed: int | None, memory_limit: str | None = None
) -> None:
    """Print the first `limit` rows of the answer and how many there are."""
    if dataset is None:
        view = api.query(query, seed=seed, memory_limit=memory_limit)
    else:
        view = api.load(dataset).query(query, seed=seed, memory_limit=memory_limit)
    shown = view[:limit]
    table = Table(header_style="bold")
    table.add_column("row", justify="right", style="dim")
    for name, field in shown.schema.items():
        table.add_column(
            f"{name}\n[dim]{_escape(str(field.type))}[/dim]",
            justify="right" if field.type.is_numeric and field.type.class_names is None else "left",
        )
    for index, row in zip(shown.indices, shown, strict=True):
        cells = (_cell(row[name], field.type) for name, field in shown.schema.items())
        table.add_row(str(index), *cells)

    console = Console()
    console.print(table)
    rest = f", {len(shown)} shown" if len(shown) < len(view) else ""
    console.print(f"{len(view)} {'row' if len(view) == 1 else 'rows'}{rest}", highlight=False)


def _cell(value: Any, type_: Type) -> str:
    if value is None or value is np.ma.masked:
        return "[dim]NULL[/dim]"
    if isinstance(value, np.ndarray) and value.size > _MAX_ELEMENTS:
        return f"[dim]{_escape(_summary(value))}[/dim]"
    if type_.element == "json":
        return _escape(_cut(json.dumps(value, ensure_ascii=False)))
    if type_.class_names is not None:
        return _escape(_labels(value, type_.class_names))
    if isinstance(value, np.ndarray):
        return _escape(_number(value.reshape(-1)[0]) if value.size == 1 else _shown(value))
    return _escape(_cut(_shown(value)))


def _summary(array: np.ndarray[Any, Any]) -> str:
    return f"{array.dtype}{list(array.shape)}"


def _labels(value: Any, names: tuple[str, ...]) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list) or np.ndim(value) > 0:
        return ", ".join(_labels(item, names) for item in value)
    return names[int(value)] if 0 <= int(value) < len(names) else str(value)


def _shown(value: Any, inside: bool = False) -> str:
    """Arrays and lists in brackets, entry by entry."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return f"'{value}'" if inside else value
    if isinstance(value, np.ndarray) and value.size > _MAX_ELEMENTS:
        return _summary(value)
    if isinstance(value, list) or np.ndim(value) > 0:
        return f"[{', '.join(_shown(item, inside=True) for item in value)}]"
    return _number(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_WIDTH else text[: _MAX_WIDTH - 3] + "..."


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, np.floating) else str(value)


def _escape(text: str) -> str:
    return text.replace("[", "\\[")
