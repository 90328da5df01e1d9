"""The JSON files of a dataset and its tensors: those of new ones, and the numbers that writing changes."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tql.loader.writing.chunk_file import VERSION
from tql.loader.writing.documents import extended
from tql.loader.writing.htypes import Htype

DEFAULT_CHUNK_BYTES = 16_000_000


def new_dataset_meta() -> dict[str, Any]:
    return {
        "version": VERSION,
        "tensors": [],
        "tensor_names": {},
        "hidden_tensors": [],
        "groups": [],
        "default_index": [{"start": None, "stop": None, "step": None}],
        "allow_delete": True,
    }


def new_tensor_meta(
    name: str,
    htype_name: str | None,
    htype: Htype,
    *,
    dtype: str | None = None,
    sample_compression: str | None = None,
    chunk_compression: str | None = None,
    max_chunk_size: int | None = None,
    tiling_threshold: int | None = None,
    is_sequence: bool = False,
    is_link: bool = False,
    hidden: bool = False,
) -> dict[str, Any]:
    """All fields that the format asks for; `htype_name` is None where the first value will tell the htype."""
    return {
        "version": VERSION,
        "name": name,
        "htype": htype_name,
        "dtype": dtype or htype.dtype,
        "typestr": None,
        "min_shape": [],
        "max_shape": [],
        "length": 0,
        "sample_compression": sample_compression,
        "chunk_compression": chunk_compression,
        "max_chunk_size": max_chunk_size,
        "tiling_threshold": tiling_threshold,
        "hidden": hidden,
        "is_sequence": is_sequence,
        "is_link": is_link,
        "verify": False,
        "links": {},
        **copy.deepcopy(dict(htype.defaults)),
        **({"_info": list(htype.properties)} if htype.properties else {}),
        **copy.deepcopy(dict(htype.properties)),
    }


def enclose(meta: dict[str, Any], low: Sequence[int], high: Sequence[int]) -> None:
    """Widen `min_shape` and `max_shape` by the smallest and largest extents of further items."""
    if not meta["max_shape"]:
        meta["min_shape"], meta["max_shape"] = list(low), list(high)
        return
    meta["min_shape"] = [min(pair) for pair in zip(meta["min_shape"], low, strict=True)]
    meta["max_shape"] = [max(pair) for pair in zip(meta["max_shape"], high, strict=True)]


def to_json(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """A JSON file as this format has it: NaN allowed, everything else escaped to ASCII."""
    return json.dumps(value, indent=4, sort_keys=True, default=extended).encode("ascii")
