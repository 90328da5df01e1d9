"""Queries planned and compiled for their sources, the last ones kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from tql import registered
from tql.errors import TQLError
from tql.loader.named_sources import NamedSources
from tql.loader.run import Executable
from tql.loader.source import Source, present
from tql.planner import PlannedQuery, plan
from tql.quick import quick

_KEPT_PLANS = 256

V = TypeVar("V")


@quick
@dataclass(frozen=True, eq=False)
class Prepared:
    """A query that is ready to run.

    Attributes:
        planned: with every stage of its compilation.
        executable: what the engine runs.
        bound: the source that a SELECT without FROM reads, None if there is none.
        sources: the named ones that the plan reads, by key.
    """

    planned: PlannedQuery
    executable: Executable
    bound: Source | None
    sources: Mapping[str, Source]


def prepare(
    text: str,
    bound: Source | None,
    params: Sequence[Any] = (),
    sources: Mapping[str, Source] | None = None,
) -> Prepared:
    """Plan and compile a query for its sources, or find it among the last ones.

    Args:
        text: the query.
        bound: what a SELECT without FROM runs on, None if there is nothing.
        params: values of `?`.
        sources: what FROM may name, beside paths of datasets.

    Raises:
        TQLError: for a mistake in the query.
        ArgumentError: if `sources` holds something that is no source.
    """
    bound = None if bound is None else present(bound)
    if not sources:
        kept = _plans.find(text, bound, params)
        if kept is not None:
            return Prepared(*kept, bound, {})
    named = NamedSources(bound, {name: present(source) for name, source in (sources or {}).items()})
    planned, executable = _plans.get(text, bound, params, named)
    return Prepared(planned, executable, bound, {key: named.source(key) for key in planned.sources})


class _Recent(Generic[V]):
    """A bounded map; the least recently used entries are dropped."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[Any, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> V | None:
        with self._lock:
            value = self._entries.get(key)
            if value is not None:
                self._entries.move_to_end(key)
            return value

    def put(self, key: Any, value: V) -> None:
        with self._lock:
            self._entries[key] = value
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)


class _PlanCache:
    """Plans by text, parameters, registered functions, and names, keys and schemas of the sources."""

    def __init__(self) -> None:
        self._names: _Recent[tuple[str, ...]] = _Recent(_KEPT_PLANS)  # that a text asks for
        self._plans: _Recent[tuple[PlannedQuery, Executable]] = _Recent(_KEPT_PLANS)

    def find(
        self, text: str, bound: Source | None, params: Sequence[Any]
    ) -> tuple[PlannedQuery, Executable] | None:
        """That of a text which names no source, if it is kept."""
        return self._plans.get((_query(text, bound, params), ()))

    def get(
        self, text: str, bound: Source | None, params: Sequence[Any], named: NamedSources
    ) -> tuple[PlannedQuery, Executable]:
        query = _query(text, bound, params)
        names = self._names.get(query)
        if names is not None and (key := _found(names, named)) is not None:
            kept = self._plans.get((query, key))
            if kept is not None:
                return kept
        schema = None if bound is None else bound.schema
        planned = plan(text, schema, params=params, sources=named)
        prepared = planned, Executable.of(planned)
        key = _found(named.asked, named)
        self._names.put(query, named.asked)
        self._plans.put((query, key), prepared)
        return prepared


_plans = _PlanCache()


def _query(text: str, bound: Source | None, params: Sequence[Any]) -> tuple[Any, ...]:
    """A query as part of a key."""
    fingerprint = None if bound is None else bound.schema.fingerprint
    return text, fingerprint, _freeze(tuple(params)) if params else (), registered.version()


def _found(names: Sequence[str], named: NamedSources) -> tuple[tuple[str, str], ...] | None:
    """Key and schema of each name, None if one can't be had: planning will say why."""
    found = []
    for name in names:
        try:
            source = named(name)
        except TQLError:
            return None
        if source is None:
            return None
        found.append((source[0], source[1].fingerprint))
    return tuple(found)


def _freeze(value: Any) -> Any:
    """A parameter as part of a key: 1, 1.0 and True are different parameters."""
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(_freeze(item) for item in value)
    if isinstance(value, np.ndarray):
        return "array", value.dtype.str, value.shape, value.tobytes() if value.dtype != object else id(value)
    return type(value).__name__, repr(value)
