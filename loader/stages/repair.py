"""What becomes of a batch with rows that can't be read: they are found one by one, and another row or an
empty value takes their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tql._engine import EngineError
from tql.errors import FormatError, StorageError
from tql.loader.stages.decode import Decoder
from tql.loader.stages.fetch import ColumnRead, Rows, Slots, fetch
from tql.loader.to_numpy import Values
from tql.types import Type

OnError = Literal["raise", "skip", "replace"]
"""What becomes of a row that can't be read: an error, another row in its place, or an empty value in it."""

UNREADABLE = (FormatError, StorageError, OSError, EngineError)
"""What reading a damaged row, or one whose file is gone, raises."""

_ATTEMPTS = 64


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read.

    Attributes:
        row: its number in the dataset.
        column: the column that is damaged.
        chunk: the name of the chunk that holds it, None where that is not known.
        reason: what is wrong.
    """

    row: int
    column: str
    chunk: str | None
    reason: str

    def __str__(self) -> str:
        place = "" if self.chunk is None else f" (chunk {self.chunk})"
        return f"row {self.row} of column '{self.column}'{place}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """A batch of which every row could be read in the end."""

    positions: NDArray[np.int64]
    values: dict[str, Values]
    bad: tuple[BadRow, ...]


class Repair:
    """Reads the rows of a batch one by one."""

    def __init__(
        self,
        view: Rows,
        columns: Sequence[ColumnRead],
        decoder: Decoder,
        policy: OnError,
    ) -> None:
        self._view = view
        self._columns = columns
        self._decoder = decoder
        self._policy = policy

    def repair(self, slots: Slots, stand_in: Callable[[int, int], int]) -> Repaired:
        """The batch of these slots.

        Args:
            slots: the rows. What is drawn for a slot is drawn for its stand-in too.
            stand_in: (slot of the batch, attempt) to the position of a row that may take the place of the
                slot's own.

        Raises:
            FormatError: no stand-in could be read either.
        """
        bad: list[BadRow] = []
        taken = slots.positions.copy()
        rows: list[dict[str, Any]] = []
        for slot in range(len(taken)):
            row, damage = self._row(slots, slot, int(taken[slot]))
            bad += damage
            if damage and self._policy == "skip":
                taken[slot], row = self._other(slots, slot, stand_in, bad)
            rows.append(row)
        values = {column.name: _joined([row[column.name] for row in rows]) for column in self._columns}
        return Repaired(taken, values, tuple(bad))

    def _other(
        self, slots: Slots, slot: int, stand_in: Callable[[int, int], int], bad: list[BadRow]
    ) -> tuple[int, dict[str, Any]]:
        for attempt in range(_ATTEMPTS):
            position = stand_in(slot, attempt)
            row, damage = self._row(slots, slot, position)
            if not damage:
                return position, row
            bad += damage
        raise FormatError(
            f"no row can be read in place of those that can't: {_ATTEMPTS} were tried, the last is {bad[-1]}",
            hint="the dataset may be damaged as a whole: on_error='raise' says where",
        )

    def _row(self, slots: Slots, slot: int, position: int) -> tuple[dict[str, Any], list[BadRow]]:
        """The values of the row at `position` for a slot, empty ones for those that can't be read."""
        row: dict[str, Any] = {}
        bad: list[BadRow] = []
        at = Slots(np.array([position], np.int64), slots.places[slot : slot + 1], slots.epoch)
        for column in self._columns:
            try:
                fetched = fetch(self._view, [column], at)
                row[column.name] = self._decoder.wait(self._decoder.submit(fetched))[column.name][0]
            except UNREADABLE as error:
                bad.append(self._described(column.name, position, error))
                row[column.name] = self._empty(column, at)
        return row, bad

    def _described(self, column: str, position: int, error: Exception) -> BadRow:
        named = getattr(self._view, "chunk_name", None)
        try:
            chunk = None if named is None else named(column, position)
        except UNREADABLE:  # the index that would say so is damaged too
            chunk = None
        reason = error.message if isinstance(error, FormatError) else str(error)
        return BadRow(
            int(self._view.indices[position]), column, chunk, reason.split(" can't be decoded: ")[-1]
        )

    def _empty(self, column: ColumnRead, at: Slots) -> Any:
        """What stands for a value that can't be read: zeros of the shape that the row should have."""
        type_ = self._view.schema.type_of(column.name)
        if column.method == "tobytes":
            return b""
        if type_.is_numeric:
            blank = np.zeros(self._shape(column.name, at.positions, type_), type_.numpy_dtype())
            if column.method == "pil":
                from tql.loader.images import image_of

                return image_of(blank)
            return self._decoder.transformed(column, blank[None], at)[0]
        return {"text": "", "bytes": b""}.get(type_.element)

    def _shape(self, column: str, at: NDArray[np.int64], type_: Type) -> tuple[int, ...]:
        try:
            return tuple(self._view.take(column, "shape", at).values[0].tolist())
        except UNREADABLE:  # the chunk's header is what is damaged
            return tuple(extent or 1 for extent in type_.shape or ())


def _joined(rows: list[Any]) -> Values:
    """Rows as `Values`: one array where all have one shape."""
    if all(isinstance(row, np.ndarray) for row in rows) and len({row.shape for row in rows}) == 1:
        return np.stack(rows)
    if all(isinstance(row, np.generic) for row in rows):
        return np.array(rows)
    return rows
