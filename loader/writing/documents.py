"""JSON values as the format stores them: strict JSON, NaN and infinities, and objects for what JSON lacks."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from tql.errors import ArgumentError


def dump_document(value: Any) -> bytes:
    """A value as one JSON text. Arrays and bytes become objects with a `_hub_custom_type`.

    Raises:
        ArgumentError: a value that has no JSON form.
    """
    try:
        return json.dumps(value, default=extended).encode("ascii")
    except TypeError as error:
        raise ArgumentError(f"a value without a JSON form: {error}") from None
    except ValueError:
        raise ArgumentError("a value that holds itself has no JSON form") from None
    except RecursionError:
        raise ArgumentError("a value is nested too deeply to be JSON") from None


def extended(value: Any) -> Any:
    """The object or plain value that stands for what JSON has no form for."""
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
        return {
            "_hub_custom_type": "ndarray",
            "data": base64.b64encode(little.tobytes()).decode("ascii"),
            "shape": list(value.shape),
            "dtype": little.dtype.str,
        }
    if isinstance(value, bytes | bytearray | memoryview):
        data = base64.b64encode(bytes(value)).decode("ascii")
        return {"_hub_custom_type": "bytes", "data": data}
    raise TypeError(f"{type(value).__name__}")
