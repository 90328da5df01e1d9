"""From a query that is ready to the view that answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tql.byte_size import read_bytes
from tql.errors import ArgumentError
from tql.loader.description import Description, described, made
from tql.loader.plan_cache import Prepared, prepare
from tql.loader.run import Executable, execute
from tql.loader.seeds import resolve_seed
from tql.loader.source import Source, present
from tql.loader.sources.made import MadeSource
from tql.loader.view import View
from tql.planner import PlannedQuery, explain
from tql.schema import Schema


@dataclass(frozen=True, slots=True, eq=False)
class Answered(Description):
    """The answer to a query.

    Attributes:
        prepared: the query, planned for its sources; without the bound one.
        bound: the source that a SELECT without FROM reads, None if there is none.
        seed: of SAMPLE BY and RANDOM.
    """

    prepared: Prepared
    bound: Description | Source | None
    seed: int

    @classmethod
    def by(cls, prepared: Prepared, seed: int) -> Answered | None:
        """None for a query that another process may answer otherwise."""
        if not prepared.executable.repeatable:
            return None
        without = Prepared(prepared.planned, prepared.executable, None, prepared.sources)
        return cls(without, described(prepared.bound), seed)

    def view(self) -> View:
        bound = made(self.bound)
        prepared = Prepared(self.prepared.planned, self.prepared.executable, bound, self.prepared.sources)
        return answer(prepared, seed=self.seed)


def answer(
    prepared: Prepared,
    *,
    seed: int | None = None,
    threads: int = 0,
    memory_limit: int | str | None = None,
) -> View:
    """Run a query.

    Raises:
        TQLError: for a value that the query can't be answered for.
    """
    seed = resolve_seed(seed)
    planned, bound, sources = prepared.planned, prepared.bound, prepared.sources
    limit = resolve_limit(memory_limit)
    result = execute(prepared.executable, bound, sources, seed=seed, threads=threads, memory_limit=limit)
    counted: Source
    if result.source is None:
        assert bound is not None
        counted = bound
    elif isinstance(result.source, str):
        counted = sources[result.source]
    else:
        counted = MadeSource(prepared.executable, planned.counted, bound, sources, seed, result.source)
    view = counted if isinstance(counted, View) else View.of(counted)
    return view.answered(planned, result, seed, Answered.by(prepared, seed))


def resolve_limit(memory_limit: int | str | None) -> int | None:
    """A limit of memory in bytes; None is none.

    Raises:
        ArgumentError: for what is no amount of memory.
    """
    return None if memory_limit is None else read_bytes(memory_limit, "memory_limit")


def explain_query(
    prepared: Prepared, *, analyze: bool, format: str, memory_limit: int | str | None = None
) -> str:
    """The plan of a query; with `analyze` it is run, and what was measured is added."""
    limit = resolve_limit(memory_limit)
    if not analyze:
        return explain(prepared.planned, format=format)
    bound, sources = prepared.bound, prepared.sources
    result = execute(prepared.executable, bound, sources, seed=resolve_seed(None), memory_limit=limit)
    return explain(prepared.planned, statistics=result.statistics, format=format)


def run_query(
    text: str,
    bound: Source | None = None,
    *,
    sources: Mapping[str, Source] | None = None,
    params: Sequence[Any] = (),
    seed: int | None = None,
    threads: int = 0,
    memory_limit: int | str | None = None,
) -> View:
    """Plan a query and run it; what `prepare` and `answer` raise."""
    prepared = prepare(text, bound, params, sources)
    return answer(prepared, seed=seed, threads=threads, memory_limit=memory_limit)


def run_planned(
    planned: PlannedQuery,
    source: Source | None,
    *,
    sources: Mapping[str, Source] | None = None,
    seed: int | None = None,
    threads: int = 0,
    memory_limit: int | str | None = None,
) -> View:
    """Run a plan on any sources of the schemas that it was planned for.

    Args:
        source: the bound source.
        sources: the named ones by key.

    Raises:
        ArgumentError: if a source is missing, or its schema is another one.
        TQLError: what `answer` raises.
    """
    source = None if source is None else present(source)
    given = {key: present(other) for key, other in (sources or {}).items()}
    if planned.source is not None:
        _check_schema(planned.source, source, "the query")
    for key, schema in planned.sources.items():
        _check_schema(schema, given.get(key), f"source '{key}'")
    named = {key: given[key] for key in planned.sources}
    prepared = Prepared(planned, Executable.of(planned), source, named)
    return answer(prepared, seed=seed, threads=threads, memory_limit=memory_limit)


def _check_schema(wanted: Schema, source: Source | None, what: str) -> None:
    if source is None:
        raise ArgumentError(f"{what} needs data")
    for name, field in wanted.items():
        given = source.schema.get(name)
        # How a column may be taken apart is no part of how it is stored.
        if given is None or replace(given.type, sequence=field.type.sequence) != field.type:
            has = given and given.type
            raise ArgumentError(
                f"{what} was compiled for column '{name}' of type {field.type}, the data has {has}"
            )
