"""The pipeline of one process: schedule -> fetch -> decode -> transform -> collate -> hand-over, some
batches ahead.

The engine's threads decode batches that come later while the consumer works on the one it has; how many
batches are under way is bounded, and with it the memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tql._engine import DecodePool
from tql.loader.schedule import EpochOrder, Positions
from tql.loader.source import lease_cache
from tql.loader.stages.collate import Face, collate, hand_over
from tql.loader.stages.decode import Decoder
from tql.loader.stages.fetch import ColumnRead, Rows, Slots, row_numbers
from tql.loader.stages.pad import Pad
from tql.loader.stages.randomness import seeded_libraries
from tql.loader.stages.read import Reader, Reading
from tql.loader.stages.repair import UNREADABLE, BadRow, OnError, Repair, Repaired
from tql.loader.stages.reuse import Turns
from tql.loader.stages.transform import (
    Sample,
    SampleTransform,
    Transform,
    calls_python,
    functions_of,
    split,
)
from tql.loader.stats import NO_TIME, Times
from tql.loader.to_numpy import NumpyFace, Values
from tql.loader.to_torch import TorchFace

INDEX = "index"
"""Key of the row numbers in a batch."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """How batches are made from positions: everything that a process needs to know.

    Attributes:
        view: the rows.
        columns: what is read of each row.
        face: whether arrays or torch tensors are handed over.
        transform: the caller's functions on single samples.
        collate_fn: makes the batch from the list of samples, in place of our collate.
        return_index: put the row's number in the dataset under the key "index".
        threads: decoding threads per process, 0 for one per core.
        seed: of the random numbers that the caller's functions use.
        on_error: what becomes of a row that can't be read.
        pad: what fills ragged columns up to one shape.
        reuse_rows: within how many rows a row that comes again is not decoded again; 0 for never.
        cache_bytes: what the source may keep meanwhile of the chunks that it has decompressed.
        together: how many batches are read together and then parted; for small rows of one shape.
    """

    view: Rows
    columns: tuple[ColumnRead, ...]
    face: Literal["numpy", "torch"] = "numpy"
    transform: Transform | None = None
    collate_fn: Callable[[list[Any]], Any] | None = None
    return_index: bool = False
    threads: int = 0
    seed: int = 0
    on_error: OnError = "raise"
    pad: Pad = None
    reuse_rows: int = 0
    cache_bytes: int = 0
    together: int = 1

    @property
    def calls_python(self) -> bool:
        """Whether functions of the caller take part."""
        return self.collate_fn is not None or calls_python(self.transform)


_ALL = Turns()


@dataclass(slots=True, eq=False)
class Made:
    """A batch, the rows of it that could not be read, and what it took."""

    batch: Any
    rows: int
    bad: tuple[BadRow, ...]
    times: Times


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Batches under way, or why they could not be started."""

    order: EpochOrder
    steps: range
    slots: Slots
    reading: Reading | None
    error: Exception | None
    times: Times


class BatchMaker:
    """Makes batches by a recipe, in the order of its turns, on the threads of a pool. Close it."""

    def __init__(self, recipe: Recipe, pool: DecodePool, turns: Turns = _ALL) -> None:
        self._recipe = recipe
        self._face: Face = TorchFace(recipe.pad) if recipe.face == "torch" else NumpyFace(recipe.pad)
        self._decoder = Decoder(recipe.view, pool, recipe.seed)
        self._reader = Reader(recipe.view, recipe.columns, self._decoder, turns, recipe.reuse_rows)
        self.close = lease_cache(recipe.view, recipe.cache_bytes)

    def start(self, order: EpochOrder, steps: range) -> Prepared:
        """Fetch and start decoding; an error is kept for `finish`, so that the batches before it still
        come.
        """
        places, times = order.places(steps), Times()
        slots = Slots(order.at(places), places, order.epoch)
        with times.of("storage"):
            try:
                reading = self._reader.start(order, steps[0], slots)
            except Exception as error:
                return Prepared(order, steps, slots, None, error, times)
        return Prepared(order, steps, slots, reading, None, times)

    def finish(self, prepared: Prepared) -> Iterator[Made]:
        """Wait for the values, then transform, collate and hand over, batch by batch."""
        if len(prepared.steps) == 1:
            yield self._finished(prepared)
            return
        try:
            together = self._finished(prepared)
        except UNREADABLE:  # the batches before the one that is damaged are whole
            for step in prepared.steps:
                yield self._finished(self.start(prepared.order, range(step, step + 1)))
            return
        yield from parted(together, prepared.order.batch_size, self._face)

    def _finished(self, prepared: Prepared) -> Made:
        times = prepared.times
        bad: tuple[BadRow, ...] = ()
        with times.of("decode"):
            try:
                if prepared.reading is None:
                    assert prepared.error is not None
                    raise prepared.error
                positions, values = prepared.slots.positions, self._reader.wait(prepared.reading)
            except UNREADABLE:
                if self._recipe.on_error == "raise" or len(prepared.steps) > 1:
                    raise
                repaired = self._repaired(prepared)
                positions, values, bad = repaired.positions, repaired.values, repaired.bad
        return Made(self._batch(values, positions, times), len(positions), bad, times)

    def _repaired(self, prepared: Prepared) -> Repaired:
        order, places = prepared.order, prepared.slots.places

        def stand_in(slot: int, attempt: int) -> int:
            return int(order.order[order.substitute(int(places[slot]), attempt)])

        recipe = self._recipe
        repair = Repair(recipe.view, recipe.columns, self._decoder, recipe.on_error)
        return repair.repair(prepared.slots, stand_in)

    def _batch(self, values: dict[str, Values], positions: Positions, times: Times) -> Any:
        recipe = self._recipe
        if recipe.collate_fn is None and not isinstance(recipe.transform, SampleTransform):
            return self._by_column(values, positions, times)
        with times.of("transform"):
            samples = self._samples(values, positions)
        with times.of("collate"):
            return collate(samples, self._face) if recipe.collate_fn is None else recipe.collate_fn(samples)

    def _by_column(self, values: dict[str, Values], positions: Positions, times: Times) -> dict[str, Any]:
        """The batch without ever taking it apart, except for columns that have a function."""
        functions = self._functions()
        batch: dict[str, Any] = {}
        for name, rows in values.items():
            function = functions.get(name)
            if function is None:
                with times.of("collate"):
                    batch[name] = hand_over(rows, self._face, name)
                continue
            with times.of("transform"):
                samples = [function(row) for row in rows]
            with times.of("collate"):
                batch[name] = collate(samples, self._face, name)
        if self._recipe.return_index:
            batch[INDEX] = self._face.array(row_numbers(self._recipe.view, positions))
        return batch

    def _samples(self, values: dict[str, Values], positions: Positions) -> list[Any]:
        samples = split(values, len(positions))
        if self._recipe.return_index:
            for sample, row in zip(samples, self._recipe.view.indices[positions], strict=True):
                sample[INDEX] = row
        transform = self._recipe.transform
        if isinstance(transform, SampleTransform):
            return [self._transformed(transform, sample) for sample in samples]
        for name, function in self._functions().items():
            if function is not None:
                for sample in samples:
                    sample[name] = function(sample[name])
        return samples

    def _transformed(self, transform: SampleTransform, sample: Sample) -> Any:
        """The caller's sample; it keeps its row number even if the caller left it out of a dict."""
        index = sample.get(INDEX)
        result = transform(sample)
        if self._recipe.return_index and isinstance(result, dict) and INDEX not in result:
            return {**result, INDEX: index}
        return result

    def _functions(self) -> dict[str, Callable[[Any], Any] | None]:
        return dict(functions_of(self._recipe.transform))


def parted(together: Made, rows: int, face: Face) -> Iterator[Made]:
    """The batches of `rows` rows each (the last may be shorter) that were made together."""
    names, times, left = tuple(together.batch), together.times, together.rows
    for parts in zip(*(face.parts(values, rows) for values in together.batch.values()), strict=True):
        yield Made(dict(zip(names, parts, strict=True)), min(rows, left), (), times)
        times, left = NO_TIME, left - rows


def run(
    recipe: Recipe, order: EpochOrder, prefetch: int, pool: DecodePool, turns: Turns = _ALL
) -> Generator[Made, None, None]:
    """The batches of an epoch, made in this process.

    Args:
        recipe: how.
        order: which rows.
        prefetch: batches, or small batches that are made together, that are being decoded while the
            consumer works, at least 0.
        pool: whose threads decode. Where the consumer stops early, it drops what is under way.
        turns: the batches to make.
    """
    maker = BatchMaker(recipe, pool, turns)
    together = recipe.together if turns == _ALL else 1
    starts = range(turns.first, len(order), turns.stride * together)
    under_way: deque[Prepared] = deque()
    try:
        waiting = deque(range(first, min(first + together, len(order))) for first in starts)
        while waiting or under_way:
            while waiting and len(under_way) <= prefetch:
                under_way.append(maker.start(order, waiting.popleft()))
            prepared = under_way.popleft()
            if not recipe.calls_python:
                yield from maker.finish(prepared)
                continue
            with seeded_libraries(recipe.seed, order.epoch, int(prepared.slots.places[0])):
                made = list(maker.finish(prepared))
            del prepared  # the rows as they were before the functions: nothing needs them any more
            yield from made
    finally:
        maker.close()
        under_way.clear()  # an exception's traceback would hold them for long
