"""The commands of `tql` and their options; each command's work is in a file of its own."""

from __future__ import annotations

import click

import tql as package


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package.__version__, prog_name="tql")
def tql() -> None:
    """Query tensor datasets: filter, balance and inspect training data with TQL.

    \b
    tql info DATASET
    tql query DATASET "select * where labels != 5"
    tql query 'select * from "DATASET" as d join "OTHER" as o on d.owner = o.id'
    tql explain "select * where labels != 5" --dataset DATASET --analyze
    tql copy DATASET NEW --query "select * where labels != 5"
    tql ingest PICTURES NEW
    tql functions contains
    """


@tql.command()
@click.argument("query")
@click.option("--dataset", metavar="PATH", help="The dataset that a SELECT without FROM runs on.")
@click.option("--analyze", is_flag=True, help="Run the query; show rows, time and bytes per operator.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--memory-limit", metavar="SIZE", help="Memory that the run may hold, as 512MB or 2GiB.")
def explain(query: str, dataset: str | None, analyze: bool, style: str, memory_limit: str | None) -> None:
    """Show how QUERY would be executed."""
    from tql.cli.explain import run

    run(query, dataset, analyze=analyze, style=style, memory_limit=memory_limit)


@tql.command()
@click.argument("arguments", nargs=-1, metavar="[DATASET] [QUERY]")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Rows to print.")
@click.option(
    "--seed", type=int, default=None, help="Seed of SAMPLE BY and RANDOM; a new one each time if left out."
)
@click.option("--memory-limit", metavar="SIZE", help="Memory that the query may hold, as 512MB or 2GiB.")
def query(arguments: tuple[str, ...], limit: int, seed: int | None, memory_limit: str | None) -> None:
    """Run QUERY and print the first rows of the answer.

    DATASET is the path of what a SELECT without FROM runs on. Without QUERY all its rows are selected;
    without DATASET the query names its sources: 'select * from "path/to/dataset"'.
    """
    from tql.cli.query import run, split_arguments

    path, text = split_arguments(arguments)
    run(path, text, limit=limit, seed=seed, memory_limit=memory_limit)


@tql.command()
@click.argument("path")
def info(path: str) -> None:
    """Describe the dataset at PATH: columns, types, sizes, encodings."""
    from tql.cli.info import run

    run(path)


@tql.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DEST")
@click.option("--query", metavar="QUERY", help="Copy what it selects; everything if left out.")
@click.option("--overwrite", is_flag=True, help="Delete the dataset that is at DEST.")
@click.option("--seed", type=int, default=None, help="Seed of SAMPLE BY and RANDOM.")
def copy(source: str, target: str, query: str | None, overwrite: bool, seed: int | None) -> None:
    """Write the dataset at SRC, or the answer to a query on it, as a new dataset at DEST."""
    from tql.cli.copy import run

    run(source, target, query, overwrite=overwrite, seed=seed)


@tql.command()
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DEST")
@click.option("--overwrite", is_flag=True, help="Delete the dataset that is at DEST.")
def ingest(source: str, target: str, overwrite: bool) -> None:
    """Write SRC as a new dataset at DEST.

    SRC is a folder whose folders are classes of pictures, or a Parquet or CSV file.
    """
    from tql.cli.ingest import run

    run(source, target, overwrite=overwrite)


@tql.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def functions(name: str | None, as_json: bool) -> None:
    """List the functions and operators of queries, or explain the one called NAME."""
    from tql.cli.functions import run

    run(name, as_json=as_json)
