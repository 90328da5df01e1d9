"""Short texts by which a saved state recognises the rows that it was saved for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAMPLED = 1 << 14  # values of an array in memory that are looked at
_LENGTH = 12  # bytes of a digest


def digest(parts: Iterable[str | bytes | NDArray[Any]]) -> str:
    """A hexadecimal digest of texts, bytes and arrays, in order."""
    state = blake2b(digest_size=_LENGTH)
    for part in parts:
        if isinstance(part, str):
            part = part.encode()
        data = part if isinstance(part, bytes) else np.ascontiguousarray(part).view(np.uint8).data
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def of_source(source: Any) -> str:
    """What a source holds: equal for equal sources, and in all likelihood different for others.

    A format answers for itself by a method `fingerprint() -> str`; other sources are known by those below
    them, and by the names, types and number of their rows.
    """
    own = getattr(source, "fingerprint", None)
    if own is not None:
        return str(own())
    below = [of_source(other) for other in getattr(source, "sources_below", ())]
    rows = source.num_rows if hasattr(source, "num_rows") else len(source)
    # Views and rows that a query made say by `describe` what they were made by.
    made = source.describe().get("query", "") if hasattr(source, "describe") else ""
    return digest(
        [f"{name} {field.type}" for name, field in source.schema.items()] + [str(rows), made, *below]
    )


def of_memory(value: Any) -> str:
    """Arrays in memory: their dtypes and lengths, and up to 16384 of the values of each, evenly spread."""
    return digest(_sampled(value))


def _sampled(value: Any) -> Iterator[str | NDArray[Any]]:
    if isinstance(value, np.ndarray):
        flat = value.reshape(-1) if value.flags.c_contiguous else np.ravel(value[:_SAMPLED])
        yield f"{value.dtype.str} {value.size}"
        yield flat[:: max(1, flat.size // _SAMPLED)]
    elif is_dataclass(value):
        for field in fields(value):
            yield from _sampled(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _sampled(item)
    else:
        yield str(value)
