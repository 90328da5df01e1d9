"""Transform: the caller's Python on single samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tql.loader.stages.native import ColumnSteps, column_steps, is_native
from tql.loader.to_numpy import Values

Sample = dict[str, Any]


@dataclass(frozen=True)
class SampleTransform:
    """A callable on whole samples.

    Attributes:
        function: called with a dict of column name to value and the keyword arguments.
        arguments: keyword arguments of every call.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, sample: Sample) -> Any:
        return self.function(sample, **self.arguments)


@dataclass(frozen=True)
class ColumnTransform:
    """A callable per column; None hands the column through. The keys choose the columns.

    Attributes:
        functions: per column, called with its value after the column's steps.
        steps: of the columns whose images go through native transforms.
    """

    functions: Mapping[str, Callable[[Any], Any] | None]
    steps: Mapping[str, ColumnSteps] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageTransform:
    """Native transforms of one column; the others are handed through. Chooses no columns."""

    column: str
    steps: ColumnSteps


Transform = SampleTransform | ColumnTransform | ImageTransform


def column_transform(transform: Mapping[str, Any]) -> ColumnTransform:
    """Per column a callable, None, or native transforms.

    Raises:
        ArgumentError: steps that make no sense.
    """
    steps = {name: column_steps(value) for name, value in transform.items() if is_native(value)}
    # What Python made has still to be collated; what the engine made is a batch already.
    functions = {name: _unchanged if not steps[name].native else None for name in steps}
    return ColumnTransform({**transform, **functions}, steps)


def steps_of(transform: Transform | None) -> Mapping[str, ColumnSteps]:
    """The native transforms by column."""
    if isinstance(transform, ImageTransform):
        return {transform.column: transform.steps}
    return transform.steps if isinstance(transform, ColumnTransform) else {}


def functions_of(transform: Transform | None) -> Mapping[str, Callable[[Any], Any] | None]:
    """The functions on the values of single columns."""
    if isinstance(transform, ImageTransform):
        return {} if transform.steps.native else {transform.column: _unchanged}
    return transform.functions if isinstance(transform, ColumnTransform) else {}


def calls_python(transform: Transform | None) -> bool:
    """Whether the caller's functions run, which may draw random numbers of their own."""
    if isinstance(transform, SampleTransform):
        return True
    return any(function is not None for function in functions_of(transform).values())


def _unchanged(value: Any) -> Any:
    return value


def split(values: Mapping[str, Values], rows: int) -> list[Sample]:
    """The samples of a batch: per row a dict of column name to value."""
    names = list(values)
    if not names:
        return [{} for _ in range(rows)]
    return [dict(zip(names, row, strict=True)) for row in zip(*values.values(), strict=True)]
