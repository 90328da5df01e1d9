"""`tql query`: the first rows of an answer as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tql.api import load
from tql.types import Type

_MAX_ELEMENTS = 8  # a longer array is shown by type and shape


def run(path: str, query: str, *, limit: int, seed: int | None) -> None:
    """Print the first `limit` rows of the answer and how many there are."""
    view = load(path).query(query, seed=seed)
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
    if isinstance(value, str):
        return _escape(value if len(value) <= 60 else value[:57] + "...")
    array = np.asarray(value)
    if array.size > _MAX_ELEMENTS:
        return f"[dim]{_escape(f'{array.dtype}{list(array.shape)}')}[/dim]"
    names = type_.class_names
    if names is not None:
        items = [names[int(i)] if int(i) < len(names) else str(int(i)) for i in array.reshape(-1)]
        return _escape(", ".join(items))
    if array.size == 1:
        return _escape(_number(array.reshape(-1)[0]))
    return _escape(_nested(array))


def _nested(array: np.ndarray[Any, Any]) -> str:
    items = (_nested(item) if array.ndim > 1 else _number(item) for item in array)
    return f"[{', '.join(items)}]"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, np.floating) else str(value)


def _escape(text: str) -> str:
    return text.replace("[", "\\[")
