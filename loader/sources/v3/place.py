"""Where in a dataset something is wrong, the error that says so, and the limits that nothing may pass."""

from __future__ import annotations

from dataclasses import dataclass

from tql.errors import FormatError, UnsupportedError

MAX_ITEM_BYTES = 1 << 31
"""Decoded size of one item or one decompressed chunk above which a file is held to be damaged."""

MAX_FILE_BYTES = 1 << 28
"""Size of a JSON file or an index above which it is held to be damaged."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file of a dataset, and the tensor it belongs to."""

    file: str
    tensor: str | None = None

    def damaged(self, what: str, *, offset: int | None = None, row: int | None = None) -> FormatError:
        """The error for a broken rule; `what` is a sentence without a full stop."""
        return FormatError(f"damaged dataset: {what}", hint=self._where(offset, row))

    def unsupported(self, what: str, *, row: int | None = None) -> UnsupportedError:
        return UnsupportedError(what, hint=self._where(None, row))

    def _where(self, offset: int | None, row: int | None) -> str:
        parts = [f"in file '{self.file}'"]
        if self.tensor is not None:
            parts.append(f"tensor '{self.tensor}'")
        if row is not None:
            parts.append(f"row {row}")
        if offset is not None:
            parts.append(f"offset {offset}")
        return ", ".join(parts)
