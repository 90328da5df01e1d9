"""Decode: stored bytes to NumPy values, on the engine's threads, straight into the batch's memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import DecodePool, DecodeTicket, EngineError
from tql.errors import FormatError
from tql.loader.stages.fetch import ColumnRead, Fetched, Rows
from tql.loader.to_numpy import Values, column_values


@dataclass(frozen=True, slots=True, eq=False)
class Decoding:
    """A batch whose native columns are being decoded."""

    positions: NDArray[np.int64]
    tickets: dict[ColumnRead, DecodeTicket | None]


class Decoder:
    """Turns fetched rows into values. Owns the threads; close it."""

    def __init__(self, view: Rows, threads: int = 0) -> None:
        """Decode rows of `view` on this many threads, 0 for one per core."""
        self._view = view
        self._pool = DecodePool(threads)

    def submit(self, fetched: Fetched) -> Decoding:
        """Start decoding; returns at once."""
        tickets = {
            column: None if rows is None else self._pool.submit(rows)
            for column, rows in fetched.encoded.items()
        }
        return Decoding(fetched.positions, tickets)

    def wait(self, decoding: Decoding) -> dict[str, Values]:
        """The rows of every column, in the order of the columns.

        What the engine doesn't decode (text, JSON, codecs that only Python has) is read here.

        Raises:
            FormatError: a stored row is damaged; the message names it.
        """
        return {
            column.name: self._values(column, ticket, decoding.positions)
            for column, ticket in decoding.tickets.items()
        }

    def _values(
        self, column: ColumnRead, ticket: DecodeTicket | None, positions: NDArray[np.int64]
    ) -> Values:
        if ticket is not None:
            try:
                return ticket.wait()
            except EngineError as error:
                _, reason, row, *_ = error.args
                raise self._damaged(column.name, reason, positions[row] if row >= 0 else None) from None
        if column.method in ("numpy", "data"):
            rows = self._view.take(column.name, "values", positions)
            return column_values(rows, self._view.schema.type_of(column.name))
        stored = [self._view.stored_bytes(column.name, int(position)) for position in positions]
        if column.method == "tobytes":
            return stored
        return [
            self._image(column.name, data, position) for data, position in zip(stored, positions, strict=True)
        ]

    def _image(self, column: str, data: bytes, position: np.int64) -> Any:
        from tql.loader.images import open_image

        try:
            image = open_image(data)
            image.load()
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for a damaged file
            raise self._damaged(column, str(error), position) from None
        return image

    def _damaged(self, column: str, reason: str, position: np.int64 | None) -> FormatError:
        place = "" if position is None else f"row {self._view.indices[position]} of "
        return FormatError(f"{place}column '{column}' can't be decoded: {reason}")

    def close(self) -> None:
        """Join the threads. May be called again."""
        self._pool.close()
