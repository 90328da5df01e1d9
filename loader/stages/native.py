"""Transforms of a column that the engine runs, and the Python functions between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine, transforms
from tql.errors import ArgumentError
from tql.loader.to_numpy import Values
from tql.schema import Field, Schema


@dataclass(frozen=True)
class NativeSteps:
    """Steps for the engine. `first` is the place of the first one among all steps of the column."""

    steps: tuple[transforms.Transform, ...]
    first: int

    def program(self) -> _engine.ImageProgram:
        """The same for the engine."""
        steps = [(type(step).__name__, step.arguments()) for step in self.steps]
        return _engine.ImageProgram(steps, self.first)


@dataclass(frozen=True, eq=False)
class ColumnSteps:
    """All that is done to the images of one column, in order."""

    parts: tuple[NativeSteps | Callable[[Any], Any], ...]

    @property
    def native(self) -> bool:
        """Whether no Python function is among them."""
        return all(isinstance(part, NativeSteps) for part in self.parts)

    @cached_property
    def programs(self) -> tuple[_engine.ImageProgram | None, ...]:
        """Per part the engine's program, None for a function."""
        return tuple(part.program() if isinstance(part, NativeSteps) else None for part in self.parts)

    def __getstate__(self) -> dict[str, Any]:
        return {"parts": self.parts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "parts", state["parts"])


ImageSteps = transforms.Transform | transforms.Compose | Sequence[Any]
"""What a column of images may be given: a transform, a Compose, or a list of transforms and callables."""


def is_native(transform: object) -> bool:
    """Whether this is for the engine, at least in part: a transform of ours, a Compose or a list."""
    return isinstance(transform, (transforms.Transform, transforms.Compose, list, tuple))


def column_steps(transform: Any) -> ColumnSteps:
    """The parts of a transform, a Compose or a list.

    Raises:
        ArgumentError: a step that is neither a transform nor callable, or steps in an impossible order.
    """
    steps = transform
    if isinstance(transform, transforms.Transform):
        steps = [transform]
    if not isinstance(steps, transforms.Compose):
        steps = transforms.Compose(steps)
    parts: list[NativeSteps | Callable[[Any], Any]] = []
    run: list[transforms.Transform] = []
    for number, step in enumerate((*steps.transforms, None)):
        if isinstance(step, transforms.Transform):
            run.append(step)
            continue
        if run:
            parts.append(NativeSteps(tuple(run), number - len(run)))
            run = []
        if step is not None:
            parts.append(step)
    return ColumnSteps(tuple(parts))


def image_column(schema: Schema) -> str:
    """The only column that transforms without a name can mean.

    Raises:
        ArgumentError: there is none, or there are several.
    """
    names = [field.name for field in schema.values() if _holds_images(field) and field.type.rank == 3]
    if len(names) == 1:
        return names[0]
    found = "there is none" if not names else f"there are {', '.join(map(repr, names))}"
    raise ArgumentError(
        f"image transforms without a column need one image column (uint8, 3 axes), {found}",
        hint=f"name the column: transform({{{(names or ['images'])[0]!r}: ...}})",
    )


def check_image_column(field: Field) -> None:
    """Raises ArgumentError for a column that native transforms can't work on."""
    if not _holds_images(field):
        raise ArgumentError(
            f"image transforms need uint8 images of 2 or 3 axes, column '{field.name}' is {field.type}",
            hint="give this column a Python function, or None",
        )


def _holds_images(field: Field) -> bool:
    kind = field.type
    return kind.element == "uint8" and not kind.nested and not kind.sequence and kind.rank in (None, 2, 3)


def stored_images(values: Values, column: str) -> _engine.EncodedRows:
    """Arrays in memory as rows that the engine can work on; nothing is copied where they are contiguous.

    Raises:
        ArgumentError: what is no image.
    """
    arrays: list[NDArray[np.uint8]] = []
    for value in values:
        if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim not in (2, 3):
            raise ArgumentError(
                "image transforms need uint8 images of 2 or 3 axes, "
                f"column '{column}' has {_described(value)}"
            )
        arrays.append(np.ascontiguousarray(value))
    rank = max((array.ndim for array in arrays), default=3)
    shapes = np.array([(*array.shape, 1)[:rank] for array in arrays], np.int64).reshape(len(arrays), rank)
    sizes = np.array([array.nbytes for array in arrays], np.int64)
    which, starts = np.arange(len(arrays), dtype=np.int32), np.zeros(len(arrays), np.int64)
    return _engine.EncodedRows("raw", np.dtype(np.uint8), arrays, which, starts, sizes, shapes)


def joined(values: Sequence[Any]) -> Values:
    """What Python functions returned: one array where all are arrays of one shape and dtype, else a list."""
    first = values[0] if values else None
    if isinstance(first, np.ndarray) and all(
        isinstance(value, np.ndarray) and value.shape == first.shape and value.dtype == first.dtype
        for value in values
    ):
        return np.stack(values)
    return list(values)


def _described(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of {value.ndim} axes"
    return "NULL" if value is None else f"a value of type {type(value).__name__}"
