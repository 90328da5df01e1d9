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
    tql explain "select * where labels != 5" --dataset DATASET --analyze
    """


@tql.command()
@click.argument("query")
@click.option("--dataset", required=True, metavar="PATH", help="The dataset that the query is bound to.")
@click.option("--analyze", is_flag=True, help="Run the query; show rows, time and bytes per operator.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(query: str, dataset: str, analyze: bool, style: str) -> None:
    """Show how QUERY would be executed."""
    from tql.cli.explain import run

    run(query, dataset, analyze=analyze, style=style)


@tql.command()
@click.argument("path")
@click.argument("query", default="select *")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Rows to print.")
@click.option(
    "--seed", type=int, default=None, help="Seed of SAMPLE BY and RANDOM; a new one each time if left out."
)
def query(path: str, query: str, limit: int, seed: int | None) -> None:
    """Run QUERY over the dataset at PATH and print the first rows of the answer."""
    from tql.cli.query import run

    run(path, query, limit=limit, seed=seed)


@tql.command()
@click.argument("path")
def info(path: str) -> None:
    """Describe the dataset at PATH: columns, types, sizes, encodings."""
    from tql.cli.info import run

    run(path)
