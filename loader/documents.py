"""JSON documents: Python values to text and back, exactly.

Integers of any size stay integers, floats come back bit for bit, keys keep their order, text stays Unicode.
Objects by which Deep Lake stores arrays and bytes in JSON come back as these.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

_CUSTOM = "_hub_custom_type"


def dump(value: Any) -> str:
    """A value as a JSON document. NumPy scalars and arrays count as what they hold.

    Raises:
        ValueError: what JSON can't say: NaN, infinity, keys that are no texts, other objects, cycles.
    """
    try:
        document = json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
        )
    except TypeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:  # what json says is for programmers
        reason = "it holds itself" if "Circular" in str(error) else "there is no NaN and no infinity"
        raise ValueError(reason) from None
    _check_keys(value)
    return document


def load(document: str | bytes, *, strict: bool = False) -> Any:
    """The value of a document; the empty one, which NULL is stored as, is None.

    Args:
        strict: an object that stands for an array or bytes and is not whole is an error; else it stays.

    Raises:
        ValueError, RecursionError: for what is no JSON.
    """
    if not document:
        return None
    custom = _CUSTOM.encode() if isinstance(document, bytes) else _CUSTOM
    if custom not in document:  # type: ignore[operator]
        return json.loads(document)
    return json.loads(document, object_hook=_revived if strict else _revived_or_same)


def _revived_or_same(value: dict[str, Any]) -> Any:
    try:
        return _revived(value)
    except ValueError:
        return value


def _revived(value: dict[str, Any]) -> Any:
    """The array or the bytes that an object stands for, the object itself if it is another.

    Raises:
        ValueError: if its members contradict each other.
    """
    kind = value.get(_CUSTOM)
    if kind not in ("ndarray", "bytes"):
        return value
    try:
        data = base64.b64decode(value["data"], validate=True)
        if kind == "bytes":
            return data
        dtype, shape = np.dtype(value["dtype"]), [int(extent) for extent in value["shape"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"an object that stands for {kind} is not whole") from error
    if dtype.kind not in "biuf":
        return value
    if any(extent < 0 for extent in shape) or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("the bytes of an array are not as many as its shape needs")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"there is no {type(value).__name__}")


def _check_keys(value: Any) -> None:
    """Refuse numbers, bools and None as keys: json writes them as texts, and so they would come back."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str):
                    raise ValueError(f"a key is a text, not {key!r}")
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)
