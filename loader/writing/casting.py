"""Values to arrays of a tensor's dtype, without ever changing one silently.

A float tensor takes the nearest value; everything else has to be held exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip


def as_array(value: Any) -> NDArray[Any]:
    """What NumPy makes of a value, torch tensors included.

    Raises:
        ArgumentError: lists of unequal lengths, texts, objects, or integers that no integer dtype holds.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        raise ArgumentError("nested lists of different lengths are no array") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise ArgumentError(f"not an array of numbers: {_shown(value)}")
    if array.dtype.kind == "f" and not isinstance(value, np.ndarray | np.generic) and array.size:
        _check_mixed(value, array)
    return array


def cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array in C order, little-endian, of exactly this dtype.

    Raises:
        ArgumentError: if the dtype can't hold its values.
    """
    wanted = dtype.newbyteorder("<")
    if array.dtype != dtype and not np.can_cast(array.dtype, dtype, "safe"):
        _check(array, dtype)
    return np.asarray(array, dtype=wanted, order="C")


def _check(array: NDArray[Any], dtype: np.dtype[Any]) -> None:
    kinds = array.dtype.kind + dtype.kind
    if kinds in ("ff", "if", "uf") or array.size == 0:
        return
    if kinds in ("ii", "iu", "ui", "uu"):
        limits = np.iinfo(dtype)
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            wrong = low if low < limits.min else high
            raise ArgumentError(f"{dtype.name} can't hold the value {wrong}")
        return
    raise ArgumentError(
        f"an array of {array.dtype.name} does not go into a tensor of {dtype.name}",
        hint=f"convert it yourself: array.astype('{dtype.name}')",
    )


def _check_mixed(value: Any, array: NDArray[Any]) -> None:
    """NumPy makes floats of integers that no one integer dtype holds; that would change them."""
    flat = list(_leaves(value))
    if any(isinstance(leaf, int | np.integer) and abs(int(leaf)) > 1 << 53 for leaf in flat) and not any(
        isinstance(leaf, float | np.floating) for leaf in flat
    ):
        raise ArgumentError(f"no integer dtype holds all of these: {_shown(value)}")


def _leaves(value: Any) -> Any:
    if isinstance(value, list | tuple):
        for entry in value:
            yield from _leaves(entry)
    else:
        yield value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
