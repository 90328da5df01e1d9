"""Sequence tensors: a row is a list of items; it becomes one array, or list of texts, with one more axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tql.loader.arrays import ArrayRows, Items, Rows, TextListRows, TextRows, offsets_of
from tql.loader.sources.v3.meta import TensorMeta


def group_rows(
    items: Rows, rows: Items, counts: NDArray[np.int64], meta: TensorMeta
) -> ArrayRows | TextListRows:
    """Items that lie one behind the other, `counts[i]` of them for row `rows[i]`, as rows.

    Raises:
        UnsupportedError: where the items of one row differ in shape, or are lists themselves.
    """
    if isinstance(items, ArrayRows):
        return ArrayRows(items.values, group_shapes(items.shapes, rows, counts, meta))
    if isinstance(items, TextRows):
        return TextListRows(offsets_of(counts), items)
    raise meta.place.unsupported(f"tensor '{meta.name}': sequences of {meta.htype} can't be read")


def group_shapes(
    shapes: NDArray[np.int64], rows: Items, counts: NDArray[np.int64], meta: TensorMeta
) -> NDArray[np.int64]:
    """int64 [rows, 1 + rank]: a row of n items of one shape is an array [n, *shape]."""
    fixed = meta.fixed_axes or (None,) * shapes.shape[1]
    empty = np.array([extent or 0 for extent in fixed], np.int64)
    grouped = np.tile(empty, (len(rows), 1))
    filled = counts > 0
    firsts = offsets_of(counts)[:-1]
    grouped[filled] = shapes[firsts[filled]]
    differs = (shapes != np.repeat(grouped, counts, axis=0)).any(axis=1)
    if bool(differs.any()):
        row = int(rows[np.searchsorted(firsts, np.argmax(differs), side="right") - 1])
        raise meta.place.unsupported(
            f"a sequence of arrays of different shapes in tensor '{meta.name}' can't be read", row=row
        )
    return np.concatenate([counts[:, None], grouped], axis=1)
