"""Values to items: arrays, pictures, labels, texts and documents to the bytes that chunks hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError
from tql.loader import compression
from tql.loader.images import ImageError, decode_image, describe_image, encode_image
from tql.loader.media import MEDIA_CODECS, MediaError, describe_media
from tql.loader.sources.v3.indexes import TileEntry
from tql.loader.sources.v3.meta import IMAGE_CODECS
from tql.loader.sources.v3.place import MAX_ITEM_BYTES
from tql.loader.writing.blocks import Block
from tql.loader.writing.casting import as_array, cast
from tql.loader.writing.chunk_file import encode_tile
from tql.loader.writing.form import Form
from tql.loader.writing.polygons import encode_polygons
from tql.loader.writing.sample import Link, Sample
from tql.loader.writing.stored_item import StoredItem
from tql.loader.writing.text_values import encode_text
from tql.loader.writing.tiling import Tiled, tile_shape, tiles

Piece = Block | Tiled


class BadValueError(Exception):
    """The value at a position of those given can't be stored; `error` says why."""

    def __init__(self, position: int, error: ArgumentError) -> None:
        super().__init__(position, error)
        self.position = position
        self.error = error


@dataclass(slots=True)
class Encoded:
    """Values in the form in which they are stored.

    Attributes:
        form: the tensor's form, with what these values decided.
        pieces: the items, in order.
        names: classes that were named for the first time.
    """

    form: Form
    pieces: list[Piece] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(piece) if isinstance(piece, Block) else 1 for piece in self.pieces)

    def shapes(self) -> list[NDArray[np.int64]]:
        """int64 [n, rank] of the items of each piece."""
        return [
            piece.shapes if isinstance(piece, Block) else np.array([piece.entry.shape], np.int64)
            for piece in self.pieces
        ]


def encode(values: Sequence[Any] | NDArray[Any], form: Form, classes: dict[str, int]) -> Encoded:
    """Values as items of a tensor. Nothing is changed by it.

    Args:
        values: one per item: a sequence, or an array along its first axis. None is an item without a value.
        form: what is known of the tensor.
        classes: names of its classes to their indices.

    Raises:
        BadValueError: a value that the tensor can't hold.
    """
    if form.is_text or form.kind == "polygon":
        return _encode_bytes(values, form)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and values.ndim:
        return _encode_uniform(values, form)
    if len(values) and all(type(value) in (int, float, bool) for value in values):
        try:
            return _encode_uniform(as_array(list(values)), form)
        except BadValueError:
            pass  # one by one it is known which value it is
        except ArgumentError:
            pass
    return _encode_each(values, form, classes)


def _encode_uniform(values: NDArray[Any], form: Form) -> Encoded:
    """The rows of one array."""
    shape = _item_shape(values.shape[1:], form)
    try:
        form = _decided(form, values.dtype, shape)
        _check_strip(shape, form)
        assert form.dtype is not None
        whole = cast(values, form.dtype)
    except ArgumentError as error:
        raise BadValueError(_first_bad(values, form), error) from None
    size = math.prod(shape) * form.dtype.itemsize
    if form.sample_codec is None and not form.tiled(shape, form.dtype.itemsize):
        data = whole.reshape(-1).view(np.uint8).data if whole.size else b""
        return Encoded(form, [Block.uniform(len(values), shape, size, data)] if len(values) else [])
    collected = _Items(form)
    for position, item in enumerate(whole.reshape(len(whole), *shape)):
        try:
            collected.add(item)
        except ArgumentError as error:
            raise BadValueError(position, error) from None
    return collected.encoded()


def _encode_each(values: Sequence[Any] | NDArray[Any], form: Form, classes: dict[str, int]) -> Encoded:
    """Values one by one, each of its own shape."""
    collected = _Items(form)
    names = dict(classes)
    for position, value in enumerate(values):
        try:
            collected.add_value(_label_indices(value, names) if form.kind == "labels" else value)
        except ArgumentError as error:
            raise BadValueError(position, error) from None
    encoded = collected.encoded()
    encoded.names = list(names)[len(classes) :]
    return encoded


class _Items:
    """Items on their way into pieces: all between two tiled ones are a block."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._pieces: list[Piece] = []
        self._data: list[bytes] = []
        self._shapes: list[tuple[int, ...]] = []

    def add_value(self, value: Any) -> None:
        """Any value that an array tensor takes: None, a file, or what NumPy makes an array of."""
        form = self.form
        if value is None:
            self._keep(b"", (0,) * (form.rank or 0))
            return
        if isinstance(value, StoredItem):
            self._add_stored(value)
            return
        if isinstance(value, bytes | bytearray | memoryview) and form.takes_files:
            value = Sample(data=bytes(value))
        if isinstance(value, Link):
            raise ArgumentError(
                f"{value} goes into a tensor of links only", hint="create_tensor(name, htype='link[image]')"
            )
        if form.sample_codec in MEDIA_CODECS:
            self._add_media(value, form.sample_codec)
            return
        if isinstance(value, Sample):
            data = value.data
            codec, shape, dtype = _describe(value, data)
            if codec == form.sample_codec:
                shape = _item_shape(shape, form)
                self.form = _decided(form, dtype, shape)
                _check_dtype(dtype, self.form)
                self._keep(data, shape)
                return
            value = _decode(value, data)
        array = as_array(value)
        shape = _item_shape(array.shape, form)
        self.form = form = _decided(form, array.dtype, shape)
        assert form.dtype is not None
        self.add(cast(array, form.dtype).reshape(shape))

    def _add_stored(self, item: StoredItem) -> None:
        """What was encoded for a tensor of the same compression and dtype."""
        rank = len(item.shape)
        if rank:
            self.form = _decided(self.form, item.dtype, item.shape)
        self._close()
        self._pieces.append(item.piece)

    def _add_media(self, value: Any, codec: str) -> None:
        """A file that only others can make."""
        if not isinstance(value, Sample):
            raise ArgumentError(
                f"{codec} files can't be made of arrays here",
                hint="give the file: tql.read(path), or its bytes",
            )
        data = value.data
        try:
            shape, dtype = describe_media(data, codec)
        except MediaError as error:
            raise ArgumentError(f"{error}: {value}") from None
        shape = _item_shape(shape, self.form)
        self.form = _decided(self.form, dtype, shape)
        _check_dtype(dtype, self.form)
        self._keep(data, shape)

    def add(self, item: NDArray[Any]) -> None:
        """An array of the right dtype and rank."""
        form, shape = self.form, item.shape
        if item.nbytes > MAX_ITEM_BYTES:
            raise ArgumentError(f"an item of {item.nbytes} bytes is larger than the limit {MAX_ITEM_BYTES}")
        _check_strip(shape, form)
        if not form.tiled(shape, item.itemsize):
            self._keep(encode_item(item, form.sample_codec), shape)
            return
        entry = TileEntry(shape, tile_shape(shape, item.itemsize, form))
        codec = form.sample_codec or form.chunk_codec
        chunks = [encode_tile(tile.shape, encode_item(tile, codec)) for tile in tiles(item, entry)]
        self._close()
        self._pieces.append(Tiled(entry, chunks))

    def encoded(self) -> Encoded:
        self._close()
        return Encoded(self.form, self._pieces)

    def _keep(self, data: bytes, shape: tuple[int, ...]) -> None:
        if len(data) > MAX_ITEM_BYTES:
            raise ArgumentError(f"an item of {len(data)} bytes is larger than the limit {MAX_ITEM_BYTES}")
        self._data.append(data)
        self._shapes.append(shape)

    def _close(self) -> None:
        if not self._data:
            return
        rank = self.form.rank or 0  # items without a value, met before the rank was known, get it now
        shapes = [shape if len(shape) == rank else (0,) * rank for shape in self._shapes]
        self._pieces.append(Block.of(shapes, self._data, rank))
        self._data, self._shapes = [], []


def encode_item(item: NDArray[Any], codec: str | None) -> bytes:
    """The bytes of one array: raw, or compressed by a codec."""
    if codec is None or item.size == 0:
        return item.tobytes()
    if codec == "lz4":
        return compression.lz4_compress(item.tobytes())
    try:
        return encode_image(_narrowed(item), codec)
    except ImageError as error:
        raise ArgumentError(str(error)) from None


def _narrowed(item: NDArray[Any]) -> NDArray[Any]:
    """Wide integers in the narrowest dtype that holds them: image files have no wider ones, and what is read
    is cast to the tensor's dtype.
    """
    if item.dtype.kind not in "iu" or item.itemsize <= 2 or int(item.min()) < 0:
        return item
    high = int(item.max())
    return item.astype(np.uint8 if high < 1 << 8 else np.uint16) if high < 1 << 16 else item


def _item_shape(shape: tuple[int, ...], form: Form) -> tuple[int, ...]:
    """The shape under which an array is stored: scalars have one element, grey pictures one channel.

    Raises:
        ArgumentError: if the tensor or its htype is of another rank.
    """
    if shape == ():
        shape = (1,)
    coded = (form.sample_codec or form.chunk_codec) in IMAGE_CODECS
    if len(shape) == 2 and (form.picture or (form.rank == 3 and (coded or form.htype.kind == "image"))):
        shape = (*shape, 1)
    if form.rank == 2 and len(shape) == 3 and shape[2] == 1 and form.htype.kind == "image":
        shape = shape[:2]
    if form.rank is not None and len(shape) == 1 and shape[0] == 0:
        shape = (0,) * form.rank
    htype = form.htype
    if form.rank is not None and len(shape) != form.rank:
        raise ArgumentError(f"an item of shape {list(shape)} where items have {_axes(form.rank)}")
    if htype.ranks and len(shape) not in htype.ranks:
        raise ArgumentError(
            f"an item of shape {list(shape)} where items have {' or '.join(map(_axes, htype.ranks))}"
        )
    if htype.last and 0 not in shape and shape[-1] not in htype.last:
        wanted = " or ".join(map(str, htype.last))
        raise ArgumentError(f"an item of shape {list(shape)} where the last axis has {wanted} elements")
    return shape


def _axes(rank: int) -> str:
    return "1 axis" if rank == 1 else f"{rank} axes"


def _decided(form: Form, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Form:
    """The form after its first item."""
    if form.dtype is not None and form.rank is not None:
        return form
    return dataclasses.replace(
        form, dtype=form.dtype or dtype.newbyteorder("="), rank=form.rank or len(shape)
    )


def _check_dtype(dtype: np.dtype[Any], form: Form) -> None:
    assert form.dtype is not None
    if not np.can_cast(dtype, form.dtype, "safe"):
        raise ArgumentError(f"a file of {dtype.name} values does not go into a tensor of {form.dtype.name}")


def _check_strip(shape: tuple[int, ...], form: Form) -> None:
    """An image codec takes arrays [height, width] or [height, width, channels]."""
    codec = form.sample_codec or form.chunk_codec
    if codec in IMAGE_CODECS and len(shape) not in (2, 3):
        raise ArgumentError(f"{codec} can't hold an array of shape {list(shape)}")


def _describe(sample: Sample, data: bytes) -> tuple[str, tuple[int, ...], np.dtype[Any]]:
    try:
        return describe_image(data)
    except ImageError as error:
        raise ArgumentError(f"{error}: {sample}") from None


def _decode(sample: Sample, data: bytes) -> NDArray[Any]:
    try:
        return decode_image(data, MAX_ITEM_BYTES)
    except ImageError as error:
        raise ArgumentError(f"{error}: {sample}") from None


def _first_bad(values: NDArray[Any], form: Form) -> int:
    """The first row of an array that does not go into the tensor."""
    if form.dtype is not None and form.dtype.kind in "iu" and values.dtype.kind in "iu" and values.size:
        limits = np.iinfo(form.dtype)
        rows = values.reshape(len(values), -1)
        wrong = (rows < limits.min) | (rows > limits.max)
        return int(np.argmax(wrong.any(axis=1)))
    return 0


def _label_indices(value: Any, names: dict[str, int]) -> Any:
    """Names of classes as their indices; new ones get the next."""
    if isinstance(value, str):
        return names.setdefault(value, len(names))
    if isinstance(value, list | tuple):
        return [_label_indices(entry, names) for entry in value] or np.zeros(0, np.uint32)
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        return _label_indices(value.tolist(), names)
    return value


def _encode_bytes(values: Sequence[Any] | NDArray[Any], form: Form) -> Encoded:
    """Values whose bytes are no plain arrays: texts, documents, polygons."""
    items: list[bytes] = []
    shapes: list[tuple[int, ...]] = []
    for position, value in enumerate(values):
        try:
            data, shape = encode_polygons(value, form) if form.kind == "polygon" else encode_text(value, form)
        except ArgumentError as error:
            raise BadValueError(position, error) from None
        items.append(compression.lz4_compress(data) if form.sample_codec == "lz4" else data)
        shapes.append(shape)
    rank = form.rank or 1
    return Encoded(form, [Block.of(shapes, items, rank)] if items else [])
