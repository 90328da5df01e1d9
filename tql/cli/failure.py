"""How an error looks on a terminal: the first line red, carets red, everything plain when piped."""

from __future__ import annotations

import click

from tql.errors import TQLError


def print_error(error: TQLError) -> None:
    """Write an error to stderr, in colour if stderr is a terminal (NO_COLOR is honoured)."""
    first, *rest = f"{type(error).__name__}: {error}".split("\n")
    lines = [click.style(first, fg="red", bold=True)]
    for line in rest:
        carets = line.strip() != "" and set(line.strip()) == {"^"}
        lines.append(click.style(line, fg="red") if carets else line)
    click.echo("\n".join(lines), err=True, color=_color())


def _color() -> bool | None:
    import os

    return False if os.environ.get("NO_COLOR") else None
