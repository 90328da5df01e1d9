"""A dataset whose links are followed: columns of pictures in place of columns of paths."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column, EncodedRows, FixedRows, Zones
from tql.errors import UnsupportedError
from tql.loader.arrays import ArrayRows, ListRows, Rows, TextListRows, TextRows, as_array, offsets_of
from tql.loader.fetching import Fetcher
from tql.loader.images import ImageError, decode_image
from tql.loader.source import Facet, facet_of
from tql.loader.sources.v3.links import Link
from tql.loader.sources.v3.meta import TensorMeta
from tql.loader.sources.v3.place import MAX_ITEM_BYTES
from tql.loader.sources.v3.source import V3Source
from tql.schema import Field, Schema
from tql.types import Type

_AT_ONCE = 16


class LinkedSource:
    """The rows of a dataset with the files that its links lead to: pictures become arrays, other files bytes.

    Args:
        source: where the links are stored.
        fetch: what reads the files.
    """

    def __init__(self, source: V3Source, fetch: Fetcher) -> None:
        self._source = source
        self._fetch = fetch
        self._linked = {name for name in source.schema if source.tensor(name).meta.is_link}
        self._schema = Schema([self._field(field) for field in source.schema.values()])

    def __reduce__(self) -> tuple[Any, ...]:
        return LinkedSource, (self._source, self._fetch)

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def num_rows(self) -> int:
        return self._source.num_rows

    def partitions(self, columns: Sequence[str]) -> Sequence[tuple[int, int]]:
        return self._source.partitions(columns)

    def lease_cache(self, nbytes: int) -> Callable[[], None]:
        return self._source.lease_cache(nbytes)

    def zones(self, column: str) -> Zones | None:
        return None if column in self._linked else self._source.zones(column)

    def read(self, column: str, facet: Facet, start: int, stop: int) -> Column:
        if column not in self._linked:
            return self._source.read(column, facet, start, stop)
        return facet_of(self._followed(column, np.arange(start, stop)).to_column(), facet)

    def take(self, column: str, facet: Facet, rows: NDArray[np.int64]) -> Column:
        if column not in self._linked:
            return self._source.take(column, facet, rows)
        return facet_of(self._followed(column, rows).to_column(), facet)

    def encoded(self, column: str, rows: NDArray[np.int64]) -> EncodedRows | None:
        return None if column in self._linked else self._source.encoded(column, rows)

    def fixed(self, column: str, rows: NDArray[np.int64]) -> FixedRows | None:
        return None if column in self._linked else self._source.fixed(column, rows)

    def stored_bytes(self, column: str, row: int) -> bytes:
        if column not in self._linked:
            return self._source.stored_bytes(column, row)
        links, counts = self._source.tensor(column).links(np.array([row], np.int64))
        if counts is not None or links[0].tiled is not None:
            raise UnsupportedError(f"row {row} of '{column}' is more than one file")
        return self._fetch(links[0].paths[0]) if links[0].paths[0] else b""

    def describe(self) -> dict[str, Any]:
        return self._source.describe()

    def _field(self, field: Field) -> Field:
        if field.name not in self._linked:
            return field
        return replace(field, type=_type(self._source.tensor(field.name).meta), shape_in_metadata=False)

    def _followed(self, column: str, rows: NDArray[np.int64]) -> Rows:
        tensor = self._source.tensor(column)
        links, counts = tensor.links(as_array(rows))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            files = list(
                pool.map(lambda link: [self._fetch(path) if path else b"" for path in link.paths], links)
            )
        if not tensor.meta.links_to_images:
            texts = _bytes_rows([b"".join(parts) for parts in files])
            return texts if counts is None else TextListRows(offsets_of(counts), texts)
        rank = len(tensor.meta.max_shape) or 3
        pictures = [
            _picture(link, parts, rank, tensor.meta) for link, parts in zip(links, files, strict=True)
        ]
        shapes = np.array([picture.shape for picture in pictures], np.int64).reshape(len(pictures), rank)
        values = [picture.reshape(-1) for picture in pictures]
        items = ArrayRows(np.concatenate(values) if values else np.zeros(0, tensor.meta.dtype), shapes)
        return items if counts is None else ListRows(offsets_of(counts), items)

    def _files(self, link: Link) -> list[bytes]:
        return [self._fetch(path) if path else b"" for path in link.paths]


def _type(meta: TensorMeta) -> Type:
    if not meta.links_to_images:
        item = Type("bytes")
        return item.in_sequence if meta.is_sequence else item
    # The files may have changed since they were linked, so no extent is taken for granted.
    item = Type(meta.dtype.name, (None,) * (len(meta.max_shape) or 3))  # type: ignore[arg-type]
    return item.in_sequence if meta.is_sequence else item


def _bytes_rows(files: Sequence[bytes]) -> TextRows:
    sizes = np.fromiter((len(data) for data in files), np.int64, len(files))
    return TextRows(offsets_of(sizes), np.frombuffer(b"".join(files), np.uint8))


def _picture(link: Link, files: Sequence[bytes], rank: int, meta: TensorMeta) -> NDArray[Any]:
    if link.tiled is None:
        return _decoded(link.paths[0], files[0], rank, meta)
    shape, tile = link.tiled
    grid = [-(-extent // step) for extent, step in zip(shape, tile, strict=True)]
    cells = list(itertools.product(*map(range, grid)))
    if len(cells) != len(files):
        raise meta.place.damaged(f"a link of {len(files)} files needs {len(cells)}")
    whole = np.zeros(shape, meta.dtype)
    for cell, path, data in zip(cells, link.paths, files, strict=True):
        part = _decoded(path, data, rank, meta)
        box = tuple(
            slice(index * step, min((index + 1) * step, extent))
            for index, step, extent in zip(cell, tile, shape, strict=True)
        )
        if whole[box].shape != part.shape:
            raise meta.place.damaged(f"a picture has shape {list(part.shape)}: '{path}'")
        whole[box] = part
    return whole


def _decoded(path: str, data: bytes, rank: int, meta: TensorMeta) -> NDArray[Any]:
    if not path:
        return np.zeros((0,) * rank, meta.dtype)
    try:
        pixels = decode_image(data, MAX_ITEM_BYTES)
    except ImageError as error:
        raise meta.place.damaged(f"{error}: '{path}'") from None
    if pixels.ndim == 2 and rank == 3:
        pixels = pixels[..., None]
    if pixels.ndim != rank:
        raise meta.place.damaged(f"a picture has shape {list(pixels.shape)}: '{path}'")
    return pixels.astype(meta.dtype, copy=False)
