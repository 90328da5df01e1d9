"""One item of a tensor in the form in which it is stored: a value that is copied without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tql.loader.writing.blocks import Block
from tql.loader.writing.tiling import Tiled


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One item as a value: encoded as its tensor has it.

    Attributes:
        piece: a block of this one item, or its tiles.
        dtype: of its elements.
    """

    piece: Block | Tiled
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return len(self.piece.data) if isinstance(self.piece, Block) else sum(map(len, self.piece.chunks))

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the decoded item."""
        if isinstance(self.piece, Tiled):
            return self.piece.entry.shape
        return tuple(self.piece.shapes[0].tolist())
