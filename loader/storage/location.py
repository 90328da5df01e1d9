"""From what the caller names to a place in the file system."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tql.errors import UnsupportedError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def local_path(path: str | os.PathLike[str]) -> Path:
    """The path in the file system, with `~` resolved.

    Raises:
        UnsupportedError: it is a URL. Without this, 's3://x' would be read as a folder 's3:' here.
    """
    found = _SCHEME.match(os.fspath(path))
    if found is not None:
        raise UnsupportedError(
            f"'{found[1]}://' can't be opened, only folders of this machine: '{path}'",
            hint="mount the storage or copy the dataset to a local folder",
        )
    return Path(path).expanduser()
