"""What the binders of all clauses of one query share: its text, its mistakes, its sources, unused ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from tql.errors import TQLError
from tql.planner.expression_binder import ExpressionBinder
from tql.planner.made_sources import fresh_name
from tql.schema import Schema
from tql.types import Type


class Resolver(Protocol):
    """Finds the source that FROM names: its key and its columns, None where there is none of that name.

    An optional attribute `names` lists the names that it knows.
    """

    def __call__(self, name: str, /) -> tuple[str, Schema] | None: ...


class Context:
    """The state of binding one query.

    Attributes:
        text: the query.
        bound: columns of the source that a SELECT without FROM runs on, None if there is none.
        sources: finds named sources, None if there are none.
        expressions: binds expressions and collects mistakes.
        attempt: runs a function and records its mistake.
    """

    def __init__(
        self, text: str, bound: Schema | None, params: Sequence[Any], sources: Resolver | None
    ) -> None:
        self.text = text
        self.bound = bound
        self.sources = sources
        self.expressions = ExpressionBinder(text, params)
        self.attempt = self.expressions.attempt
        self._ids: set[str] = set()
        self._set_ids: dict[tuple[str, Type], str] | None = None

    def record(self, error: TQLError) -> None:
        """Keep a mistake and go on."""
        self.expressions.errors.append(error)

    def fresh_id(self, name: str) -> str:
        """An id for a computed column that no other has."""
        return fresh_name(name, self._ids)

    def output_id(self, name: str, type_: Type) -> str:
        """The id of a visible computed column; the sides of a set operation share one per name and type."""
        if self._set_ids is None:
            return self.fresh_id(name)
        if (name, type_) not in self._set_ids:
            self._set_ids[name, type_] = self.fresh_id(name)
        return self._set_ids[name, type_]

    @contextmanager
    def set_operation(self) -> Iterator[None]:
        """While its operands are bound, which share ids; one inside of another shares the outer one's."""
        if self._set_ids is not None:
            yield
            return
        self._set_ids = {}
        try:
            yield
        finally:
            self._set_ids = None

    @contextmanager
    def sub_query(self) -> Iterator[None]:
        """While a sub-query is bound: a set operation around it does not choose the ids of its columns."""
        outer, self._set_ids = self._set_ids, None
        try:
            yield
        finally:
            self._set_ids = outer
