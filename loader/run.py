"""Runs planned queries on a source; turns the engine's errors into the package's own, with their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.errors import (
    InternalError,
    QueryRuntimeError,
    QueryTypeError,
    QueryValueError,
    ShapeError,
    TQLError,
)
from tql.loader.registered import host_functions
from tql.loader.source import Source
from tql.planner import PlannedQuery, plan_weights
from tql.span import Span

_ERRORS: dict[str, type[TQLError]] = {
    "runtime": QueryRuntimeError,
    "shape": ShapeError,
    "value": QueryValueError,
    "type": QueryTypeError,
}


class Executable:
    """A physical plan in the engine's form. Pickles as the plan.

    Attributes:
        text: the query, for the places that errors name.
        physical: the plan as data.
        plan: the engine's form.
        functions: the registered functions that it calls.
    """

    def __init__(self, text: str, physical: dict[str, Any]) -> None:
        self.text = text
        self.physical = physical
        with engine_errors(text):
            self.plan = _engine.Plan(physical)

    @classmethod
    def of(cls, planned: PlannedQuery) -> Executable:
        return cls(planned.text, planned.physical)

    @cached_property
    def functions(self) -> dict[str, Any]:
        return host_functions(self.physical)

    def __reduce__(self) -> tuple[Any, ...]:
        return Executable, (self.text, self.physical)


def execute(
    executable: Executable,
    source: Source | None,
    sources: Mapping[str, Source] = MappingProxyType({}),
    *,
    seed: int,
    threads: int = 0,
) -> _engine.Result:
    """Run a plan.

    Args:
        executable: the plan.
        source: the bound source, None if there is none.
        sources: the named ones, by key.
        seed: of SAMPLE BY and RANDOM.
        threads: 0 means one per core.

    Raises:
        TQLError: for a value that the query can't be answered for, with its place in the query.
        Exception: what a registered function raises, unchanged.
    """
    with engine_errors(executable.text):
        return _engine.execute(
            executable.plan,
            source,
            sources=sources,
            functions=executable.functions,
            seed=seed,
            threads=threads,
        )


def evaluate_weights(text: str, source: Source, threads: int = 0) -> NDArray[np.float64]:
    """One weight per row of a source: float64 [num_rows], as `SAMPLE BY text` would weigh them; not to be
    written to, since nothing is copied where it need not be.

    Raises:
        TQLError: for a mistake in the expression, or a value that it has no answer for.
    """
    planned = plan_weights(text, source.schema)
    result = execute(Executable.of(planned), source, seed=0, threads=threads)
    column = result.columns["weight"]
    values = np.asarray(column.values, dtype=np.float64).reshape(len(column))
    if column.validity is not None:
        values = np.where(column.validity, values, 0.0)
    values.flags.writeable = False
    return values


@contextmanager
def engine_errors(query: str | None) -> Iterator[None]:
    """Inside, an error of the engine becomes one of tql.errors that points into the query."""
    try:
        yield
    except _engine.EngineError as error:
        raise translate(error, query) from None


def translate(error: _engine.EngineError, query: str | None) -> TQLError:
    """The package's error for one of the engine: (code, message, row, span_start, span_end)."""
    code, message, row, start, end = error.args
    span = Span(start, end) if start >= 0 and query is not None else None
    place = f" in row {row}" if row >= 0 and f"row {row}" not in message else ""
    cls = _ERRORS.get(code)
    if cls is None:
        hint = "this is a mistake of tql, not of the query: please report it with the query and its plan"
        return InternalError(f"{message}{place}", span=span, query=query, hint=hint)
    return cls(f"{message}{place}", span=span, query=query)
