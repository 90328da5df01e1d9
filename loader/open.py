"""From a path to a dataset: finds out which format lies there."""

from __future__ import annotations

import os
from pathlib import Path

from tql.errors import DatasetNotFoundError
from tql.loader.dataset import Dataset
from tql.loader.sources.v3.source import MARKERS, V3Source


def load(path: str | os.PathLike[str]) -> Dataset:
    """Open a dataset: a folder in Deep Lake v3 format. Reads metadata only.

    Raises:
        DatasetNotFoundError: if there is nothing, or no dataset, at `path`.
        FormatError: if the dataset's metadata is damaged.
    """
    folder = Path(path).expanduser()
    if not folder.exists():
        raise DatasetNotFoundError(f"there is no folder '{path}'")
    if not folder.is_dir():
        raise DatasetNotFoundError(f"a dataset is a folder, this is a file: '{path}'")
    if not any((folder / marker).is_file() for marker in MARKERS):
        raise DatasetNotFoundError(
            f"this folder holds no dataset: '{path}'",
            hint=f"looked for {' or '.join(MARKERS)} (Deep Lake v3)",
        )
    return Dataset(V3Source(folder))
