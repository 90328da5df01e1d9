"""`tql explain`: the plan of a query as text or JSON."""

from __future__ import annotations

import click

from tql.api import load


def run(query: str, dataset: str, *, analyze: bool, style: str) -> None:
    """Print the plan of `query` over the dataset at path `dataset`."""
    click.echo(load(dataset).explain(query, analyze=analyze, format=style))
