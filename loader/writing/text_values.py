"""Text, documents, lists, tags and paths to the bytes that chunks hold."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tql.errors import ArgumentError
from tql.loader.writing.documents import dump_document
from tql.loader.writing.form import Form
from tql.loader.writing.sample import Link, Sample

Shape = tuple[int, ...]


def encode_text(value: Any, form: Form) -> tuple[bytes, Shape]:
    """The bytes of one item, and its shape row.

    Raises:
        ArgumentError: a value of another kind.
    """
    if form.is_link:
        return _path(value), (1,)
    match form.kind:
        case "text":
            return _text(value), (1,)
        case "json":
            return b"{}" if value is None else dump_document(value), (1,)
        case "list":
            entries = _entries(value)
        case _:
            entries = _tags(value)
    return dump_document(entries), (len(entries),)


def _text(value: Any) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise ArgumentError(f"not a text: {value!r:.60}")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise ArgumentError(f"a text with half a surrogate pair is not Unicode: {value!r:.60}") from None


def _path(value: Any) -> bytes:
    if isinstance(value, Sample | Link):
        value = value.path
    if value is not None and not isinstance(value, str | os.PathLike):
        raise ArgumentError(f"not a path or URL: {value!r:.60}")
    return _text(None if value is None else os.fspath(value))


def _entries(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, np.ndarray) and value.ndim:
        entries: list[Any] = value.tolist()
        return entries
    if not isinstance(value, list | tuple):
        raise ArgumentError(f"not a list: {value!r:.60}")
    return list(value)


def _tags(value: Any) -> list[Any]:
    tags = [value] if isinstance(value, str) else _entries(value)
    for tag in tags:
        if not isinstance(tag, str):
            raise ArgumentError(f"a tag is a text, not {tag!r:.60}")
    return tags or [None]
