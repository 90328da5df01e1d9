"""JSON documents: Python values to text and back, exactly.

Integers of any size stay integers, floats come back bit for bit, keys keep their order, text stays Unicode.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np


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


def load(document: str) -> Any:
    """The value of a document; the empty one, which NULL is stored as, is None."""
    return json.loads(document) if document else None


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
