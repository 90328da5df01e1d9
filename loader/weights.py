"""Weights of a draw: from what a caller passes (an expression, or a number per row) to one float64 array."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tql import _engine, registered
from tql.errors import ArgumentError, QueryValueError, SampleWarning
from tql.loader.registered import host_functions
from tql.planner import plan_weights
from tql.schema import Schema

Weights = Any  # a TQL weight expression, or an array-like with one number per row


class Weighable(Protocol):
    """What a weight expression is evaluated on: a view."""

    def __len__(self) -> int: ...
    def weights_for(self, text: str, /) -> NDArray[np.float64]: ...
    @property
    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True, eq=False)
class WeighedBy:
    """What makes the weights of a draw again.

    Attributes:
        view: the rows.
        expression: a TQL weight expression that calls no Python function.
        size: of the draw.
    """

    view: Weighable
    expression: str
    size: int

    def weights(self) -> NDArray[np.float64]:
        return resolve_weights(self.view, self.expression, self.size)


def weighed_by(view: Weighable, weights: Weights, size: int) -> WeighedBy | None:
    """What makes weights again; None for numbers, and for functions that may be others in another process."""
    if not isinstance(weights, str):
        return None
    if registered.names() and host_functions(plan_weights(weights, view.schema).physical, weights):
        return None
    return WeighedBy(view, weights, size)


def resolve_weights(view: Weighable, weights: Weights, size: int) -> NDArray[np.float64]:
    """One weight per row of `view`, checked, so that a draw of `size` rows can't fail.

    Args:
        view: the rows to draw from.
        weights: a TQL weight expression, or a list, tuple or 1-D array with one number per row.
        size: how many rows are wanted; weights that are all zero are refused only if there are any.

    Returns:
        float64 [len(view)], finite and not negative: a negative or NaN weight of an expression counts as 0.

    Raises:
        ArgumentError: an array of the wrong length or rank, or an entry that is negative, NaN or infinite.
        QueryValueError: an expression that is 0 everywhere, or infinite somewhere.
    """
    if isinstance(weights, str):
        values = np.ascontiguousarray(view.weights_for(weights), dtype=np.float64)
        positive, odd, infinite = _engine.survey_weights(values)
        if infinite >= 0:
            raise QueryValueError(f"the weight of row {infinite} is infinite")
        if odd >= 0:
            values = np.where(values > 0, values, 0.0)
    else:
        values = check_weights(weights, len(view))
        positive = _engine.survey_weights(values)[0]
    if size > 0 and values.size and not positive:
        error = QueryValueError if isinstance(weights, str) else ArgumentError
        raise error(
            "all weights are zero, so that no row can be drawn",
            hint="give at least one row a positive weight; 'true: 1' in max_weight(...) covers all the rest",
        )
    return values


def check_weights(weights: Weights, rows: int) -> NDArray[np.float64]:
    """An array-like of weights as float64 [rows].

    Raises:
        ArgumentError: wrong length or rank, no numbers, or an entry that is negative, NaN or infinite; the
            message names the first such row.
    """
    values = _as_numbers(weights)
    if values.ndim != 1:
        raise ArgumentError(
            f"weights must be one-dimensional, one number per row, got shape {list(values.shape)}"
        )
    if len(values) != rows:
        raise ArgumentError(f"weights must have one number per row: {rows} rows, got {len(values)} weights")
    _, bad, _ = _engine.survey_weights(values)
    if bad >= 0:
        value = values[bad]
        kind = "not a number" if np.isnan(value) else "infinite" if np.isinf(value) else "negative"
        raise ArgumentError(f"the weight of row {bad} is {kind}: {value:g}")
    return values


def _as_numbers(weights: Weights) -> NDArray[np.float64]:
    try:
        values = np.asarray(weights)
    except ValueError:  # rows of different lengths
        values = np.empty(0, dtype=object)
    if values.dtype.kind not in "biuf" and values.size:
        raise ArgumentError(
            f"weights must be a TQL expression or one number per row, got {type(weights).__name__}"
        )
    if values.dtype == object:
        raise ArgumentError(
            "weights must be one-dimensional, one number per row, got rows of different lengths"
        )
    return np.ascontiguousarray(values, dtype=np.float64)


def check_size(size: int | None, rows: int) -> int:
    """How many rows a draw is asked for: `size`, or as many as there are.

    Raises:
        ArgumentError: `size` is negative or not an integer.
    """
    if size is None:
        return rows
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise ArgumentError(f"size must be an integer, got {size!r}")
    if size < 0:
        raise ArgumentError(f"size must not be negative, got {size}")
    return int(size)


def drawn_rows(weights: NDArray[np.float64], size: int, replace: bool, *, stacklevel: int = 3) -> int:
    """How many rows a draw of `size` gives; warns where it is fewer than asked.

    Without replacement every row comes at most once, and a row of weight 0 never.
    """
    if replace:
        return size if weights.size else 0
    positive, _, _ = _engine.survey_weights(weights)
    if positive < size:
        warnings.warn(
            f"only {positive} of {len(weights)} rows have a positive weight: "
            f"{positive} rows are drawn without replacement, not {size}",
            SampleWarning,
            stacklevel=stacklevel,
        )
    return min(size, positive)
