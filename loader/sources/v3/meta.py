"""The JSON files that describe a dataset and its tensors, checked field by field."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tql.loader.media import MEDIA_CODECS
from tql.loader.sources.v3.files import Folder, check_key
from tql.loader.sources.v3.place import Place
from tql.types import NUMBERS, Element, Type

Kind = Literal["array", "text", "json", "tag", "polygon", "link", "unsupported"]

_NEWEST_MAJOR = 3
_KINDS: dict[str, Kind] = {
    "text": "text",
    "json": "json",
    "list": "json",
    "tag": "tag",
    "polygon": "polygon",
}
_FOREIGN_DTYPES = (
    "complex64", "complex128", "complex192", "complex256", "float96", "float128", "datetime64", "timedelta64",
)  # fmt: skip
IMAGE_CODECS = (
    "jpeg",
    "png",
    "webp",
    "tiff",
    "bmp",
    "gif",
    "ppm",
    "jpeg2000",
    "dib",
    "pcx",
    "sgi",
    "tga",
    "ico",
)


@dataclass(frozen=True, slots=True)
class TensorMeta:
    """What `tensor_meta.json` and `tensor_info.json` say about one tensor.

    Attributes:
        name: what users see.
        key: the tensor's folder.
        htype: inner htype, without `sequence[...]` and `link[...]`.
        kind: how an item's bytes become a value.
        dtype: of the elements; uint8 for text-like kinds.
        length: number of items (for a sequence tensor not the number of rows).
        min_shape, max_shape: extents over all items; `()` where unknown.
        sample_codec, chunk_codec: compression of an item or of a chunk's data area, None where there is none.
        unreadable: why its rows can't be read, None if they can.
        place: the meta file, for errors.
    """

    name: str
    key: str
    htype: str
    kind: Kind
    dtype: np.dtype[Any]
    length: int
    min_shape: tuple[int, ...]
    max_shape: tuple[int, ...]
    sample_codec: str | None
    chunk_codec: str | None
    is_sequence: bool
    is_link: bool
    hidden: bool
    unreadable: str | None
    info: dict[str, Any] = field(repr=False)
    place: Place = field(repr=False)

    @property
    def item_rank(self) -> int | None:
        """Rank of the shape rows in the chunk headers, None where no item told it yet."""
        if self.kind == "link":
            return 1
        if self.kind in ("text", "json", "tag"):
            return 1
        return len(self.max_shape) or None

    @property
    def is_foreign(self) -> bool:
        """Whether the engine does not compute with its numbers."""
        return self.dtype != np.bool_ and self.dtype.name not in NUMBERS

    @property
    def fixed_axes(self) -> tuple[int | None, ...]:
        """Per axis of an item its one extent, None where it varies; empty where the rank is unknown."""
        pairs = zip(self.min_shape, self.max_shape, strict=True)
        return tuple(low if low == high else None for low, high in pairs)

    @property
    def links_to_images(self) -> bool:
        """Whether its items are paths of pictures."""
        return self.is_link and self.htype.split(".")[0] in ("image", "binary_mask", "segment_mask")

    @property
    def class_names(self) -> tuple[str, ...] | None:
        names = self.info.get("class_names")
        if self.dtype.kind not in "iu" or not isinstance(names, list) or not names:
            return None
        return tuple(str(name) for name in names)

    def type(self) -> Type:
        """The type of one row. An axis is fixed where min_shape and max_shape agree."""
        item = self._item_type()
        return item.in_sequence if self.is_sequence and self.kind != "unsupported" else item

    def _item_type(self) -> Type:
        match self.kind:
            case "unsupported":
                return Type("bytes", None)
            case "json":
                return Type("json")
            case "text" | "link":
                return Type("text")
            case "tag":
                return Type("text", (None,), sequence=1)
            case "polygon":
                coordinates = self.fixed_axes[2] if len(self.fixed_axes) == 3 else None
                return Type(_element(self.dtype), (None, coordinates)).in_sequence
            case "array" if self.is_foreign:
                return Type("bytes", dtype=self.dtype.name)
            case "array":
                return Type(_element(self.dtype), self.fixed_axes or (None,), class_names=self.class_names)


@dataclass(frozen=True, slots=True)
class DatasetMeta:
    """The tensors of one commit: name -> key, in the order of their names; hidden ones apart."""

    tensors: dict[str, str]
    hidden: dict[str, str]
    groups: tuple[str, ...]
    version: str


def read_dataset_meta(folder: Folder, commit_folder: str) -> DatasetMeta:
    """Parse `dataset_meta.json` of one commit.

    Raises:
        FormatError: for a missing or damaged file, and for keys that leave the dataset.
    """
    file = commit_folder + "dataset_meta.json"
    place = Place(file)
    data = folder.json(file)
    keys = data.get("tensors") or []
    names = data.get("tensor_names") or {key: key for key in keys if isinstance(key, str)}
    hidden = data.get("hidden_tensors") or []
    groups = data.get("groups") or []
    if not isinstance(names, dict) or not isinstance(hidden, list) or not isinstance(groups, list):
        raise place.damaged("the list of tensors is not of the expected form")
    version = data.get("version")
    if (
        isinstance(version, str)
        and version.split(".")[0].isdigit()
        and int(version.split(".")[0]) > _NEWEST_MAJOR
    ):
        warnings.warn(
            f"'{file}' was written by version {version}, newer than this reader knows", stacklevel=2
        )
    checked = {name: check_key(key, place) for name, key in sorted(names.items())}
    concealed = {key for key in hidden if isinstance(key, str)}
    visible = {
        name: key
        for name, key in checked.items()
        if key not in concealed and not key.rpartition("/")[2].startswith("__temp")
    }
    return DatasetMeta(
        visible,
        {name: key for name, key in checked.items() if key in concealed},
        tuple(sorted(str(group) for group in groups)),
        str(version),
    )


def read_tensor_meta(folder: Folder, commit_folder: str, name: str, key: str) -> TensorMeta:
    """Parse `tensor_meta.json` and `tensor_info.json` of one tensor.

    Raises:
        FormatError: for fields of the wrong kind, unknown dtypes, contradicting shapes.
    """
    file = f"{commit_folder}{key}/tensor_meta.json"
    place = Place(file, name)
    data = folder.json(file, name)
    htype, wrapped = _inner_htype(_text(data, "htype", place) or "generic")
    sample_codec = _text(data, "sample_compression", place)
    chunk_codec = _text(data, "chunk_compression", place)
    if sample_codec and chunk_codec:
        raise place.damaged("both a sample and a chunk compression are set")
    is_link = bool(data.get("is_link")) or "link" in wrapped
    kind: Kind = "link" if is_link else _KINDS.get(htype, "array")
    dtype, unreadable = np.dtype(np.uint8), None
    if kind in ("array", "polygon", "link"):
        dtype, unreadable = _dtype(data, htype, place)
    codec = sample_codec or chunk_codec
    if kind == "polygon" and dtype.name not in NUMBERS:
        unreadable = unreadable or f"polygons of dtype {dtype.name} can't be read"
    if not is_link:
        unreadable = unreadable or _unreadable(htype, kind, codec, chunk_codec is not None, place)
    if unreadable is not None:
        kind = "unsupported"
    low, high = _shape(data, "min_shape", place), _shape(data, "max_shape", place)
    if len(low) != len(high) or any(a > b for a, b in zip(low, high, strict=False)):
        raise place.damaged(f"min_shape {list(low)} and max_shape {list(high)} contradict each other")
    return TensorMeta(
        name=name,
        key=key,
        htype=htype,
        kind=kind,
        dtype=dtype,
        length=_length(data, place),
        min_shape=low,
        max_shape=high,
        sample_codec=None if is_link else sample_codec,
        chunk_codec=None if is_link else chunk_codec,
        is_sequence=bool(data.get("is_sequence")) or "sequence" in wrapped,
        is_link=is_link,
        hidden=bool(data.get("hidden")),
        unreadable=unreadable,
        info=folder.json_or_empty(f"{commit_folder}{key}/tensor_info.json", name),
        place=place,
    )


def _element(dtype: np.dtype[Any]) -> Element:
    return dtype.name  # type: ignore[return-value]  # _dtype lets only our elements pass


def _inner_htype(htype: str) -> tuple[str, tuple[str, ...]]:
    """`sequence[link[image]]` -> ("image", ("sequence", "link"))."""
    wrapped: list[str] = []
    for word in ("sequence", "link"):
        if htype == word:
            return "generic", (*wrapped, word)
        if htype.startswith(word + "[") and htype.endswith("]"):
            wrapped.append(word)
            htype = htype[len(word) + 1 : -1]
    return htype, tuple(wrapped)


def _text(data: dict[str, Any], name: str, place: Place) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise place.damaged(f"'{name}' is not a text: {value!r}")
    return value or None


def _dtype(data: dict[str, Any], htype: str, place: Place) -> tuple[np.dtype[Any], str | None]:
    """The dtype, and why its values can't be read where they can't."""
    name = _text(data, "dtype", place)
    if name is None:
        return np.dtype(np.uint8 if htype.startswith("image") else np.float64), None
    if name == "bool" or name in NUMBERS:
        return np.dtype(name), None
    if name.split("[")[0] in _FOREIGN_DTYPES:
        try:
            return np.dtype(name), None
        except (TypeError, ValueError):  # this machine has no such numbers
            return np.dtype(np.uint8), f"values of dtype {name} can't be read"
    raise place.damaged(f"unknown dtype: '{name}'")


def _unreadable(htype: str, kind: Kind, codec: str | None, per_chunk: bool, place: Place) -> str | None:
    if codec is None or codec == "lz4":
        return None
    if codec in IMAGE_CODECS and kind == "array":
        return None
    if codec in MEDIA_CODECS and kind == "array" and not per_chunk:
        return None
    if codec in IMAGE_CODECS or codec in MEDIA_CODECS:
        return f"{codec} data of htype {htype} can't be read"
    raise place.damaged(f"unknown compression: '{codec}'")


def _shape(data: dict[str, Any], name: str, place: Place) -> tuple[int, ...]:
    value = data.get(name) or []
    if not isinstance(value, list) or len(value) > 64:
        raise place.damaged(f"'{name}' is not a shape: {value!r}")
    for extent in value:
        if not isinstance(extent, int) or isinstance(extent, bool) or not 0 <= extent < 1 << 40:
            raise place.damaged(f"'{name}' is not a shape: {value!r}")
    return tuple(value)


def _length(data: dict[str, Any], place: Place) -> int:
    value = data.get("length", 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise place.damaged(f"'length' is not a number of rows: {value!r}")
    return value
