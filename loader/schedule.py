"""Which rows come in which batch: pure functions of sizes, seeds and an epoch to positions.

It reads nothing and keeps nothing: a schedule, an epoch and how many of its rows were handed over are the
whole state of a loader. Positions count within the loader's view, places within the order of an epoch over
all processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.loader.fingerprint import digest

if TYPE_CHECKING:
    from tql.loader.weights import WeighedBy

Positions = NDArray[np.int64]

_LOW = 0xFFFFFFFF
_SUBSTITUTE = (0x5AB57175, 0x7E000000)  # the key of the random numbers that choose stand-ins
_PARTITIONS = 0xB10C0000  # keeps the order of the partitions apart from that of the rows


@dataclass(frozen=True, eq=False)
class Draw:
    """Rows drawn by weight, anew in each epoch.

    Attributes:
        weights: float64 [rows of the view].
        size: rows drawn per epoch; at most the rows of positive weight where `replace` is false.
        replace: whether a row may come more than once.
        seed: epoch 0 gives the rows that `view.sample_by(..., seed=seed)` gives.
        weighed_by: what makes the weights again, by which the draw pickles; None: it pickles with them.
    """

    weights: NDArray[np.float64]
    size: int
    replace: bool
    seed: int
    weighed_by: WeighedBy | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.weighed_by is None:
            return self.by_content()
        return _drawn_again, (self.weighed_by, self.size, self.replace, self.seed)

    def by_content(self) -> tuple[Any, ...]:
        """What `__reduce__` gives where the weights are not to be evaluated again."""
        return Draw, (self.weights, self.size, self.replace, self.seed)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # it can't be changed

    def positions(self, epoch: int) -> Positions:
        """The rows of an epoch in draw order, int64 [size]."""
        draw = _engine.sample_with_replacement if self.replace else _engine.sample_without_replacement
        return draw(self.weights, self.size, seed=self.seed, stream=epoch)


def _drawn_again(weighed_by: WeighedBy, size: int, replace: bool, seed: int) -> Draw:
    return Draw(weighed_by.weights(), size, replace, seed, weighed_by)


@dataclass(frozen=True)
class ExactShuffle:
    """A uniformly random order of all rows."""

    seed: int

    def order(self, positions: Positions, epoch: int) -> Positions:
        return positions[self.places(len(positions), epoch)]

    def places(self, rows: int, epoch: int) -> Positions:
        """The order of so many rows that stand in their own, int64 [rows]."""
        return _permutation(rows, self.seed, epoch)

    def describe(self) -> str:
        """The order in short: equal for equal orders."""
        return f"exact seed {self.seed}"


@dataclass(frozen=True)
class BlockShuffle:
    """Partitions in random order, then rows in random order within windows of `window_rows`.

    For rows that are expensive to read one by one: only a window's partitions need to be at hand at once.

    Attributes:
        seed: of the order.
        starts: first row of each partition, ascending, the first one 0.
        window_rows: rows that are mixed with each other, at least 1.
    """

    seed: int
    starts: tuple[int, ...]
    window_rows: int

    def order(self, positions: Positions, epoch: int) -> Positions:
        partition = np.searchsorted(np.asarray(self.starts, dtype=np.int64), positions, side="right") - 1
        rank = np.empty(len(self.starts), dtype=np.int64)
        rank[_permutation(len(self.starts), self.seed ^ _PARTITIONS, epoch)] = np.arange(len(self.starts))
        grouped = positions[np.argsort(rank[partition], kind="stable")]
        keys = _permutation(len(grouped), self.seed, epoch)
        for start in range(0, len(grouped), self.window_rows):
            window = slice(start, start + self.window_rows)
            # The relative order of any part of a uniform permutation is uniform.
            grouped[window] = grouped[window][np.argsort(keys[window])]
        return grouped

    def describe(self) -> str:
        """The order in short: equal for equal orders."""
        chunks = digest([np.asarray(self.starts, np.int64)])
        return f"windows of {self.window_rows} of chunks {chunks} seed {self.seed}"


@dataclass(frozen=True)
class Share:
    """Which part of each global batch this process takes."""

    rank: int = 0
    world_size: int = 1


@dataclass(frozen=True, eq=False)
class Schedule:
    """The order of rows for every epoch.

    The global order does not depend on the share: step k of `world_size` processes with batches of B rows
    takes the rows of step k of one process with batches of `B * world_size` rows.

    Attributes:
        rows: rows of the view.
        batch_size: rows of a batch in this process.
        drop_last: leave out the rows of an incomplete last global batch. Otherwise its rows are split evenly,
            and as many rows as are missing are taken from the start of the epoch again, so that all
            processes run the same number of equal steps.
        draw: rows drawn by weight; None takes all rows.
        shuffle: None keeps the order.
        share: the part of this process.
    """

    rows: int
    batch_size: int = 1
    drop_last: bool = False
    draw: Draw | None = None
    shuffle: ExactShuffle | BlockShuffle | None = None
    share: Share = Share()

    @property
    def rows_per_epoch(self) -> int:
        """Rows of an epoch over all processes, padding not counted."""
        return self.rows if self.draw is None else self.draw.size

    @property
    def steps(self) -> int:
        """Batches of an epoch, the same in every process."""
        return self.steps_from(0)

    def steps_from(self, start: int) -> int:
        """Batches of what is left of an epoch behind its first `start` rows."""
        whole, rest = divmod(max(self.rows_per_epoch - start, 0), self.batch_size * self.share.world_size)
        return whole if self.drop_last or rest == 0 else whole + 1

    def rows_behind(self, start: int, steps: int) -> int:
        """Rows of the epoch, over all processes, that lie behind us `steps` batches after row `start`."""
        return min(start + steps * self.batch_size * self.share.world_size, self.rows_per_epoch)

    def global_order(self, epoch: int) -> Positions:
        """The rows of an epoch over all processes in order, int64 [rows_per_epoch]."""
        if self.draw is None and isinstance(self.shuffle, ExactShuffle):
            return self.shuffle.places(self.rows, epoch)
        positions = np.arange(self.rows, dtype=np.int64) if self.draw is None else self.draw.positions(epoch)
        return positions if self.shuffle is None else self.shuffle.order(positions, epoch)

    def epoch(self, epoch: int, start: int = 0) -> EpochOrder:
        """The batches of one epoch, or of what is left of it behind its first `start` rows."""
        order = self.global_order(epoch)
        return EpochOrder(order, epoch, start, self.batch_size, self.steps_from(start), self.share)


@dataclass(frozen=True, eq=False)
class EpochOrder:
    """The batches of one epoch of one process, cut from the global order on demand.

    Attributes:
        order: the rows of the whole epoch over all processes.
        epoch: its number.
        start: rows at its beginning that are left out.
        batch_size: rows of a batch in this process.
        steps: batches.
        share: the part of this process.
    """

    order: Positions
    epoch: int
    start: int
    batch_size: int
    steps: int
    share: Share

    def __len__(self) -> int:
        return self.steps

    def places(self, steps: range) -> Positions:
        """Where the rows of batches next to each other stand in the order of the epoch, int64 [rows].

        Places behind the last row stand for those at the start of the epoch.

        Raises:
            IndexError: there is no such step.
        """
        if not 0 <= steps.start < steps.stop <= self.steps:
            raise IndexError(f"steps {steps.start} to {steps.stop} of an epoch of {self.steps}")
        together, world_size = self.batch_size * self.share.world_size, self.share.world_size
        first = self.start + steps.start * together
        if world_size == 1:
            return np.arange(first, min(first + len(steps) * together, len(self.order)), dtype=np.int64)
        pieces = []
        for begin in range(first, first + len(steps) * together, together):
            each = -(-min(together, len(self.order) - begin) // world_size)
            mine = begin + self.share.rank * each
            pieces.append(np.arange(mine, mine + each, dtype=np.int64))
        return np.concatenate(pieces)

    def at(self, places: Positions) -> Positions:
        """The positions of the rows that stand at these places."""
        rows = len(self.order)
        if len(places) and places[-1] < rows and places[-1] - places[0] == len(places) - 1:
            return self.order[places[0] : places[-1] + 1]
        return self.order[np.where(places < rows, places, (places - rows) % rows)]

    def batch(self, step: int) -> Positions:
        """Positions of a batch, int64 [rows of the batch].

        Raises:
            IndexError: there is no such step.
        """
        return self.at(self.places(range(step, step + 1)))

    def substitute(self, place: int, attempt: int) -> int:
        """A place whose row may stand in for one that can't be read.

        Any place of the epoch, equally likely, so that the shares of the classes stay what they are; it
        depends on the place alone and not on who asks, so processes need not talk to each other.

        Args:
            place: of the row that can't be read.
            attempt: 0, 1, ... until a row can be read.
        """
        (number, *_) = _engine.philox4x32(
            (place & _LOW, place >> 32, attempt, self.epoch & _LOW), _SUBSTITUTE
        )
        return number % len(self.order)


def _permutation(n: int, seed: int, epoch: int) -> Positions:
    return _engine.permutation(n, seed=seed, stream=epoch)
