"""Runs planned queries on a source; turns the engine's errors into the package's own, with their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.byte_size import byte_text
from tql.errors import (
    InternalError,
    MemoryLimitError,
    QueryRuntimeError,
    QueryTypeError,
    QueryValueError,
    ShapeError,
    TQLError,
)
from tql.loader.registered import host_functions
from tql.loader.source import Source
from tql.loader.zones import keep_zones
from tql.planner import PlannedQuery, plan_weights
from tql.planner.places import Place
from tql.span import Span

_ERRORS: dict[str, type[TQLError]] = {
    "runtime": QueryRuntimeError,
    "shape": ShapeError,
    "value": QueryValueError,
    "type": QueryTypeError,
}


Locate = Callable[[int], Place | None]
"""The place in the query of a node of its plan."""


class Executable:
    """A physical plan in the engine's form. Pickles as the plan.

    Attributes:
        text: the query, for the places that errors name.
        physical: the plan as data.
        plan: the engine's form.
        functions: the registered functions that it calls.
        locate: where the query asks for a node; None where that is not known any more.
    """

    def __init__(self, text: str, physical: dict[str, Any], locate: Locate | None = None) -> None:
        self.text = text
        self.physical = physical
        self.locate = locate
        with engine_errors(text):
            self.plan = _engine.Plan(physical)

    @classmethod
    def of(cls, planned: PlannedQuery) -> Executable:
        return cls(planned.text, planned.physical, planned.place_of)

    @cached_property
    def functions(self) -> dict[str, Any]:
        return host_functions(self.physical, self.text)

    @cached_property
    def repeatable(self) -> bool:
        """Whether another process gives the same answer from the same rows and seed: not where the plan calls
        Python functions, which may be others there, or asks an index of vectors, which may miss some rows.
        """
        return not self.functions and "vector_search" not in _operators(self.physical)

    def __reduce__(self) -> tuple[Any, ...]:
        return Executable, (self.text, self.physical)


def _operators(part: Any) -> set[str]:
    """The names of the operators in a part of a plan."""
    found, todo = set(), [part]
    while todo:
        inner = todo.pop()
        if isinstance(inner, Mapping):
            found.add(str(inner.get("op")))
            todo += inner.values()
        elif isinstance(inner, list):
            todo += inner
    return found


def execute(
    executable: Executable,
    source: Source | None,
    sources: Mapping[str, Source] = MappingProxyType({}),
    *,
    seed: int,
    threads: int = 0,
    memory_limit: int | None = None,
) -> _engine.Result:
    """Run a plan.

    Args:
        executable: the plan.
        source: the bound source, None if there is none.
        sources: the named ones, by key.
        seed: of SAMPLE BY and RANDOM.
        threads: 0 means one per core.
        memory_limit: bytes that the run may hold; None for no limit.

    Raises:
        TQLError: for a value that the query can't be answered for, with its place in the query.
        MemoryLimitError: if the run would hold more than the limit.
        MemoryError: if the system has no memory left.
        Exception: what a source or a registered function raises, with notes of what was read and of the place
            in the query.
    """
    try:
        result = _engine.execute(
            executable.plan,
            source,
            sources=sources,
            functions=executable.functions,
            seed=seed,
            threads=threads,
            memory_limit=memory_limit,
        )
    except _engine.EngineError as error:
        raise translate(error, executable.text, executable.locate) from None
    except Exception as error:
        _note_place(error, executable)
        raise
    for read in (*([] if source is None else [source]), *sources.values()):
        keep_zones(read)
    return result


def _note_place(error: Exception, executable: Executable) -> None:
    """Gives an error of a source a note that quotes the part of the query it ended. That of a function has
    one already; that of a source says first what was read.
    """
    node = getattr(error, "failed_node", None)
    if node is None:
        return
    del error.failed_node  # type: ignore[attr-defined]
    place = executable.locate(node) if executable.locate is not None else None
    of_source = any(note.startswith("while reading ") for note in getattr(error, "__notes__", ()))
    if place is not None and of_source:
        quoted = executable.text[place.span.start : place.span.end] if place.span is not None else ""
        error.add_note(f"in {place.clause}" + (f": {quoted}" if quoted else ""))


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
def engine_errors(query: str | None, locate: Locate | None = None) -> Iterator[None]:
    """Inside, an error of the engine becomes one of tql.errors that points into the query."""
    try:
        yield
    except _engine.EngineError as error:
        raise translate(error, query, locate) from None


def translate(error: _engine.EngineError, query: str | None, locate: Locate | None = None) -> TQLError:
    """The package's error for one of the engine: (code, message, row, span_start, span_end, node, ...)."""
    code, message, row, start, end, *more = error.args
    clause = locate(more[0]) if locate is not None and more else None
    if code == "memory":
        _, needed, limit = more
        return _memory_error(clause, needed, limit, query)
    span = Span(start, end) if start >= 0 else clause.span if clause is not None else None
    span = span if query is not None else None
    place = f" in row {row}" if row >= 0 and f"row {row}" not in message else ""
    cls = _ERRORS.get(code)
    if cls is None:
        hint = "this is a mistake of tql, not of the query: please report it with the query and its plan"
        return InternalError(f"{message}{place}", span=span, query=query, hint=hint)
    return cls(f"{message}{place}", span=span, query=query)


_LESS_MEMORY = {
    "ORDER BY": "add a LIMIT, so that only the first rows are kept",
    "JOIN": "join fewer rows, or add conditions that leave fewer pairs",
    "GROUP BY": "group fewer rows, or ask for counts and sums in place of the values",
}
"""What needs less, by clause."""


def _memory_error(place: Place | None, needed: int, limit: int, query: str | None) -> MemoryLimitError:
    clause = place.clause if place is not None else "the query"
    verb = "need" if clause.endswith("s") else "needs"
    advice = _LESS_MEMORY.get(clause, "select fewer rows or columns")
    return MemoryLimitError(
        f"{clause} {verb} more memory than memory_limit allows:"
        f" at least {byte_text(needed)}, limit {byte_text(limit)}",
        span=place.span if place is not None and query is not None else None,
        query=query,
        hint=f"raise memory_limit, or {advice}",
    )
