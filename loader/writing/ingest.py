"""Folders of pictures and tables as datasets."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tql.errors import ArgumentError
from tql.loader.dataset import Dataset
from tql.loader.progress import progress
from tql.loader.sources.v3.source import V3Source
from tql.loader.storage.location import local_path
from tql.loader.writing.arrow_columns import TableColumn, open_table
from tql.loader.writing.drafts import made_at_once
from tql.loader.writing.sample import Sample

_CODECS = {
    ".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".bmp": "bmp", ".gif": "gif",
    ".tif": "tiff", ".tiff": "tiff", ".jp2": "jpeg2000", ".ppm": "ppm", ".pgm": "ppm",
}  # fmt: skip
_ROWS = 64
StrPath = str | os.PathLike[str]


def ingest_folder(src: StrPath, dest: StrPath, sample_compression: str | None, overwrite: bool) -> Dataset:
    """A dataset of the pictures below a folder. See `tql.ingest_folder`."""
    root = local_path(src)
    if not root.is_dir():
        raise ArgumentError(f"there is no folder '{src}'")
    files = sorted(_pictures(root), key=lambda path: path.as_posix())
    if not files:
        raise ArgumentError(f"there are no pictures below '{src}'", hint="endings: " + " ".join(_CODECS))
    codec = sample_compression or Counter(_CODECS[path.suffix.lower()] for path in files).most_common(1)[0][0]
    labels = [path.parent.relative_to(root).as_posix() for path in files]
    names = sorted(set(labels))
    making = made_at_once(dest, overwrite, f"ingested {root.name}")
    with making as dataset, progress("ingesting", len(files)) as advance:
        dataset.create_tensor("images", htype="image", sample_compression=codec)
        if names != ["."]:
            dataset.create_tensor("labels", htype="class_label", class_names=names)
        for start in range(0, len(files), _ROWS):
            part = files[start : start + _ROWS]
            columns: dict[str, Any] = {"images": [Sample(path) for path in part]}
            if names != ["."]:
                columns["labels"] = labels[start : start + _ROWS]
            dataset.extend(columns)
            advance(len(part))
    return Dataset(V3Source(local_path(dest)))


def ingest_table(src: StrPath, dest: StrPath, overwrite: bool) -> Dataset:
    """A dataset of the rows of a table. See `tql.ingest_table`."""
    rows, total, batches = open_table(local_path(src))
    columns = [TableColumn(field) for field in rows]
    making = made_at_once(dest, overwrite, f"ingested {Path(src).name}")
    with making as dataset, progress("ingesting", total) as advance:
        for number, batch in enumerate(batches):
            if number == 0:
                for column in columns:
                    dataset.create_tensor(column.name, **column.options(batch))
            dataset.extend({column.name: column.values(batch) for column in columns})
            advance(batch.num_rows)
    return Dataset(V3Source(local_path(dest)))


def _pictures(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in _CODECS:
                yield Path(folder) / name
