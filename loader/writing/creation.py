"""New tensors: what `create_tensor` is asked for, checked, and the meta that comes of it."""

from __future__ import annotations

import copy
import difflib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tql.errors import ArgumentError
from tql.loader.media import MEDIA_CODECS
from tql.loader.writing.casting import DTYPES
from tql.loader.writing.htypes import CODECS, HTYPES, Htype
from tql.loader.writing.metas import new_tensor_meta

_ALIASES = {"jpg": "jpeg", "jp2": "jpeg2000", "tif": "tiff"}
_WRAPPED = re.compile(r"(sequence|link)(?:\[(.*)\])?")
_BAD_PART = re.compile(r"[\\\0]|^[A-Za-z]:|^\.|^__temp|\.json$|\.lock$")
_TAKEN_FOLDERS = ("versions", "queries", "chunks", "chunks_index", "tiles_index", "sequence_index")


@dataclass(frozen=True, slots=True)
class NewTensor:
    """The arguments of `create_tensor`. Making one checks them.

    Raises:
        ArgumentError: for what the format has no place for.
    """

    name: str
    htype: str | None
    dtype: str | None
    sample_compression: str | None
    chunk_compression: str | None
    class_names: Sequence[str] | None
    max_chunk_size: int | None
    tiling_threshold: int | None
    properties: Mapping[str, Any] | None
    with_ids: bool

    def __post_init__(self) -> None:
        _ = self._htype
        self._check_compressions()
        if self.dtype is not None:
            self._check_dtype(self.dtype)
        if self.class_names is not None and "class_names" not in self._htype.properties:
            raise ArgumentError(
                f"tensor '{self.name}': only class_label and segment_mask have class names, not {self.htype}"
            )
        if self.class_names is not None:
            check_class_names(self.class_names, self.name)
        if self.max_chunk_size is not None and self.max_chunk_size < 1:
            raise ArgumentError(
                f"tensor '{self.name}': max_chunk_size is a number of bytes: {self.max_chunk_size}"
            )
        if self.tiling_threshold is not None and self.tiling_threshold < 1 and self.tiling_threshold != -1:
            raise ArgumentError(
                f"tensor '{self.name}': tiling_threshold is a number of bytes, or -1 for no tiles: "
                f"{self.tiling_threshold}"
            )
        for name in self.properties or {}:
            if name not in self._htype.properties:
                known = ", ".join(self._htype.properties) or "none"
                raise ArgumentError(
                    f"tensor '{self.name}': htype {self._inner} has no property '{name}'",
                    hint=f"it has: {known}",
                )

    def meta(self) -> dict[str, Any]:
        """`tensor_meta.json`."""
        inner, wrapped = self._unwrapped
        return new_tensor_meta(
            self.name,
            inner,
            self._htype,
            dtype=self.dtype,
            sample_compression=_alias(self.sample_compression) or self._htype.default_codec,
            chunk_compression=_alias(self.chunk_compression),
            max_chunk_size=self.max_chunk_size,
            tiling_threshold=self.tiling_threshold,
            is_sequence="sequence" in wrapped,
            is_link="link" in wrapped,
        )

    def info(self) -> dict[str, Any]:
        """`tensor_info.json`."""
        info = copy.deepcopy(dict(self._htype.properties)) | dict(self.properties or {})
        if self.class_names is not None:
            info["class_names"] = list(self.class_names)
        return {name: value for name, value in info.items() if value is not None}

    @property
    def _unwrapped(self) -> tuple[str | None, tuple[str, ...]]:
        """`sequence[link[image]]` -> ("image", ("sequence", "link"))."""
        wrapped: list[str] = []
        htype = self.htype
        while htype is not None and (match := _WRAPPED.fullmatch(htype)):
            if match[1] in wrapped or wrapped == ["link"]:
                raise ArgumentError(
                    f"tensor '{self.name}': an htype is wrapped as link[...], sequence[...] or "
                    f"sequence[link[...]]: '{self.htype}'"
                )
            wrapped.append(match[1])
            htype = match[2] or "generic"
        return htype, tuple(wrapped)

    @property
    def _inner(self) -> str:
        return self._unwrapped[0] or "generic"

    @property
    def _htype(self) -> Htype:
        name, wrapped = self._inner, self._unwrapped[1]
        if name not in HTYPES:
            near = difflib.get_close_matches(name, HTYPES, n=2)
            raise ArgumentError(
                f"tensor '{self.name}': unknown htype '{name}'",
                candidates=near,
                hint="known: " + ", ".join(HTYPES),
            )
        if name == "tag" and "sequence" in wrapped:
            raise ArgumentError(f"tensor '{self.name}': the format has no sequences of tags")
        return HTYPES[name]

    def _check_compressions(self) -> None:
        if self.sample_compression and self.chunk_compression:
            raise ArgumentError(
                f"tensor '{self.name}': compressed by sample ('{self.sample_compression}') and by chunk "
                f"('{self.chunk_compression}')",
                hint="choose one of sample_compression and chunk_compression",
            )
        codec = _alias(self.sample_compression or self.chunk_compression)
        if codec is None:
            return
        if codec not in CODECS:
            near = difflib.get_close_matches(codec, CODECS, n=2)
            raise ArgumentError(
                f"tensor '{self.name}': unknown compression '{codec}'",
                candidates=near,
                hint="known: " + ", ".join(CODECS),
            )
        if codec not in self._htype.codecs:
            raise ArgumentError(
                f"tensor '{self.name}': values of htype {self.htype} can't be compressed by '{codec}'",
                hint="possible: " + ", ".join(self._htype.codecs),
            )
        if self.chunk_compression and codec in MEDIA_CODECS:
            raise ArgumentError(
                f"tensor '{self.name}': '{codec}' files are values, no chunks",
                hint=f"sample_compression='{codec}'",
            )

    def _check_dtype(self, dtype: str) -> None:
        fixed = self._htype.dtype
        if self._htype.kind in ("text", "json", "list", "tag") and dtype != fixed:
            raise ArgumentError(f"tensor '{self.name}': values of htype {self.htype} have no dtype {dtype}")
        if dtype not in DTYPES and dtype != fixed:
            near = difflib.get_close_matches(dtype, DTYPES, n=2)
            raise ArgumentError(
                f"tensor '{self.name}': unknown dtype '{dtype}'",
                candidates=near,
                hint="known: " + ", ".join(DTYPES),
            )


def check_class_names(names: object, tensor: str) -> None:
    """Raises ArgumentError unless it is a list of texts."""
    given = names if isinstance(names, Sequence) and not isinstance(names, str) else [None]
    if not all(isinstance(name, str) for name in given):
        raise ArgumentError(f"tensor '{tensor}': class_names is a list of texts: {names!r:.60}")


def check_name(name: str, meta: Mapping[str, Any]) -> None:
    """Whether a dataset can have a tensor of that name.

    Raises:
        ArgumentError: it has one, or the name can't be one.
    """
    parts = name.split("/")
    if "" in parts or any(_BAD_PART.search(part) for part in parts):
        raise ArgumentError(f"not a name for a tensor: '{name}'", hint="'/' separates the names of groups")
    if parts[0] in _TAKEN_FOLDERS:
        raise ArgumentError(f"the format keeps files of its own under this name: '{name}'")
    names = meta["tensor_names"]
    if name in names:
        raise ArgumentError(f"there is a tensor '{name}' already")
    if name in meta["groups"]:
        raise ArgumentError(f"there is a group '{name}' already")
    for length in range(1, len(parts)):
        above = "/".join(parts[:length])
        if above in names:
            raise ArgumentError(f"'{above}' is a tensor, it can't hold '{name}'")


def new_key(name: str, meta: Mapping[str, Any], has_files: Callable[[str], bool]) -> str:
    """The folder of a new tensor: its name, unless a renamed tensor has that or a deleted one left files."""
    key = name
    while key in meta["tensors"] or key in meta["tensor_names"].values() or has_files(key):
        key = f"{name}_{secrets.token_hex(2)}"
    return key


def _alias(codec: str | None) -> str | None:
    return _ALIASES.get(codec.lower(), codec.lower()) if codec else None
