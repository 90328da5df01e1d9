"""Files as values: `tql.read(path)` for one that is stored as it is, `tql.link(path)` for its name alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tql.errors import ArgumentError
from tql.loader.storage.location import local_path


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
    """A file as a value. See `tql.read`."""
    given = local_path(path)
    if not given.is_file():
        raise ArgumentError(f"there is no file '{path}'")
    return Sample(given)


@dataclass(frozen=True, slots=True)
class Link:
    """The path or URL of a file, as a value of a tensor of links.

    Attributes:
        path: as it is stored.
    """

    path: str

    def __str__(self) -> str:
        return f"tql.link({self.path!r})"


def link(path: str | os.PathLike[str]) -> Link:
    """A path or URL as a value of a tensor `link[...]`: stored as text, the file stays where it is.

    A local path is relative to the working directory of whoever reads it. A plain str does as well.

    Raises:
        ArgumentError: for anything else.
    """
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"not a path or URL: {path!r:.60}")
    return Link(str(os.fspath(path)))
