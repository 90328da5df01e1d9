"""Transform: the caller's Python on single samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
    """A callable per column; None hands the column through. The keys choose the columns."""

    functions: Mapping[str, Callable[[Any], Any] | None]


Transform = SampleTransform | ColumnTransform


def split(values: Mapping[str, Values], rows: int) -> list[Sample]:
    """The samples of a batch: per row a dict of column name to value."""
    names = list(values)
    if not names:
        return [{} for _ in range(rows)]
    return [dict(zip(names, row, strict=True)) for row in zip(*values.values(), strict=True)]
