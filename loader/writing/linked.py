"""Hidden tensors that follow a visible one: its shapes, ids and file facts, row by row or item by item.

`links` in a tensor's meta names them, each with the functions that fill it. They are kept in step with
whatever happens to the visible tensor; without that the format's own package refuses to commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import UnsupportedError
from tql.loader.writing.blocks import is_uniform
from tql.loader.writing.tensor import Prepared

ID_LINK: dict[str, Any] = {"extend": "extend_id", "flatten_sequence": False}
"""What a tensor's meta says of its ids: one random number per row, by which merges know rows again."""


def derived_values(
    function: str, prepared: Prepared, per_item: bool, tensor: str
) -> NDArray[Any] | Sequence[Any]:
    """Values of a hidden tensor for rows of its visible one.

    Args:
        function: as the link names it.
        prepared: the rows.
        per_item: whether it has a row for each item of a sequence.
        tensor: the visible one, for errors.

    Raises:
        UnsupportedError: a function that is not known here.
    """
    items = len(prepared.encoded)
    count = items if per_item else prepared.rows
    match function.partition("_")[2]:
        case "id":
            return new_ids(count)
        case "shape":
            return _shapes(prepared)
        case "len":
            return np.concatenate(
                [np.zeros((0, 1), np.int64), *(s[:, :1] for s in prepared.encoded.shapes())]
            )
        case "info":
            return [{}] * count
    raise UnsupportedError(
        f"tensor '{tensor}' has a hidden tensor that is filled by '{function}', which can't be done here"
    )


def new_ids(count: int) -> NDArray[np.uint64]:
    """uint64 [count, 1], random; the generator is seeded by the system anew each time, in a fork too."""
    return np.random.default_rng().integers(0, 1 << 64, (count, 1), np.uint64)


def _shapes(prepared: Prepared) -> NDArray[np.int64] | list[NDArray[np.int64]]:
    tables = prepared.encoded.shapes()
    if prepared.encoded.form.is_link:
        return np.zeros((len(prepared.encoded), 1), np.int64)
    if len(tables) == 1 and is_uniform(tables[0]) and bool(tables[0][0].any()):
        return np.asarray(tables[0])
    rows = [row for table in tables for row in np.asarray(table)]
    return [row if row.any() else np.zeros(1, np.int64) for row in rows]
