"""A Deep Lake v3 dataset as a source: the tensors of one commit under one schema."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column, EncodedRows, FixedRows, Zones
from tql.errors import UnknownColumnError
from tql.loader.arrays import Items
from tql.loader.cache import ByteCache
from tql.loader.fingerprint import digest
from tql.loader.partitions import DEFAULT_ROW_BYTES, chunk_ranges, even_ranges
from tql.loader.source import Facet
from tql.loader.sources.v3.chunks import Caches, Chunk
from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.meta import TensorMeta, read_dataset_meta, read_tensor_meta
from tql.loader.sources.v3.statistics import StoredZones
from tql.loader.sources.v3.tensor import Tensor
from tql.loader.sources.v3.versions import Commit, Versions, read_versions
from tql.loader.storage import journal
from tql.loader.zones import KeptZones
from tql.schema import Field, Schema

MARKERS = ("dataset_meta.json", "version_control_info.json")
"""A folder with one of these files is a v3 dataset, sound or damaged."""

CACHE_BYTES = 256 << 20
_MANY = 1 << 20
_OPEN_CHUNKS = 256  # each holds a file descriptor


class V3Source:
    """The visible tensors of one commit. Rows are those of the shortest tensor.

    Opening reads the metas only; indexes and chunk headers are read on first use. Files are taken as they are
    when they are first read: a dataset must not be written to while it is open.

    Args:
        path: the dataset's folder.
        version: branch name or commit id; None means the head of `main`.
        cache_bytes: bound of the cache of decompressed chunks.

    Raises:
        FormatError: if a file that every reading needs is missing or damaged.
        ArgumentError: if there is no such version.
    """

    def __init__(
        self, path: str | os.PathLike[str], version: str | None = None, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.path = os.fspath(Path(path).absolute())  # wherever the process goes later
        self._cache_bytes = cache_bytes
        folder = Folder(self.path)
        self.versions: Versions = read_versions(folder)
        self._state = ""
        self.commit: Commit = self.versions.resolve(version)
        folder = folder.under(journal.overlay(folder.read_or_none, self.commit.folder))
        self.meta = read_dataset_meta(folder, self.commit.folder)
        self.info: dict[str, Any] = folder.json_or_empty(self.commit.folder + "dataset_info.json")
        self._folder = folder
        self._caches = Caches(ByteCache[Any](cache_bytes, _MANY), ByteCache[Chunk](cache_bytes, _OPEN_CHUNKS))
        self._tensors = {name: self._open_tensor(name, key) for name, key in self.meta.tensors.items()}
        self._schema = Schema([_field(tensor.meta) for tensor in self._tensors.values()])
        self._zones = KeptZones()
        self._stored_zones: dict[str, StoredZones | None] = {}
        self._lock = threading.Lock()
        self._num_rows = min((len(tensor) for tensor in self._tensors.values()), default=0)

    def __reduce__(self) -> tuple[Any, ...]:
        return V3Source, (self.path, self.commit.id, self._cache_bytes)

    @property
    def folder(self) -> Folder:
        """The files that it reads."""
        return self._folder

    @property
    def identity(self) -> tuple[str, ...]:
        """Equal for two sources of the same rows."""
        return os.path.realpath(self.path), self.commit.id, self._state

    def fingerprint(self) -> str:
        """Of the commit and the chunks that it is made of, not of where it lies."""
        tensors = [part for name, tensor in self._tensors.items() for part in (name, *tensor.layout())]
        return f"{digest([self.commit.id, *tensors])} of commit {self.commit.id}"

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def num_rows(self) -> int:
        return self._num_rows

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name; its length may exceed `num_rows`. Hidden tensors too."""
        if name in self.meta.hidden and name not in self._tensors:
            return self._open_tensor(name, self.meta.hidden[name])
        if name not in self._tensors:
            raise UnknownColumnError(f"no tensor named '{name}'", hint="tensors: " + ", ".join(self._tensors))
        return self._tensors[name]

    def hold(self, state: str) -> None:
        """Read all indexes now: writes of this package, which never change a chunk, don't show from now on.

        Args:
            state: names the present state of the dataset, so that views of another one are told apart.
        """
        self._state = state
        for tensor in self._tensors.values():
            tensor.load_indexes()

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        """Ranges along the chunks of the column with the largest rows."""
        if self._num_rows == 0:
            return []
        sizes = {name: self._schema[name].row_bytes or DEFAULT_ROW_BYTES for name in columns}
        if not sizes:
            return even_ranges(self._num_rows, DEFAULT_ROW_BYTES)
        heaviest = max(sizes, key=lambda name: sizes[name])
        boundaries = self.tensor(heaviest).boundaries()
        return chunk_ranges(boundaries, self._num_rows, sum(sizes.values()))

    def read(self, column: str, facet: Facet, start: int, stop: int) -> Column:
        return self._read(column, facet, range(start, stop))

    def array(self, column: str, start: int, stop: int) -> NDArray[Any] | None:
        """Rows [start, stop) of a column of numbers as an array that nobody else holds; None where `read` is
        as good.
        """
        tensor = self.tensor(column)
        self._check_rows(tensor, range(start, stop))
        return tensor.array(range(start, stop))

    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> Column:
        return self._read(column, facet, rows)

    def _read(self, column: str, facet: Facet, rows: Items) -> Column:
        tensor = self.tensor(column)
        self._check_rows(tensor, rows)
        if facet == "shape":
            return Column.dense(np.ascontiguousarray(tensor.shapes(rows)))
        return tensor.read(rows).to_column()

    def zones(self, column: str) -> Zones:
        zones, tensor = self._zones.of(column), self.tensor(column)
        with self._lock:
            if column not in self._stored_zones:
                self._stored_zones[column] = stored = tensor.stored_zones(self.path)
                if stored is not None:
                    stored.load(zones)
        return zones

    def lease_cache(self, nbytes: int) -> Callable[[], None]:
        """Let it keep `nbytes` of decompressed chunks until the returned function is called."""
        return self._caches.areas.lease(nbytes)

    def keep_zones(self) -> None:
        """Write down what was measured since the source was opened, where it can be written."""
        for column, stored in list(self._stored_zones.items()):
            if stored is not None:
                stored.save(self._zones.of(column))

    def encoded(self, column: str, rows: NDArray[np.int64]) -> EncodedRows | None:
        tensor = self.tensor(column)
        self._check_rows(tensor, rows)
        return tensor.encoded(rows)

    def fixed(self, column: str, rows: NDArray[np.int64]) -> FixedRows | None:
        return self.tensor(column).fixed(rows)

    def stored_bytes(self, column: str, row: int) -> bytes:
        tensor = self.tensor(column)
        self._check_rows(tensor, np.array([row], np.int64))
        return tensor.stored_bytes(row)

    def chunk_name(self, column: str, row: int) -> str | None:
        """The chunk that holds a row; None where the row is no single item."""
        return self.tensor(column).chunk_name(row)

    def describe(self) -> dict[str, Any]:
        return {
            "format": "deeplake-v3",
            "path": self.path,
            "version": self.commit.id,
            "branch": self.commit.branch,
            "rows": self._num_rows,
            "branches": list(self.versions.branches),
            "columns": {name: _describe(tensor) for name, tensor in self._tensors.items()},
        }

    def _open_tensor(self, name: str, key: str) -> Tensor:
        meta = read_tensor_meta(self._folder, self.commit.folder, name, key)
        return Tensor(self._folder, self.versions, self.commit, meta, self._caches)

    @staticmethod
    def _check_rows(tensor: Tensor, rows: Items) -> None:
        if len(rows) == 0:
            return
        low, high = (rows[0], rows[-1]) if isinstance(rows, range) else (rows.min(), rows.max())
        if not 0 <= low <= high < len(tensor):
            raise IndexError(f"row out of range: '{tensor.meta.name}' has {len(tensor)} rows")


def _field(meta: TensorMeta) -> Field:
    return Field(
        meta.name,
        meta.type(),
        encoding=meta.sample_codec or meta.chunk_codec,
        row_bytes=_row_bytes(meta),
        shape_in_metadata=meta.kind != "tag",
        by_chunk=meta.chunk_codec is not None,
    )


def _row_bytes(meta: TensorMeta) -> int:
    """The decoded size of a row of middling shape; a guess for text."""
    if meta.kind != "array":
        return DEFAULT_ROW_BYTES
    middle = [(low + high) / 2 for low, high in zip(meta.min_shape, meta.max_shape, strict=True)]
    return min(math.ceil(math.prod(middle) * meta.dtype.itemsize), 1 << 62)


def _describe(tensor: Tensor) -> dict[str, Any]:
    meta = tensor.meta
    return {
        "htype": f"sequence[{meta.htype}]" if meta.is_sequence else meta.htype,
        "type": str(meta.type()),
        "rows": len(tensor),
        "compression": meta.sample_codec or meta.chunk_codec,
        "chunks": tensor.num_chunks(),
        "class_names": list(meta.class_names) if meta.class_names else None,
        "readable": meta.unreadable is None,
    }
