"""`tql info`: what a dataset holds, and which codecs this build decodes by itself."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tql import _engine
from tql.api import load


def run(path: str) -> None:
    """Print the columns of the dataset at `path` and the state of the native codecs."""
    dataset = load(path)
    facts = dataset.describe()
    console = Console(highlight=False)
    head = ", ".join(f"{key}: {_plain(value)}" for key, value in facts.items() if key != "columns")
    console.print(head, soft_wrap=True, markup=False)

    table = Table(header_style="bold")
    for heading, justify in (
        ("column", "left"),
        ("type", "left"),
        ("rows", "right"),
        ("encoding", "left"),
        ("classes", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, field in dataset.schema.items():
        names = field.type.class_names or ()
        classes = ", ".join(names[:4]) + (f", ... ({len(names)})" if len(names) > 4 else "")
        rows = facts.get("columns", {}).get(name, {}).get("rows", len(dataset))
        table.add_row(
            *(
                text.replace("[", "\\[")
                for text in (name, str(field.type), str(rows), field.encoding or "-", classes or "-")
            )
        )
    console.print(table)

    codecs = _engine.codecs()
    for name, fallback in (("jpeg", "Pillow"), ("lz4", "the lz4 package")):
        console.print(f"{name} decoding: {codecs.get(name, f'through {fallback} (slower)')}")


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
