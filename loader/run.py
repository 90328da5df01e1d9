"""Runs planned queries on a source; turns the engine's errors into the package's own, with their place."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.errors import (
    ArgumentError,
    InternalError,
    QueryRuntimeError,
    QueryTypeError,
    QueryValueError,
    ShapeError,
    TQLError,
)
from tql.loader.seeds import resolve_seed
from tql.loader.source import Source
from tql.planner import PlannedQuery, plan, plan_weights
from tql.span import Span

if TYPE_CHECKING:
    from tql.loader.view import View

_ERRORS: dict[str, type[TQLError]] = {
    "runtime": QueryRuntimeError,
    "shape": ShapeError,
    "value": QueryValueError,
    "type": QueryTypeError,
}
_KEPT_PLANS = 256


class _PlanCache:
    """Compiled queries by text, schema and parameters; the least recently used ones are dropped."""

    def __init__(self) -> None:
        self._plans: OrderedDict[Any, tuple[PlannedQuery, _engine.Plan]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str, source: Source, params: Sequence[Any]) -> tuple[PlannedQuery, _engine.Plan]:
        key = (text, source.schema.fingerprint, _freeze(tuple(params)))
        with self._lock:
            found = self._plans.get(key)
            if found is not None:
                self._plans.move_to_end(key)
                return found
        planned = plan(text, source.schema, params=params)
        compiled = planned, compile_plan(planned)
        with self._lock:
            self._plans[key] = compiled
            while len(self._plans) > _KEPT_PLANS:
                self._plans.popitem(last=False)
        return compiled


_plans = _PlanCache()


def _freeze(value: Any) -> Any:
    """A parameter as part of a key: 1, 1.0 and True are different parameters."""
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(_freeze(item) for item in value)
    if isinstance(value, np.ndarray):
        return "array", value.dtype.str, value.shape, value.tobytes() if value.dtype != object else id(value)
    return type(value).__name__, repr(value)


def prepare(text: str, source: Source, params: Sequence[Any] = ()) -> tuple[PlannedQuery, _engine.Plan]:
    """Plan and compile a query for a source, or find it among the last ones.

    Raises:
        TQLError: for a mistake in the query.
    """
    return _plans.get(text, source, params)


def compile_plan(planned: PlannedQuery) -> _engine.Plan:
    """The engine's form of a plan."""
    with engine_errors(planned.text):
        return _engine.Plan(planned.physical)


def execute(
    planned: PlannedQuery, compiled: _engine.Plan, source: Source, *, seed: int, threads: int = 0
) -> _engine.Result:
    """Run a compiled plan.

    Raises:
        TQLError: for a value that the query can't be answered for, with its place in the query.
    """
    with engine_errors(planned.text):
        return _engine.execute(compiled, source, seed=seed, threads=threads)


def run_planned(planned: PlannedQuery, source: Source, *, seed: int | None = None, threads: int = 0) -> View:
    """Run a plan on any source of the schema that it was planned for.

    Raises:
        ArgumentError: if the schemas differ.
        TQLError: what `execute` raises.
    """
    from tql.loader.view import View

    view = source if isinstance(source, View) else View.of(source)
    wanted = {name: field.type for name, field in (planned.source or {}).items()}
    given = {name: field.type for name, field in view.schema.items()}
    for name, type_ in wanted.items():
        if given.get(name) != type_:
            raise ArgumentError(
                f"the query was compiled for column '{name}' of type {type_}, the data has {given.get(name)}"
            )
    return view.answer(planned, compile_plan(planned), seed=resolve_seed(seed), threads=threads)


def evaluate_weights(text: str, source: Source, threads: int = 0) -> NDArray[np.float64]:
    """One weight per row of a source: float64 [num_rows], as `SAMPLE BY text` would weigh them.

    Raises:
        TQLError: for a mistake in the expression, or a value that it has no answer for.
    """
    planned = plan_weights(text, source.schema)
    result = execute(planned, compile_plan(planned), source, seed=0, threads=threads)
    column = result.columns["weight"]
    values = np.array(column.values, dtype=np.float64).reshape(len(column))
    if column.validity is not None:
        values[~column.validity] = 0.0
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
