"""Encoded files as values: `tql.read(path)` hands over a picture, to be stored as it is."""

from __future__ import annotations

import os
from pathlib import Path

from tql.errors import ArgumentError


class Sample:
    """A file that a tensor takes as one value. It is read when it is stored.

    Args:
        path: where it lies, None for one in memory.
        data: its bytes where they are known.
    """

    def __init__(self, path: Path | None = None, data: bytes | None = None) -> None:
        self.path = path
        self._data = data

    def __repr__(self) -> str:
        return f"tql.read({str(self.path)!r})" if self.path else f"Sample of {len(self.data)} bytes"

    @property
    def data(self) -> bytes:
        """The bytes of the file.

        Raises:
            ArgumentError: if it can't be read.
        """
        if self._data is not None:
            return self._data
        assert self.path is not None
        try:
            return self.path.read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ArgumentError(f"can't read '{self.path}': {reason}") from None


def read(path: str | os.PathLike[str]) -> Sample:
    """A file as a value for `append`, `extend` and `update`: its bytes are stored as they are.

    A picture goes unchanged into a tensor whose `sample_compression` is the format of the file; into any
    other image tensor it goes decoded.

    Raises:
        ArgumentError: if there is no such file.
    """
    given = Path(path).expanduser()
    if not given.is_file():
        raise ArgumentError(f"there is no file '{path}'")
    return Sample(given)
