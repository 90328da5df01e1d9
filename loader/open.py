"""From a path to a dataset: finds out which format lies there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tql.errors import ArgumentError, DatasetNotFoundError
from tql.loader.dataset import Dataset
from tql.loader.sources.v3.source import MARKERS, V3Source
from tql.loader.storage.location import local_path

if TYPE_CHECKING:
    from tql.loader.writing.dataset import WritableDataset


def load(path: str | os.PathLike[str], version: str | None = None) -> Dataset:
    """A dataset that is only read. See `tql.load`."""
    return Dataset(V3Source(*_found(path, version)))


def load_for_writing(path: str | os.PathLike[str], version: str | None = None) -> WritableDataset:
    """A dataset that is written too. See `tql.load`."""
    from tql.loader.writing.dataset import open_for_writing

    return open_for_writing(*_found(path, version))


def _found(path: str | os.PathLike[str], version: str | None) -> tuple[Path, str | None]:
    """The folder of a dataset and the version of it that is meant."""
    folder, named = split_version(path)
    if named is not None and version is not None:
        raise ArgumentError(f"two versions are named: '{named}' and '{version}'")
    version = named or version
    if not folder.exists():
        raise DatasetNotFoundError(f"there is no folder '{path}'")
    if not folder.is_dir():
        raise DatasetNotFoundError(f"a dataset is a folder, this is a file: '{path}'")
    if not any((folder / marker).is_file() for marker in MARKERS):
        raise DatasetNotFoundError(
            f"this folder holds no dataset: '{path}'",
            hint=f"looked for {' or '.join(MARKERS)} (Deep Lake v3)",
        )
    return folder, version


def split_version(path: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """The folder and the version of `path@version`. What exists under the whole name has no version."""
    whole = local_path(path)
    folder, at, version = str(whole).rpartition("@")
    if not at or not folder or not version or whole.exists() or not Path(folder).is_dir():
        return whole, None
    return Path(folder), version


def empty(path: str | os.PathLike[str], overwrite: bool) -> WritableDataset:
    """A dataset without tensors, open for writing. See `tql.empty`."""
    from tql.loader.writing.drafts import create

    return create(path, overwrite)
