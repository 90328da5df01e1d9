"""What is known of the values of a tensor while it is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tql.loader.media import MEDIA_CODECS
from tql.loader.writing.htypes import HTYPES, Htype, Kind

TILE_BYTES = 16_000_000
_PICTURE_RANK = 3


@dataclass(frozen=True, slots=True)
class Form:
    """How the items of a tensor look and are stored.

    Attributes:
        name: of the tensor, for errors.
        htype: what its values are.
        picture: of an `image` htype: grey ones get an axis for their one channel.
        dtype: None until the first value decides.
        rank: axes of an item, None until the first value decides.
        sample_codec, chunk_codec: compression of each item, of a chunk's data area.
        tile_bytes: larger items are cut into tiles, None for never.
        is_link: items are paths.
    """

    name: str
    htype: Htype
    picture: bool
    dtype: np.dtype[Any] | None
    rank: int | None
    sample_codec: str | None
    chunk_codec: str | None
    tile_bytes: int | None
    is_link: bool

    @property
    def kind(self) -> Kind:
        return "text" if self.is_link else self.htype.kind

    @property
    def is_text(self) -> bool:
        """Items are text, JSON or paths: bytes that no dtype describes."""
        return self.kind in ("text", "json", "list", "tag")

    @property
    def takes_files(self) -> bool:
        """Bytes that are given are a file, not an array."""
        return self.htype.kind == "image" or self.sample_codec in MEDIA_CODECS

    @property
    def element(self) -> np.dtype[Any]:
        """The dtype where items are arrays, bytes otherwise."""
        if self.is_text or self.dtype is None:
            return np.dtype(np.uint8)
        return self.dtype

    def tiled(self, shape: tuple[int, ...], itemsize: int) -> bool:
        """Whether an array of this shape is too large to be stored whole."""
        size = math.prod(shape) * itemsize
        squeezed = self.sample_codec or self.chunk_codec not in (None, "lz4")
        return self.tile_bytes is not None and size * (0.5 if squeezed else 1) > self.tile_bytes


def form_of(meta: Mapping[str, Any]) -> Form:
    """The form that a checked `tensor_meta.json` describes."""
    name = inner_htype(str(meta.get("htype") or "generic"))
    htype = HTYPES.get(name, HTYPES["generic"])
    picture = name.startswith("image")
    is_link = bool(meta.get("is_link"))
    dtype = meta.get("dtype")
    text_like = htype.kind in ("text", "json", "list", "tag")
    rank = len(meta.get("max_shape") or ()) or (_PICTURE_RANK if picture else htype.one_rank)
    threshold = meta.get("tiling_threshold") or TILE_BYTES
    return Form(
        name=str(meta.get("name")),
        htype=htype,
        picture=picture,
        dtype=np.dtype(dtype) if dtype and not text_like else None,
        rank=1 if text_like or is_link else rank,
        sample_codec=None if is_link else meta.get("sample_compression"),
        chunk_codec=None if is_link else meta.get("chunk_compression"),
        tile_bytes=None if threshold < 0 else threshold,
        is_link=is_link,
    )


def inner_htype(htype: str) -> str:
    """`sequence[link[image]]` -> `image`."""
    while htype.endswith("]") and "[" in htype:
        htype = htype.partition("[")[2][:-1]
    return "generic" if htype in ("sequence", "link") else htype
