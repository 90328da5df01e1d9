"""Decode: stored bytes to NumPy values, on the engine's threads, straight into the batch's memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import DecodePool, DecodeTicket, EncodedRows, EngineError, FixedRows, ImageProgram
from tql.errors import ArgumentError, FormatError
from tql.loader.stages.fetch import ColumnRead, Fetched, Rows, Slots, StoredRows
from tql.loader.stages.native import joined, stored_images
from tql.loader.to_numpy import Values, column_values
from tql.loader.to_python import python_values


@dataclass(frozen=True, slots=True, eq=False)
class Decoding:
    """A batch whose native columns are being decoded."""

    slots: Slots
    tickets: dict[ColumnRead, DecodeTicket | None]


class Decoder:
    """Turns fetched rows into values."""

    def __init__(self, view: Rows, pool: DecodePool, seed: int = 0) -> None:
        """Decode rows of `view` on the threads of `pool`; `seed` is that of transforms."""
        self._view = view
        self._seed = seed
        self._pool = pool

    def submit(self, fetched: Fetched) -> Decoding:
        """Start decoding; returns at once."""
        tickets = {
            column: None if rows is None else self._ticket(column, rows, fetched.slots)
            for column, rows in fetched.stored.items()
        }
        return Decoding(fetched.slots, tickets)

    def wait(self, decoding: Decoding) -> dict[str, Values]:
        """The rows of every column, in the order of the columns.

        Raises:
            FormatError: a stored row is damaged; the message names it.
        """
        return {column.name: self.finished(column, decoding) for column in decoding.tickets}

    def finished(self, column: ColumnRead, decoding: Decoding) -> Values:
        """The rows of one column, after all its steps.

        What the engine doesn't decode (text, JSON, codecs that only Python has) is read here.
        """
        ticket, slots = decoding.tickets[column], decoding.slots
        if ticket is None:
            return self.transformed(column, self.read(column, slots.positions), slots)
        values = self._decoded(column, ticket, slots.positions)
        if column.steps is None:
            return values
        return self.transformed(column, values, slots, 0 if column.steps.programs[0] is None else 1)

    def transformed(self, column: ColumnRead, values: Values, slots: Slots, done: int = 0) -> Values:
        """The images of these slots after the column's steps, of which the first `done` parts are done.

        Raises:
            ArgumentError: a step can't be applied.
        """
        if column.steps is None:
            return values
        parts = list(zip(column.steps.parts, column.steps.programs, strict=True))
        for part, program in parts[done:]:
            if program is None:
                assert callable(part)
                values = joined([part(value) for value in values])
            elif len(values):
                rows = stored_images(values, column.name)
                ticket = self._transforming(column, rows, program, slots)
                values = self._decoded(column, ticket, slots.positions)
        return values

    def _ticket(self, column: ColumnRead, rows: StoredRows, slots: Slots) -> DecodeTicket:
        """Rows being decoded, and the transforms with which the column's steps begin."""
        program = None if column.steps is None else column.steps.programs[0]
        if program is None or isinstance(rows, FixedRows):
            return self._pool.submit(rows)
        return self._transforming(column, rows, program, slots)

    def _transforming(
        self, column: ColumnRead, rows: EncodedRows, program: ImageProgram, slots: Slots
    ) -> DecodeTicket:
        try:
            return self._pool.submit_images(rows, program, self._seed, slots.epoch, slots.places)
        except EngineError as error:
            code, reason, row, *_ = error.args
            if code != "shape":
                raise
            hint = "put RGB() first: it gives every image three channels" if "channel" in reason else None
            place = f"row {self._view.indices[slots.positions[row]]} of column '{column.name}'"
            raise ArgumentError(f"{place} can't be transformed: {reason}", hint=hint) from None

    def _decoded(self, column: ColumnRead, ticket: DecodeTicket, positions: NDArray[np.int64]) -> Values:
        try:
            return ticket.wait()
        except EngineError as error:
            _, reason, row, *_ = error.args
            raise self._damaged(column.name, reason, positions[row] if row >= 0 else None) from None

    def read(self, column: ColumnRead, positions: NDArray[np.int64]) -> Values:
        """Rows that the engine does not decode, before any step.

        Raises:
            FormatError: a stored row is damaged; the message names it.
        """
        if column.method in ("numpy", "data"):
            rows, type_ = (
                self._view.take(column.name, "values", positions),
                self._view.schema.type_of(column.name),
            )
            return python_values(rows, type_) if column.method == "data" else column_values(rows, type_)
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
        if position is None:
            return FormatError(f"column '{column}' can't be decoded: {reason}")
        named = getattr(self._view, "chunk_name", None)
        chunk = None if named is None else named(column, int(position))
        where = "" if chunk is None else f" (chunk {chunk})"
        row = self._view.indices[position]
        return FormatError(f"row {row} of column '{column}'{where} can't be decoded: {reason}")
