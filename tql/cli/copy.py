"""`tql copy`: a dataset, or the answer to a query, as a new dataset."""

from __future__ import annotations

import click

from tql import api


def run(source: str, target: str, query: str | None, *, overwrite: bool, seed: int | None) -> None:
    """Write what `query` selects from the dataset at `source` as a new dataset at `target`."""
    dataset = api.load(source)
    view = dataset if query is None else dataset.query(query, seed=seed)
    saved = view.save(target, overwrite=overwrite, message=query)
    click.echo(f"{len(saved)} {'row' if len(saved) == 1 else 'rows'} written to {target}")
