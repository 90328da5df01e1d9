"""From a path to a dataset: finds out which format lies there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from tql.errors import ArgumentError, DatasetNotFoundError
from tql.loader.dataset import Dataset
from tql.loader.sources.v3.source import MARKERS, V3Source
from tql.loader.storage.location import local_path

if TYPE_CHECKING:
    from tql.loader.writing.dataset import WritableDataset


@overload
def load(
    path: str | os.PathLike[str], version: str | None = None, *, read_only: Literal[True] = True
) -> Dataset: ...
@overload
def load(
    path: str | os.PathLike[str], version: str | None = None, *, read_only: Literal[False]
) -> WritableDataset: ...
def load(path: str | os.PathLike[str], version: str | None = None, *, read_only: bool = True) -> Dataset:
    """Open a dataset: a folder in Deep Lake v3 format. Reads metadata only.

    Args:
        path: the folder; `path@version` names a version too.
        version: name of a branch or id of a commit; None is the branch `main`.
        read_only: False opens it for writing, which one process at a time can.

    Raises:
        ArgumentError: if there is no such version, or two are named.
        DatasetLockedError: if another process writes to it (`read_only=False`).
        DatasetNotFoundError: if there is nothing, or no dataset, at `path`.
        FormatError: if the dataset's metadata is damaged.
        UnsupportedError: if `path` is a URL.
    """
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
    if read_only:
        return Dataset(V3Source(folder, version))
    from tql.loader.writing.dataset import open_for_writing

    return open_for_writing(folder, version)


def split_version(path: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """The folder and the version of `path@version`. What exists under the whole name has no version."""
    whole = local_path(path)
    folder, at, version = str(whole).rpartition("@")
    if not at or not folder or not version or whole.exists() or not Path(folder).is_dir():
        return whole, None
    return Path(folder), version


def empty(path: str | os.PathLike[str], overwrite: bool = False) -> WritableDataset:
    """Make a dataset without tensors, open for writing.

    Args:
        path: a folder that is not there yet, or is empty.
        overwrite: delete the dataset that is there. It is there until the new one is.

    Raises:
        DatasetExistsError: there is something already; with `overwrite`, something that is no dataset.
        DatasetLockedError: another process writes to what would be overwritten.
        StorageError: the folder can't be made or written to.
    """
    from tql.loader.writing.drafts import create

    return create(path, overwrite)
