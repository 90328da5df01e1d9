"""Rows of numbers in chunks that are kept in memory: where they lie, found without a look at each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import FixedRows
from tql.loader.sources.v3.chunks import ChunkStore
from tql.loader.sources.v3.uniform import UniformChunk


def fixed_rows(
    store: ChunkStore, form: UniformChunk, dtype: np.dtype[Any], rows: NDArray[np.int64]
) -> FixedRows | None:
    """Where these rows lie. None where a chunk is not kept whole or holds rows of other shapes too, and of
    bools, which may be damaged.

    Args:
        store: of a tensor whose chunks hold values one behind the other.
        form: of its chunks.
        dtype: of its values.
        rows: int64 [n], in any order, repeats allowed.

    Raises:
        FormatError: for a damaged chunk among those that hold the rows.
        IndexError: for a row that there is not.
    """
    if dtype == np.bool_ or store.has_tiles:
        return None
    chunks = FixedRows.ranges_with(store.index.last, rows).tolist()
    areas: list[NDArray[np.uint8]] = []
    for number in chunks:
        chunk = store.open(number)
        area = store.kept_area(chunk) if form.is_that_of(chunk.header) else None
        if area is None or area.nbytes != chunk.header.num_items * form.nbytes:
            return None
        areas.append(area)
    firsts = np.array([store.index.first(number) for number in chunks], np.int64)
    return FixedRows(dtype, form.shape, areas, firsts, rows)
