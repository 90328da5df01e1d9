"""Indexes of columns of vectors, made by usearch: near vectors are found without reading all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column
from tql.errors import ArgumentError, FormatError, MissingDependencyError
from tql.loader.source import Source
from tql.schema import Schema

INDEX = "usearch"
_METRICS = {"cosine": "cos", "dot": "ip", "l2": "l2sq"}
_KINDS = {"cosine": "Cos", "dot": "IP", "l2": "L2sq"}  # as usearch calls them in a file
_CHECKED = 16  # vectors of a file that are compared with the column's
_LEAST_EXPANSION = 128
_ELEMENTS = ("int8", "uint8", "float16", "float32", "float64")


class VectorIndex:
    """Finds rows whose vectors lie near a given one. Safe to call from several threads.

    It is a graph (Malkov, Yashunin, "Efficient and robust approximate nearest neighbor search using
    Hierarchical Navigable Small World graphs", 2016) over a copy of the vectors in float32. It is made on
    first use, by one thread, so that the same vectors always give the same graph. Rows that are NULL, or hold
    a NaN or an infinity, are not in it. Pickles by description: the copy reads its file, or is made again.

    Args:
        source: of the column.
        column: of vectors, all of one length.
        metric: "cosine", "dot" or "l2".
        path: of a file that keeps the index; it is written if there is none.
    """

    def __init__(self, source: Source, column: str, metric: str, path: Path | None = None) -> None:
        self._source = source
        self._column = column
        self._metric = metric
        self._path = path
        self._lock = Lock()
        self._made: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return VectorIndex, (self._source, self._column, self._metric, self._path)

    def nearest(self, query: NDArray[np.float64], count: int) -> NDArray[np.int64]:
        """At least min(count, rows) rows, in any order.

        Args:
            query: float64 [width].
            count: where so many rows are not in the index, all rows are given.

        Raises:
            MissingDependencyError: without usearch.
            FormatError: a file that is no index of this column.
        """
        index = self.load()
        if count < len(index):
            vector = np.ascontiguousarray(query, np.float32)
            with self._lock:  # what decides how wide it looks is a property of the index
                index.expansion_search = max(_LEAST_EXPANSION, 2 * count)
                found = np.unique(np.asarray(index.search(vector, count, threads=1).keys).astype(np.int64))
            if len(found) == count:
                return found
        return np.arange(self._source.num_rows, dtype=np.int64)

    def load(self) -> Any:
        """The index itself: read from its file, or made and written there."""
        with self._lock:
            if self._made is None:
                index_class = _index_class()
                kept = self._path is not None and self._path.exists()
                self._made = self._read(index_class) if kept else self._make(index_class)
            return self._made

    def _make(self, index_class: Any) -> Any:
        type_ = self._source.schema.type_of(self._column)
        assert type_.shape is not None
        index = index_class(ndim=type_.shape[0], metric=_METRICS[self._metric], dtype="f32")
        for rows, vectors in self._batches():
            index.add(rows, vectors, threads=1)
        if self._path is not None:
            written = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
            index.save(str(written))
            os.replace(written, self._path)
        return index

    def _batches(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        for start, stop in self._source.partitions([self._column]):
            vectors, finite = _usable(self._source.read(self._column, "values", start, stop))
            yield start + np.flatnonzero(finite), vectors[finite]

    def _read(self, index_class: Any) -> Any:
        try:
            index = index_class.restore(str(self._path))
        except Exception as error:  # usearch raises what it likes
            raise FormatError(f"this is no usearch index: '{self._path}': {error}") from None
        type_ = self._source.schema.type_of(self._column)
        if index is None or index.ndim != (type_.shape or (0,))[0]:
            raise self._stale("vectors of another length")
        if index.metric_kind.name != _KINDS[self._metric]:
            raise self._stale("another metric")
        rows = np.unique(np.linspace(0, max(0, self._source.num_rows - 1), _CHECKED).astype(np.int64))
        if self._source.num_rows > 0:
            vectors, finite = _usable(self._source.take(self._column, "values", rows))
            for row, vector, indexed in zip(rows, vectors, finite, strict=True):
                kept = index.get(int(row))
                if (kept is not None) != indexed or (indexed and not np.array_equal(kept, vector)):
                    raise self._stale(f"another vector for row {row}")
        if len(index) > self._source.num_rows:
            raise self._stale("more rows")
        return index

    def _stale(self, difference: str) -> FormatError:
        return FormatError(
            f"the index is not one of column '{self._column}', it has {difference}: '{self._path}'",
            hint="remove the file to have the index made anew",
        )


def _usable(column: Column) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """float32 [rows, width], and which of them an index can have: bool [rows]."""
    with np.errstate(over="ignore"):
        vectors = np.asarray(column.values).astype(np.float32)
    finite = np.asarray(np.isfinite(vectors).all(axis=1))
    return vectors, finite if column.validity is None else np.logical_and(finite, column.validity)


def _index_class() -> Any:
    try:
        from usearch.index import Index
    except ImportError:
        raise MissingDependencyError(
            "searching an index of vectors needs the package usearch",
            hint="install it: pip install tql[usearch]",
        ) from None
    return Index


def check_indexed(schema: Schema, column: str, metric: str) -> None:
    """Raises ArgumentError for a column that cannot have an index, or an unknown metric."""
    if metric not in _METRICS:
        raise ArgumentError(f"the metric of an index is 'cosine', 'dot' or 'l2', got {metric!r}")
    type_ = schema.type_of(column)
    if type_.shape is None or len(type_.shape) != 1 or not type_.shape[0] or type_.element not in _ELEMENTS:
        raise ArgumentError(
            f"an index needs vectors of one length, column '{column}' is {type_}",
            hint="the type of such a column is 'float32[256]'",
        )


def with_index(schema: Schema, column: str, metric: str) -> Schema:
    """The schema that says that a column has an index."""
    fields = [
        replace(field, index=f"{INDEX}/{metric}") if name == column else field
        for name, field in schema.items()
    ]
    return Schema(fields, grouped=schema.grouped)


def metric_of(index: str | None) -> str | None:
    """The metric of an index as a field names it; None for indexes of other kinds."""
    kind, _, metric = (index or "").partition("/")
    return metric if kind == INDEX else None


def without_indexes(schema: Schema) -> Schema:
    """The schema without indexes of vectors: they are of all rows of a dataset, and of nothing else."""
    if not any(metric_of(field.index) for field in schema.fields):
        return schema
    fields = [replace(field, index=None) if metric_of(field.index) else field for field in schema.fields]
    return Schema(fields, grouped=schema.grouped)
