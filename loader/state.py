"""The state of a loader as plain data: which epoch, how many of its rows were handed over, and of what.

It holds no random state and no list of rows: the order of an epoch is a pure function of the seed, so a
number of rows is the whole position. That number counts over all processes, so a state may be loaded with
another number of ranks or workers, or another batch size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tql.errors import StateError

VERSION = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a loader is: rows of an epoch, over all processes, that lie behind it."""

    epoch: int = 0
    rows: int = 0


class Cursor:
    """The place of one iteration, moved on as its batches are handed over.

    Attributes:
        epoch: that is read.
        rows: of it that lie behind.
        begun: whether an iteration reads on from here, so that the next one is for the epoch after it.
    """

    def __init__(self, place: Place) -> None:
        self.epoch = place.epoch
        self.rows = place.rows
        self.begun = False

    def finish(self) -> None:
        """The epoch has come to its end."""
        self.epoch += 1
        self.rows = 0
        self.begun = False

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.epoch, self.rows)

    @property
    def next(self) -> Place:
        """Where the next iteration begins."""
        return Place(self.epoch + 1) if self.begun else self.place


Identity = Mapping[str, str]
"""What an order of rows depends on, by name; see `Config.identity`."""

_REASONS = {
    "dataset": (
        "the dataset is another one, or has changed",
        "open the version that the state was saved with",
    ),
    "rows": (
        "the query or the selection gives other rows",
        "use the query that the state was saved with, and its seed",
    ),
    "draw": ("the rows are drawn in another way", "use the sample_by() that the state was saved with"),
    "shuffle": ("the rows are shuffled in another way", "use the shuffle() that the state was saved with"),
    "seed": ("the loader has another seed", "pass the seed that the state was saved with"),
}


def dump(place: Place, rows: int, identity: Identity) -> dict[str, Any]:
    """The state as JSON data; `rows` is the number of rows of an epoch."""
    position = {"epoch": place.epoch, "rows": place.rows, "rows_per_epoch": rows}
    return {"version": VERSION, **position, "order": dict(identity)}


def load(state: Any, rows: int, identity: Identity) -> Place:
    """The place that a state stands for.

    Raises:
        StateError: it is no state, or one of another dataset, query or order.
    """
    if not isinstance(state, Mapping):
        raise StateError(f"a state is a dict as state_dict() gives it, got {type(state).__name__}")
    if state.get("version") != VERSION:
        raise StateError(f"a state of version {VERSION} is needed, got version {state.get('version')!r}")
    saved = state.get("order")
    if not isinstance(saved, Mapping):
        raise StateError("the state does not say of which rows it is: 'order' is missing")
    for name, value in identity.items():
        if saved.get(name) != value:
            reason, hint = _REASONS[name]
            raise StateError(
                f"this state is of another loader: {reason}: "
                f"{_shown(saved.get(name))} when it was saved, now {_shown(value)}",
                hint=hint,
            )
    epoch, behind = (_count(state, name) for name in ("epoch", "rows"))
    if behind > rows:
        raise StateError(f"the state lies behind the end of an epoch: {behind} of {rows} rows")
    return Place(epoch, behind)


def _count(state: Mapping[str, Any], name: str) -> int:
    value = state.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise StateError(f"'{name}' of a state must be an integer of at least 0, got {value!r}")
    return value


def _shown(value: object) -> str:
    return "unknown" if value is None else str(value)
