"""Chunks of numbers that all have one shape: the bytes of such a header are known before it is read.

A chunk of that form is a version, the same few numbers for all chunks of as many items, and the values. To
compare these bytes is to check every rule about them.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass

import numpy as np

from tql.loader.sources.v3.chunk import ChunkHeader
from tql.loader.sources.v3.meta import IMAGE_CODECS, TensorMeta
from tql.loader.sources.v3.place import MAX_ITEM_BYTES

_VERSION = re.compile(rb"[0-9]+(\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class UniformChunk:
    """The form of chunks whose items all have the shape `shape` and take `nbytes` bytes each."""

    shape: tuple[int, ...]
    nbytes: int

    @classmethod
    def of(cls, meta: TensorMeta) -> UniformChunk | None:
        """What the meta says of all chunks, None where items may differ or are encoded one by one."""
        shape = tuple(extent for extent in meta.fixed_axes if extent is not None)
        if meta.kind != "array" or meta.sample_codec is not None or meta.chunk_codec in IMAGE_CODECS:
            return None
        if not shape or len(shape) < len(meta.fixed_axes) or 0 in shape:
            return None
        nbytes = math.prod(shape) * meta.dtype.itemsize
        return cls(shape, nbytes) if nbytes <= MAX_ITEM_BYTES else None

    def header(self, items: int) -> bytes:
        """The header of a chunk of so many items, without the version."""
        rank, last = len(self.shape), items - 1
        numbers = (1, rank + 1, *self.shape, last, 1, self.nbytes, 0, last)
        return struct.pack(f"<{len(numbers)}I", *numbers)

    def is_that_of(self, header: ChunkHeader) -> bool:
        """Whether a checked header is of this form; runs that could be one count too."""
        return (
            header.num_items > 0
            and bool((header.shapes == np.array(self.shape, np.int64)).all())
            and len(header.shape_last) > 0
            and int(header.shape_last[-1]) == header.num_items - 1
        )


def is_header(head: memoryview, tail: bytes) -> bool:
    """Whether these bytes are a version and `tail`."""
    version = head[1 : len(head) - len(tail)]
    return head[0] == len(version) and head[1 + len(version) :] == tail and bool(_VERSION.fullmatch(version))
