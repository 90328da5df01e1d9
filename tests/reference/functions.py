"""Sections 7, 8 and 12: functions of the values of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import elements
from reference.json_values import wrapped
from reference.nested import each
from reference.operators import compare_items, element_of, numeric
from reference.table import Json, Nested, Value
from reference.values import FALSE, plain, truth_of_elements
from reference.words import contains_words
from tql.errors import QueryTypeError, ShapeError

_INTEGER_WIDTH_OF_FLOATS = np.int64


# --- section 8: reductions to truth ------------------------------------------------------------------------


def any_of(value: Value, axis: int | None) -> Value:
    """ANY: some element is true; of nothing false."""
    elements_ = truth_of_elements(value)
    return np.asarray(elements_.any(axis=_axis(elements_, axis)))


def all_of(value: Value, axis: int | None) -> Value:
    """ALL: every element is true; of nothing true."""
    elements_ = truth_of_elements(value)
    return np.asarray(elements_.all(axis=_axis(elements_, axis)))


def all_strict(value: Value) -> Value:
    """ALL_STRICT: as ALL, but of nothing false."""
    elements_ = truth_of_elements(value)
    return np.asarray(elements_.size > 0 and bool(elements_.all()))


def logical(operator: str, left: Value, right: Value) -> Value:
    """LOGICAL_AND, LOGICAL_OR: equal shapes or a scalar beside an array; other shapes give a scalar FALSE."""
    a, b = truth_of_elements(left), truth_of_elements(right)
    if a.shape != b.shape and a.ndim > 0 and b.ndim > 0:
        return FALSE
    return np.asarray(a & b if operator == "logical_and" else a | b)


# --- shapes and positions ----------------------------------------------------------------------------------


def shape(value: Value) -> Value:
    """SHAPE: `[]` for scalars and text, `[n]` for lists."""
    if isinstance(value, Nested):
        return np.array([len(value.entries)], dtype=np.int64)
    if isinstance(value, Json) and isinstance(value.value, list):
        return np.array([len(value.value)], dtype=np.int64)
    array = plain(value)
    return None if array is None else np.array(array.shape, dtype=np.int64)


def nonzero(value: Value) -> Value:
    """NONZERO: positions of non-zero elements, flat for rank 1, else one index tuple each."""
    array = plain(value)
    if array is None:
        return None
    if array.ndim == 0:
        raise QueryTypeError("nonzero needs an array")
    positions = np.argwhere(truth_of_elements(array)).astype(np.int64)
    return positions[:, 0] if array.ndim == 1 else positions


def count(value: Value) -> Value:
    """COUNT: the number of elements; a NULL member of a list is one, a NULL array has none."""
    if isinstance(value, Nested) and value.rank == 1:
        return np.array(len(value.entries), dtype=np.int64)
    if isinstance(value, Nested):
        sizes = [plain(entry).size for entry in value.entries if entry is not None]  # type: ignore[union-attr]
        return np.array(sum(sizes), dtype=np.int64)
    array = plain(value)
    return None if array is None else np.array(array.size, dtype=np.int64)


def keys(value: Value) -> Value:
    """KEYS: the names in a JSON object, sorted by their bytes."""
    if not isinstance(value, Json) or not isinstance(value.value, dict):
        return None
    return np.array(sorted(value.value, key=str.encode), dtype=object)


# --- section 7 ---------------------------------------------------------------------------------------------


def contains(haystack: Value, needle: Value, *, by_words: bool = False) -> Value:
    """CONTAINS: a substring of a text, or an element of an array. Always a bool.

    Args:
        haystack: text, an array, a list or JSON.
        needle: one value.
        by_words: whether the text has an index, so that words are looked for.
    """
    if isinstance(haystack, Nested):
        return np.array(any(bool(contains_element(entry, needle)) for entry in haystack.entries))
    if isinstance(haystack, Json) and isinstance(haystack.value, list):
        return np.array(any(bool(contains_element(wrapped(item), needle)) for item in haystack.value))
    x, y = plain(haystack), plain(needle)
    if x is None or y is None or y.size == 0:
        return FALSE
    if y.size > 1:
        raise QueryTypeError("contains looks for one value")
    wanted = y.reshape(()).tolist()
    if x.ndim == 0 and isinstance(x.tolist(), str):
        if by_words:
            return np.array(contains_words(x.tolist(), wanted))
        return np.array(isinstance(wanted, str) and wanted in x.tolist())
    return contains_element(x, y)


def contains_element(haystack: Value, needle: Value) -> Value:
    """Whether some element equals the needle."""
    x, y = plain(haystack), plain(needle)
    if x is None or y is None or y.size != 1:
        return FALSE
    wanted = y.reshape(()).tolist()
    return np.array(any(compare_items("=", item, wanted) for item in x.reshape(-1).tolist()))


# --- section 12: numbers -----------------------------------------------------------------------------------


def sum_or_prod(function: str, value: Value, axis: int | None) -> Value:
    """SUM, PROD: of the same type (bool as int64), integers wrap around; of nothing 0 and 1."""
    array = plain(value)
    if array is None:
        return None
    dtype = elements.summed(element_of(array))
    reduce_ = np.add.reduce if function == "sum" else np.multiply.reduce
    with np.errstate(all="ignore"):
        return np.asarray(reduce_(array.astype(dtype), axis=_axis(array, axis), dtype=dtype))


def average(value: Value, axis: int | None) -> Value:
    """AVG: float64; of nothing NULL."""
    array = plain(value)
    if array is None or _reduces_nothing(array, axis):
        return None
    with np.errstate(all="ignore"):
        return np.asarray(array.astype(np.float64).mean(axis=_axis(array, axis)))


def extreme(function: str, value: Value, axis: int | None) -> Value:
    """AMIN, AMAX: of the element type; of nothing NULL."""
    array = plain(value)
    if array is None or _reduces_nothing(array, axis):
        return None
    reduce_ = np.min if function == "amin" else np.max
    return np.asarray(reduce_(array, axis=_axis(array, axis)), dtype=array.dtype)


def absolute(value: Value) -> Value:
    """ABS: the same type; int8 -128 stays, bool becomes int64."""
    return each(_absolute, value)


def _absolute(value: Value) -> Value:
    array = numeric(value)
    if array is None:
        return None
    return np.asarray(np.absolute(array.astype(elements.summed(element_of(array)))))


def square_root(value: Value) -> Value:
    """SQRT: float32 for float32, else float64; NaN for negatives."""
    return each(_square_root, value)


def _square_root(value: Value) -> Value:
    array = numeric(value)
    if array is None:
        return None
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(array.astype(dtype)))


def norm(function: str, value: Value) -> Value:
    """L1_NORM, L2_NORM, LINF_NORM: float64 over all elements; of nothing 0."""
    array = plain(value)
    if array is None:
        return None
    magnitudes = np.abs(array.astype(np.float64)).reshape(-1)
    with np.errstate(all="ignore"):
        match function:
            case "l1_norm":
                return np.asarray(magnitudes.sum())
            case "l2_norm":
                return np.asarray(np.sqrt((magnitudes * magnitudes).sum()))
            case _:
                return np.asarray(magnitudes.max(initial=0.0))


def dot(left: Value, right: Value) -> Value:
    """DOT: of the promoted element type."""
    a, b = plain(left), plain(right)
    if a is None or b is None:
        return None
    _equal_shapes("dot", a, b)
    dtype = elements.promoted(element_of(a), element_of(b))
    with np.errstate(all="ignore"):
        return np.asarray((a.astype(dtype) * b.astype(dtype)).sum(dtype=dtype))


def cosine_similarity(left: Value, right: Value) -> Value:
    """COSINE_SIMILARITY: 0 when either vector is zero."""
    a, b = plain(left), plain(right)
    if a is None or b is None:
        return None
    _equal_shapes("cosine_similarity", a, b)
    x, y = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(all="ignore"):
        length = np.sqrt((x * x).sum()) * np.sqrt((y * y).sum())
        return np.asarray(0.0 if length == 0 else (x * y).sum() / length)


def hamming_distance(left: Value, right: Value) -> Value:
    """HAMMING_DISTANCE: number of differing bits at the width of the operands' integer type."""
    a, b = plain(left), plain(right)
    if a is None or b is None:
        return None
    _equal_shapes("hamming_distance", a, b)
    dtype = np.dtype(elements.promoted(element_of(a), element_of(b)))
    if dtype.kind == "f":
        dtype = np.dtype(_INTEGER_WIDTH_OF_FLOATS)
    mask = 2 ** (dtype.itemsize * 8) - 1
    pairs = zip(_integers(a, dtype), _integers(b, dtype), strict=True)
    return np.array(sum(((x ^ y) & mask).bit_count() for x, y in pairs), dtype=np.int64)


def _integers(array: np.ndarray, dtype: np.dtype) -> list[int]:
    """Elements as integers of a dtype: floats are cut towards zero and saturate, NaN becomes 0."""
    if array.dtype.kind != "f":
        return array.astype(dtype).reshape(-1).tolist()
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    return [0 if np.isnan(x) else int(min(max(x, least), most)) for x in array.reshape(-1).tolist()]


def maxsim(documents: Value, queries: Value) -> Value:
    """MAXSIM: the sum over query rows of the best cosine with a document row; NULL without documents."""
    a, b = plain(documents), plain(queries)
    if a is None or b is None:
        return None
    if a.ndim != 2 or b.ndim != 2:
        raise ShapeError(f"maxsim needs arrays of rank 2: {a.shape} and {b.shape}")
    if len(a) == 0:
        return None
    best = [max(float(_array(cosine_similarity(d, q))) for d in a) for q in b]
    return np.array(sum(best), dtype=np.float64)


# --- section 16 --------------------------------------------------------------------------------------------


def weight_of_cases(function: str, true_weights: Sequence[float]) -> Value:
    """MAX_WEIGHT, SUM_WEIGHT over the weights whose condition holds; 0 if there is none."""
    if function == "max_weight":
        return np.array(max([0.0, *true_weights]), dtype=np.float64)
    return np.array(float(sum(true_weights)), dtype=np.float64)


def _array(value: Value) -> NDArray[Any]:
    assert isinstance(value, np.ndarray)
    return value


def _axis(array: NDArray[Any], axis: int | None) -> int | None:
    if axis is not None and not -array.ndim <= axis < array.ndim:
        raise ShapeError(f"axis {axis} is out of range for an array of rank {array.ndim}")
    return axis


def _reduces_nothing(array: NDArray[Any], axis: int | None) -> bool:
    _axis(array, axis)
    if axis is None:
        return array.size == 0
    return bool(array.shape[axis] == 0)


def _equal_shapes(function: str, left: NDArray[Any], right: NDArray[Any]) -> None:
    if left.shape != right.shape:
        raise ShapeError(f"{function} needs vectors of one length: {left.shape} and {right.shape}")
