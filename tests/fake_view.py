"""A view over lists in memory, small enough to be read at a glance: what the loader's unit tests stream
from.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.schema import Field, Schema
from tql.types import Type, element_of_dtype

Rows = list[Any]


def jpeg(pixels: NDArray[np.uint8], quality: int = 90) -> bytes:
    return _image_file(pixels, "JPEG", quality=quality)


def png(pixels: NDArray[np.uint8]) -> bytes:
    return _image_file(pixels, "PNG")


def _image_file(pixels: NDArray[np.uint8], kind: str, **options: Any) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


class FakeView:
    """Columns of arrays, strings, or JPEG and PNG files (bytes); `indices` are the row numbers of the
    dataset.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]],
        *,
        indices: Sequence[int] | None = None,
        order_chosen: bool = False,
        encodings: Mapping[str, str] | None = None,
        partition_rows: int = 10,
    ) -> None:
        self.columns = {name: list(rows) for name, rows in columns.items()}
        size = len(next(iter(self.columns.values())))
        self.indices = np.arange(size) if indices is None else np.asarray(indices, dtype=np.int64)
        self.order_chosen = order_chosen
        self.partition_rows = partition_rows
        self.schema = Schema([_field(n, rows, (encodings or {}).get(n)) for n, rows in self.columns.items()])
        self.fetched = 0

    def __len__(self) -> int:
        return len(self.indices)

    def partitions(self, columns: Sequence[str]) -> list[tuple[int, int]]:
        step = self.partition_rows
        return [(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def take(self, column: str, facet: str, rows: NDArray[np.int64]) -> Any:
        if facet == "shape":
            shapes = [_engine.jpeg_shape(self.columns[column][row]) for row in rows]
            return _engine.Column.dense(np.array(shapes, np.int64))
        if not isinstance(self.columns[column][0], str):
            return _engine.Column.dense(np.stack([np.asarray(self.columns[column][row]) for row in rows]))
        encoded = [self.columns[column][row].encode() for row in rows]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return _engine.Column.text(offsets, np.frombuffer(b"".join(encoded), np.uint8))

    def encoded(self, column: str, rows: NDArray[np.int64]) -> Any:
        self.fetched += len(rows)
        values = [self.columns[column][row] for row in rows]
        codec = self.schema[column].encoding
        if isinstance(values[0], str) or codec == "png":
            return None
        if codec == "jpeg":
            shapes = [_engine.jpeg_shape(value) for value in values]
            return _rows("jpeg", np.dtype(np.uint8), values, shapes)
        arrays = [np.asarray(value) for value in values]
        return _rows("raw", arrays[0].dtype, [a.tobytes() for a in arrays], [a.shape for a in arrays])

    def stored_bytes(self, column: str, row: int) -> bytes:
        value = self.columns[column][row]
        return value if isinstance(value, bytes) else np.asarray(value).tobytes()

    def weights_for(self, text: str) -> NDArray[np.float64]:
        return np.asarray(self.columns[text], dtype=np.float64)

    def query(
        self, text: str, *, params: Sequence[Any] = (), sources: Any = None, seed: int | None = None
    ) -> FakeView:
        """Understands `column == number` and `order by column`."""
        if text.startswith("order by "):
            return self.chosen(np.argsort(self.columns[text[9:]], kind="stable"), order_chosen=True)
        column, value = text.split(" == ")
        return self.chosen(np.flatnonzero(np.asarray(self.columns[column]) == float(value)))

    def sample_by(
        self, weights: Any, replace: bool = True, size: int | None = None, *, seed: int | None = None
    ) -> FakeView:
        draw = _engine.sample_with_replacement if replace else _engine.sample_without_replacement
        values = self.weights_for(weights) if isinstance(weights, str) else np.asarray(weights, np.float64)
        rows = draw(values, len(self) if size is None else size, seed=seed or 0)
        return self.chosen(rows)

    def chosen(self, rows: NDArray[np.int64], order_chosen: bool = False) -> FakeView:
        columns = {name: [values[row] for row in rows] for name, values in self.columns.items()}
        chosen = copy(self)
        chosen.columns, chosen.indices, chosen.order_chosen = columns, self.indices[rows], order_chosen
        return chosen


def _field(name: str, rows: Rows, encoding: str | None) -> Field:
    first = rows[0]
    if isinstance(first, bytes):
        codec = "jpeg" if first[:2] == b"\xff\xd8" else "png"
        return Field(name, Type("uint8", (None, None, None)), codec, row_bytes=192)
    if isinstance(first, str):
        return Field(name, Type("text"))
    arrays = [np.asarray(row) for row in rows]
    element = element_of_dtype(arrays[0].dtype)
    assert element is not None
    shape: Any = arrays[0].shape if len({a.shape for a in arrays}) == 1 else (None,) * arrays[0].ndim
    return Field(name, Type(element, shape), encoding, row_bytes=max(a.nbytes for a in arrays))


def _rows(codec: Any, dtype: np.dtype[Any], values: list[bytes], shapes: list[Any]) -> Any:
    sizes = np.array([len(value) for value in values], np.int64)
    return _engine.EncodedRows(
        codec,
        dtype,
        values,
        np.arange(len(values), dtype=np.int32),
        np.zeros(len(values), np.int64),
        sizes,
        np.array(shapes, np.int64).reshape(len(values), -1),
    )
