"""`tql explain`: the plan of a query as text or JSON."""

from __future__ import annotations

import click

from tql import api
from tql.errors import SourceNotFoundError


def run(query: str, dataset: str | None, *, analyze: bool, style: str, memory_limit: str | None) -> None:
    """Print the plan of `query`, on the dataset at path `dataset` where it has no FROM."""
    if dataset is not None:
        view = api.load(dataset)
        click.echo(view.explain(query, analyze=analyze, format=style, memory_limit=memory_limit))
        return
    try:
        click.echo(api.explain(query, analyze=analyze, format=style, memory_limit=memory_limit))
    except SourceNotFoundError as error:
        if error.span is not None:  # FROM names something that is not there
            raise
        raise click.UsageError("the query has no FROM: name its dataset by --dataset PATH") from None
