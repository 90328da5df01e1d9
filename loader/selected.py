"""Rows of a source, by number, under named columns: the storage protocol of a view.

Row numbers count within the selection; all that is read is asked of the source by its own numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.errors import UnsupportedError
from tql.loader.partitions import DEFAULT_ROW_BYTES, even_ranges
from tql.loader.source import Facet, Source, facet_of, fixed, lease_cache
from tql.loader.zones import is_in_memory, keep_zones, zones_of
from tql.schema import Schema


class SelectedRows:
    """Rows that were selected, as a `tql.loader.source.Source`. Nothing is read before it is asked for.

    Args:
        source: where the rows are stored.
        selection: which rows, in which order.
        columns: output name to a column of the source, or to a computed column aligned with the rows.
        schema: the types of the output columns.
    """

    def __init__(
        self,
        source: Source,
        selection: _engine.Selection,
        columns: Mapping[str, str | _engine.Column],
        schema: Schema,
    ) -> None:
        self._source = source
        self._selection = selection
        self._columns = dict(columns)
        self._schema = schema
        self._start = _range_start(selection, source.num_rows)

    # --- which rows ---------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._selection)

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        return self._schema

    @property
    def indices(self) -> NDArray[np.int64]:
        """int64 [len]: the row of the underlying dataset for each row of the view. Read-only.

        Rows that a query made (joins, groups, ...) are counted as it made them, from 0.
        """
        return self._selection.indices

    def numbers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The `indices` of these rows of the view, int64 [n], without those of all others; not shared."""
        stored = self._stored_rows(rows)
        return stored.copy() if stored is rows else stored

    @property
    def repeats(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the underlying dataset that the view holds, and how often it holds each.

        Returns:
            Both int64 [distinct rows], the rows ascending. A draw with replacement keeps them so: its
            `indices`, which repeat the rows in the order of the draws, are not needed for them.
        """
        kept = self._selection.repeats
        if kept is not None:
            return kept
        rows, counts = np.unique(self.indices, return_counts=True)
        return rows, counts.astype(np.int64, copy=False)

    @property
    def has_repeats(self) -> bool:
        """Whether a row of the underlying dataset comes more than once."""
        return self._selection.kind == "indices" and len(self.repeats[0]) < len(self)

    # --- the storage protocol -----------------------------------------------------------------------------

    @property
    def num_rows(self) -> int:
        return len(self)

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        """Ranges of the view's rows that are cheap to read together."""
        stored = [origin for name in columns if isinstance(origin := self._columns[name], str)]
        if self._start is not None:
            start, stop = self._start, self._start + len(self)
            clipped = ((max(a, start), min(b, stop)) for a, b in self._source.partitions(stored))
            return [(a - start, b - start) for a, b in clipped if a < b]
        if self._selection.ascending:
            stops = np.array([stop for _, stop in self._source.partitions(stored)], np.int64)
            edges = np.unique(np.concatenate([[0], np.searchsorted(self.indices, stops)])).tolist()
            return list(itertools.pairwise(edges))
        sizes = [self._schema[name].row_bytes or DEFAULT_ROW_BYTES for name in columns]
        return even_ranges(len(self), sum(sizes))

    def read(self, column: str, facet: Facet, start: int, stop: int) -> _engine.Column:
        origin = self._columns[column]
        if not isinstance(origin, str):
            return facet_of(origin.slice(start, stop), facet)
        if self._start is not None:
            return self._source.read(origin, facet, self._start + start, self._start + stop)
        return self._source.take(origin, facet, self.indices[start:stop])

    def array(self, column: str, start: int, stop: int) -> NDArray[Any] | None:
        """Rows [start, stop) of a column of numbers as an array that nobody else holds; None where `read` is
        as good.
        """
        origin, array = self._columns[column], getattr(self._source, "array", None)
        if array is None or self._start is None or not isinstance(origin, str):
            return None
        own: NDArray[Any] | None = array(origin, self._start + start, self._start + stop)
        return own

    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> _engine.Column:
        origin = self._columns[column]
        if not isinstance(origin, str):
            return facet_of(origin.take(rows), facet)
        return self._source.take(origin, facet, self._stored_rows(rows))

    @property
    def in_memory(self) -> bool:
        return is_in_memory(self._source)

    def zones(self, column: str) -> _engine.Zones | None:
        """Those of the source, where the view's rows are a range of its rows."""
        origin = self._columns[column]
        if not isinstance(origin, str) or self._start is None:
            return None
        zones = zones_of(self._source, origin)
        return None if zones is None else zones.from_row(self._start)

    def lease_cache(self, nbytes: int) -> Callable[[], None]:
        return lease_cache(self._source, nbytes)

    def keep_zones(self) -> None:
        keep_zones(self._source)

    def encoded(self, column: str, rows: NDArray[np.int64]) -> _engine.EncodedRows | None:
        origin = self._columns[column]
        return self._source.encoded(origin, self._stored_rows(rows)) if isinstance(origin, str) else None

    def fixed(self, column: str, rows: NDArray[np.int64]) -> _engine.FixedRows | None:
        origin = self._columns[column]
        return fixed(self._source, origin, self._stored_rows(rows)) if isinstance(origin, str) else None

    def stored_bytes(self, column: str, row: int) -> bytes:
        origin = self._columns[column]
        if not isinstance(origin, str):
            raise UnsupportedError(f"a computed column is not stored as bytes: '{column}'")
        return self._source.stored_bytes(origin, int(self._stored_rows(np.array([row], np.int64))[0]))

    def chunk_name(self, column: str, row: int) -> str | None:
        """The chunk that holds a row of a column; None for a computed one, or a format without chunks."""
        origin, named = self._columns[column], getattr(self._source, "chunk_name", None)
        if not isinstance(origin, str) or named is None:
            return None
        name: str | None = named(origin, int(self._stored_rows(np.array([row], np.int64))[0]))
        return name

    def origin(self, column: str) -> tuple[Source, str] | None:
        """The source that stores a column and its name there, None for a computed one."""
        name = self._columns[column]
        if not isinstance(name, str):
            return None
        return self._source.origin(name) if isinstance(self._source, SelectedRows) else (self._source, name)

    def stored_rows(self, column: str, start: int, stop: int) -> NDArray[np.int64] | None:
        """The rows of `origin` that rows [start, stop) of a column are, None where they are computed."""
        name = self._columns[column]
        if not isinstance(name, str):
            return None
        rows = self._stored_rows(np.arange(start, stop, dtype=np.int64))
        below: Source = self._source
        while isinstance(below, SelectedRows):
            if not isinstance(below._columns[name], str):
                return None
            rows, name, below = below._stored_rows(rows), str(below._columns[name]), below._source
        return rows

    @property
    def sources_below(self) -> list[Source]:
        """What the view is read from."""
        return [self._source]

    def describe(self) -> dict[str, Any]:
        """Plain data for `tql info`: what the source says, with this view's number of rows."""
        return {**self._source.describe(), "rows": len(self)}

    # --- inside -------------------------------------------------------------------------------------------

    def _compose(self, chosen: _engine.Selection) -> _engine.Selection:
        """A selection of this view's rows as one of the source's rows."""
        if self._start == 0:
            return chosen
        return selection_of(self._stored_rows(chosen.indices))

    def _stored_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._start is None:
            return self.indices[rows]
        return rows + self._start if self._start else rows


def all_rows(source: Source) -> _engine.Selection:
    return _engine.Selection.from_range(0, source.num_rows)


def selection_of(rows: NDArray[np.int64]) -> _engine.Selection:
    """The cheapest form: a range where the rows are consecutive."""
    if len(rows) and bool((rows[1:] == rows[:-1] + 1).all()):
        return _engine.Selection.from_range(int(rows[0]), int(rows[-1]) + 1)
    return _engine.Selection.from_indices(np.ascontiguousarray(rows))


def _range_start(selection: _engine.Selection, num_rows: int) -> int | None:
    """First row of a selection that is a range, None for any other."""
    if selection.kind != "range":
        return None
    if len(selection) in (0, num_rows):
        return 0
    return int(selection.indices[0])
