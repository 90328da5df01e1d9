"""The pipeline of one process: schedule -> fetch -> decode -> transform -> collate -> hand-over, some
batches ahead.

The engine's threads decode batches that come later while the consumer works on the one it has; how many
batches are under way is bounded, and with it the memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tql.loader.schedule import Schedule
from tql.loader.stages.collate import Face, collate, hand_over
from tql.loader.stages.decode import Decoder, Decoding
from tql.loader.stages.fetch import ColumnRead, Rows, fetch
from tql.loader.stages.transform import ColumnTransform, Sample, SampleTransform, Transform, split
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
        seed: of the random numbers that the caller's functions use in worker processes.
    """

    view: Rows
    columns: tuple[ColumnRead, ...]
    face: Literal["numpy", "torch"] = "numpy"
    transform: Transform | None = None
    collate_fn: Callable[[list[Any]], Any] | None = None
    return_index: bool = False
    threads: int = 0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Prepared:
    """A batch under way, or why it could not be started."""

    positions: NDArray[np.int64]
    decoding: Decoding | None
    error: Exception | None = None


class BatchMaker:
    """Makes batches by a recipe. Owns decoding threads; close it."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._face: Face = TorchFace() if recipe.face == "torch" else NumpyFace()
        self._decoder = Decoder(recipe.view, recipe.threads)

    def start(self, positions: NDArray[np.int64]) -> Prepared:
        """Fetch and start decoding; an error is kept for `finish`, so that the batches before it still
        come.
        """
        try:
            fetched = fetch(self._recipe.view, self._recipe.columns, positions)
            return Prepared(positions, self._decoder.submit(fetched))
        except Exception as error:
            return Prepared(positions, None, error)

    def finish(self, prepared: Prepared) -> Any:
        """Wait for the values, then transform, collate and hand over."""
        if prepared.decoding is None:
            assert prepared.error is not None
            raise prepared.error
        values = self._decoder.wait(prepared.decoding)
        recipe = self._recipe
        if recipe.collate_fn is None and not isinstance(recipe.transform, SampleTransform):
            return self._by_column(values, prepared.positions)
        samples = self._samples(values, prepared.positions)
        return collate(samples, self._face) if recipe.collate_fn is None else recipe.collate_fn(samples)

    def _by_column(self, values: dict[str, Values], positions: NDArray[np.int64]) -> dict[str, Any]:
        """The batch without ever taking it apart, except for columns that have a function."""
        functions = self._functions()
        batch: dict[str, Any] = {}
        for name, rows in values.items():
            function = functions.get(name)
            if function is None:
                batch[name] = hand_over(rows, self._face, name)
            else:
                batch[name] = collate([function(row) for row in rows], self._face, name)
        if self._recipe.return_index:
            batch[INDEX] = self._face.array(self._recipe.view.indices[positions])
        return batch

    def _samples(self, values: dict[str, Values], positions: NDArray[np.int64]) -> list[Any]:
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
        transform = self._recipe.transform
        return dict(transform.functions) if isinstance(transform, ColumnTransform) else {}

    def close(self) -> None:
        """Join the threads. May be called again."""
        self._decoder.close()


def run(recipe: Recipe, schedule: Schedule, epoch: int, prefetch: int) -> Iterator[Any]:
    """The batches of an epoch, made in this process.

    Args:
        recipe: how.
        schedule: which rows.
        epoch: of the schedule.
        prefetch: batches that are being decoded while the consumer works, at least 0.
    """
    order = schedule.epoch(epoch)
    maker = BatchMaker(recipe)
    try:
        under_way: deque[Prepared] = deque()
        started = 0
        for _ in range(len(order)):
            while started < len(order) and len(under_way) <= prefetch:
                under_way.append(maker.start(order.batch(started)))
                started += 1
            yield maker.finish(under_way.popleft())
    finally:
        maker.close()
