"""The storage protocol: what a format must offer so that the engine and the dataloader can read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column, EncodedRows, FixedRows
from tql.schema import Schema

Facet = Literal["values", "shape"]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a format says of the values of a column of scalars, range of rows by range of rows.

    Attributes:
        bounds: int64 [n + 1], ascending: range i is rows [bounds[i], bounds[i + 1]). Rows may be left out at
            both ends.
        minimum: [n], of the column's dtype: no value of the range is smaller. NaN and NULL are no values.
        maximum: [n]: no value of the range is larger. Anything where a range has no value.
        nulls: int64 [n]: how many rows are NULL, exactly.
        has_nan: bool [n]: whether a row may be NaN. None: no row is.
    """

    bounds: NDArray[np.int64]
    minimum: NDArray[Any]
    maximum: NDArray[Any]
    nulls: NDArray[np.int64]
    has_nan: NDArray[np.bool_] | None = None


class Source(Protocol):
    """Rows of columns in storage. Immutable while open; safe to call from several threads.

    Implementations pickle by description (a path and a version), never by content, in-memory ones excepted.

    Seven more members may be left out:

        in_memory: bool: reading is no more than looking at memory, so that many small reads cost no more than
            few large ones, none is made ahead, and what `read` hands out is no memory that the query holds.
            False where there is no such member.
        zones(column) -> Zones | None: where the engine keeps what it finds out about the values of a column
            (`tql._engine.ZoneMaps`), so that later queries need not read what cannot match. None where the
            values may ever change, if only by somebody else's hand.
        lease_cache(nbytes) -> Callable: let the source keep so many bytes of what it has read, in place of
            what it keeps otherwise, until the returned function is called.
        statistics(column) -> Statistics | None: what the format knows of a column of scalars; `KeptZones`
            in `tql.loader.zones` hands it to the engine.
        keep_zones() -> None: write down what the engine found out, for those who open the source later;
            called after each query that read from it.
        array(column, start, stop) -> NDArray | None: rows [start, stop) of a column of numbers, [n, ...], as
            an array that nobody else holds, so that it need not be copied. None where `read` is as good.
        fixed(column, rows) -> FixedRows | None: where these rows of one shape lie in memory as they are to be
            handed over: they need only be copied. None where `encoded` has to be asked.
    """

    @property
    def schema(self) -> Schema: ...

    @property
    def num_rows(self) -> int: ...

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        """Row ranges [start, stop) that are cheap to read together for these columns.

        Ascending, without gaps, covering all rows. A range is small enough to be held in memory decoded.
        """
        ...

    def read(self, column: str, facet: Facet, start: int, stop: int) -> Column:
        """Rows [start, stop) of a column, decoded.

        Facet "shape" reads no values: int64 [rows, rank], of a nested column [rows, 1] and NULL where the row
        is.
        """
        ...

    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> Column:
        """The rows at these positions in this order, repeats allowed, decoded."""
        ...

    def encoded(self, column: str, rows: NDArray[np.int64]) -> EncodedRows | None:
        """The stored bytes of these rows without decoding them.

        None where the values are not numeric arrays that the engine's codecs decode (text, json, a codec that
        only Python has): the loader then uses `take`.
        """
        ...

    def stored_bytes(self, column: str, row: int) -> bytes:
        """The bytes of one row as stored (chunk compression undone), for `decode_method='tobytes'`."""
        ...

    def describe(self) -> dict[str, Any]:
        """Plain data for `tql info`: format, path, version, per-column facts."""
        ...


def facet_of(column: Column, facet: Facet) -> Column:
    """The facet of a column whose values are in memory."""
    if facet == "values":
        return column
    return Column.dense(np.ascontiguousarray(column.shapes), column.validity)


def present(source: Source) -> Source:
    """The source as it is now: one that can be written to gives its rows, whatever becomes of it later."""
    now: Callable[[Source], Source] | None = getattr(type(source), "present", None)
    return source if now is None else now(source)


def lease_cache(source: object, nbytes: int) -> Callable[[], None]:
    """Let a source keep `nbytes` of what it has read, if it keeps anything, until the returned function is
    called.
    """
    lease: Callable[[object, int], Callable[[], None]] | None = getattr(type(source), "lease_cache", None)
    return _nothing if lease is None else lease(source, nbytes)


def fixed(source: object, column: str, rows: NDArray[np.int64]) -> FixedRows | None:
    """Where rows of a source lie that need only be copied, if it says so."""
    find: Callable[[object, str, NDArray[np.int64]], FixedRows | None] | None
    find = getattr(type(source), "fixed", None)
    return None if find is None else find(source, column, rows)


def _nothing() -> None:
    pass
