"""A dataset of which a saved view takes a part of every value: slices along the axes below the rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column, EncodedRows
from tql.errors import UnsupportedError
from tql.loader.arrays import ArrayRows
from tql.loader.source import Facet, Source, facet_of, lease_cache
from tql.schema import Field, Schema
from tql.types import Type


class SubSampled:
    """A source whose numeric values are sliced; texts, JSON and lists stay whole.

    Args:
        source: where the rows are stored.
        steps: of the axes below the row axis, from the first on.
    """

    def __init__(self, source: Source, steps: Sequence[slice]) -> None:
        self._source = source
        self._steps = tuple(steps)
        self._schema = Schema([self._field(field) for field in source.schema.values()])

    def __reduce__(self) -> tuple[Any, ...]:
        bounds = [(step.start, step.stop, step.step) for step in self._steps]
        return _restore, (self._source, bounds)

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def num_rows(self) -> int:
        return self._source.num_rows

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        return self._source.partitions(columns)

    def lease_cache(self, nbytes: int) -> Callable[[], None]:
        return lease_cache(self._source, nbytes)

    def read(self, column: str, facet: Facet, start: int, stop: int) -> Column:
        return self._sliced(column, facet, self._source.read(column, "values", start, stop))

    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> Column:
        return self._sliced(column, facet, self._source.take(column, "values", rows))

    def encoded(self, column: str, rows: NDArray[np.int64]) -> EncodedRows | None:
        return None if self._cut(column) else self._source.encoded(column, rows)

    def stored_bytes(self, column: str, row: int) -> bytes:
        if self._cut(column):
            raise UnsupportedError(f"a part of a value is not stored as bytes: '{column}'")
        return self._source.stored_bytes(column, row)

    def describe(self) -> dict[str, Any]:
        return self._source.describe()

    def _sliced(self, column: str, facet: Facet, values: Column) -> Column:
        cut = self._cut(column)
        if not cut:
            return facet_of(values, facet)
        if values.layout == "dense":
            part = np.ascontiguousarray(values.values[(slice(None), *cut)])
            return facet_of(Column.dense(part, values.validity), facet)
        offsets = values.offsets
        assert offsets is not None
        rows = [
            values.values[start:stop].reshape(shape)[cut]
            for (start, stop), shape in zip(itertools.pairwise(offsets.tolist()), values.shapes, strict=True)
        ]
        flat = np.concatenate([row.reshape(-1) for row in rows]) if rows else values.values[:0]
        shapes = np.array([row.shape for row in rows], np.int64).reshape(len(rows), values.shapes.shape[1])
        return facet_of(ArrayRows(flat, shapes, values.validity).to_column(), facet)

    def _cut(self, column: str) -> tuple[slice, ...]:
        return _applied(self._source.schema.type_of(column), self._steps)

    def _field(self, field: Field) -> Field:
        cut = _applied(field.type, self._steps)
        if not cut or field.type.shape is None:
            return field
        shape = list(field.type.shape)
        for axis, step in enumerate(cut):
            extent = shape[axis]
            shape[axis] = None if extent is None else len(range(*step.indices(extent)))
        return replace(field, type=replace(field.type, shape=tuple(shape)), encoding=None, row_bytes=0)


def _applied(type_: Type, steps: tuple[slice, ...]) -> tuple[slice, ...]:
    """The slices that values of a type take."""
    if not type_.is_numeric or type_.nested or type_.rank is None:
        return ()
    return steps[: type_.rank]


def _restore(source: Source, bounds: Sequence[tuple[Any, Any, Any]]) -> SubSampled:
    return SubSampled(source, [slice(*bound) for bound in bounds])
