"""The rows that a query makes (joins, groups, ...) as a source: read on demand from the sources below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.errors import UnsupportedError
from tql.loader.run import Executable, engine_errors, execute
from tql.loader.source import Facet, Source
from tql.schema import Schema


class Made(Protocol):
    """What the engine made: it reads from the sources below on demand, from any thread."""

    @property
    def num_rows(self) -> int: ...
    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]: ...
    def read(self, column: str, facet: Facet, start: int, stop: int) -> _engine.Column: ...
    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> _engine.Column: ...


class MadeSource:
    """What a plan made. Pickles as the plan, its sources and the seed: unpickling runs it again.

    Args:
        executable: the plan.
        schema: the columns of the rows made.
        bound: the source that it was run on, None if there is none.
        sources: the named ones by key.
        seed: that it was run with.
        made: the engine's source.
    """

    def __init__(
        self,
        executable: Executable,
        schema: Schema,
        bound: Source | None,
        sources: Mapping[str, Source],
        seed: int,
        made: Made,
    ) -> None:
        self._executable = executable
        self._schema = schema
        self._bound = bound
        self._sources = dict(sources)
        self._seed = seed
        self._made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return _run_again, (self._executable, self._schema, self._bound, self._sources, self._seed)

    @property
    def sources_below(self) -> list[Source]:
        """What the rows are read from."""
        return [*self._sources.values(), *([] if self._bound is None else [self._bound])]

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def num_rows(self) -> int:
        return self._made.num_rows

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        return self._made.partitions(list(columns))

    def read(self, column: str, facet: Facet, start: int, stop: int) -> _engine.Column:
        with engine_errors(self._executable.text):
            return self._made.read(column, facet, start, stop)

    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> _engine.Column:
        with engine_errors(self._executable.text):
            return self._made.take(column, facet, rows)

    @property
    def in_memory(self) -> bool:
        """Its rows are put together when they are asked for: there is nothing to fetch before."""
        return True

    def encoded(self, column: str, rows: NDArray[np.int64]) -> None:
        return None

    def stored_bytes(self, column: str, row: int) -> bytes:
        raise UnsupportedError(f"rows that a query made are not stored as bytes: '{column}'")

    def describe(self) -> dict[str, Any]:
        facts = {
            name: {"type": str(field.type), "rows": self.num_rows} for name, field in self.schema.items()
        }
        return {"format": "query", "query": self._executable.text, "rows": self.num_rows, "columns": facts}


def _run_again(
    executable: Executable, schema: Schema, bound: Source | None, sources: Mapping[str, Source], seed: int
) -> MadeSource:
    made = execute(executable, bound, sources, seed=seed).source
    assert made is not None and not isinstance(made, str)
    return MadeSource(executable, schema, bound, sources, seed, made)
