"""Sequence tensors: a row is a list of items. Items of one shape become one array with one more axis, scalar
texts a list of texts, and all others a list of values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tql.loader.arrays import ArrayRows, ListRows, Rows, TextListRows, TextRows, offsets_of
from tql.loader.sources.v3.meta import TensorMeta


def group_rows(items: Rows, counts: NDArray[np.int64], meta: TensorMeta) -> Rows:
    """Items that lie one behind the other as rows of `counts[i]` items each.

    Raises:
        UnsupportedError: if an item without a value stands among items of one shape in a closed chunk.
    """
    if isinstance(items, TextRows):
        return TextListRows(offsets_of(counts), items)
    if meta.type().nested or not isinstance(items, ArrayRows):
        return ListRows(offsets_of(counts), items)
    if not bool((items.shapes == np.array(meta.max_shape)).all()):
        raise meta.place.unsupported(
            f"tensor '{meta.name}' says that its items have one shape, but they differ"
        )
    return ArrayRows(items.values, group_shapes(counts, meta))


def group_shapes(counts: NDArray[np.int64], meta: TensorMeta) -> NDArray[np.int64]:
    """int64 [rows, 1 + rank] of a tensor whose items are arrays of one shape, or [rows, 1] of any other."""
    extents = () if meta.type().nested or meta.kind != "array" else meta.max_shape
    grouped = np.empty((len(counts), 1 + len(extents)), np.int64)
    grouped[:, 0] = counts
    grouped[:, 1:] = extents
    return grouped
