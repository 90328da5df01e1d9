"""`tql ingest`: a folder of pictures or a table as a new dataset."""

from __future__ import annotations

import click

from tql import api
from tql.loader.storage.location import local_path


def run(source: str, target: str, *, overwrite: bool) -> None:
    """Write a folder of class folders, or a Parquet or CSV file, as a new dataset at `target`."""
    ingest = api.ingest_folder if local_path(source).is_dir() else api.ingest_table
    dataset = ingest(source, target, overwrite=overwrite)
    click.echo(f"{len(dataset)} {'row' if len(dataset) == 1 else 'rows'} written to {target}")
