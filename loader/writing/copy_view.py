"""A view written as a dataset of its own: columns to tensors, stored pictures without re-encoding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tql.errors import ArgumentError, UnsupportedError
from tql.loader.dataset import Dataset
from tql.loader.media import MEDIA_CODECS
from tql.loader.progress import progress
from tql.loader.source import Source
from tql.loader.sources.v3.meta import IMAGE_CODECS
from tql.loader.sources.v3.source import V3Source
from tql.loader.to_numpy import column_values
from tql.loader.view import View
from tql.loader.writing.drafts import made_at_once
from tql.loader.writing.stored import StoredTensor
from tql.schema import Field
from tql.types import Type

_LOSSLESS = {"jpeg": "png", "webp": "png", "jpeg2000": "png"}
"""Chunks that are one picture have to be encoded anew; what would lose by that becomes the second."""

_FILES = (*IMAGE_CODECS, *MEDIA_CODECS)
"""Compressions of items that are copied without decoding."""

_ROWS = 1024
_FILE_ROWS = 64


def save_view(view: View, path: str | os.PathLike[str], overwrite: bool, message: str | None) -> Dataset:
    """Write the rows of a view, in their order, as a new dataset with one commit.

    Raises:
        ArgumentError: the view reads from the dataset that would be overwritten.
        DatasetExistsError: there is something at the path.
        UnsupportedError: a column of a type that the format has no tensor for.
    """
    _check_elsewhere(view, path)
    plans = {name: _Plan.of(view, field) for name, field in view.schema.items()}
    making = made_at_once(path, overwrite, message or "saved view")
    with making as dataset, progress("saving", len(view)) as advance:
        for name, plan in plans.items():
            dataset.create_tensor(name, **plan.options)
        step = _FILE_ROWS if any(plan.stored for plan in plans.values()) else _ROWS
        for start in range(0, len(view), step):
            stop = min(start + step, len(view))
            dataset.extend({name: plan.values(view, start, stop) for name, plan in plans.items()})
            advance(stop - start)
    return Dataset(V3Source(Path(path).expanduser()))


class _Plan:
    """How one column is written.

    Args:
        name: of the column.
        type_: of its rows.
        options: arguments of `create_tensor`.
        stored: the tensor whose rows are copied as they are stored, None where values are written.
    """

    def __init__(
        self, name: str, type_: Type, options: dict[str, Any], stored: StoredTensor | None = None
    ) -> None:
        self.name = name
        self.type = type_
        self.options = options
        self.stored = stored

    @classmethod
    def of(cls, view: View, field: Field) -> _Plan:
        origin = view.origin(field.name)
        source, name = origin or (None, "")
        if not isinstance(source, V3Source):
            return cls(field.name, field.type, _options(field.name, field.type))
        meta = source.tensor(name).meta
        as_stored = meta.sample_codec in _FILES and view.stored_rows(field.name, 0, 0) is not None
        if meta.unreadable is not None and not as_stored:
            raise UnsupportedError(f"column '{field.name}' can't be copied: {meta.unreadable}")
        htype = f"link[{meta.htype}]" if meta.is_link else meta.htype
        options = {
            "htype": f"sequence[{htype}]" if meta.is_sequence else htype,
            "dtype": meta.dtype.name if meta.kind in ("array", "polygon") else None,
            "sample_compression": meta.sample_codec,
            "chunk_compression": _LOSSLESS.get(meta.chunk_codec or "", meta.chunk_codec),
            "class_names": meta.info.get("class_names"),
        }
        return cls(field.name, field.type, options, StoredTensor(source, name) if as_stored else None)

    def values(self, view: View, start: int, stop: int) -> Any:
        if self.stored is not None:
            rows = view.stored_rows(self.name, start, stop)
            assert rows is not None
            return [self.stored.row(row) for row in rows.tolist()]
        return column_values(view.read(self.name, "values", start, stop), self.type)


def _options(name: str, type_: Type) -> dict[str, Any]:
    """The tensor for a column that is not stored in this format."""
    if type_.nested or type_.element == "bytes":
        raise UnsupportedError(f"column '{name}' can't be written: the format has no tensor for {type_}")
    if type_.element in ("text", "json"):
        return {"htype": f"sequence[{type_.element}]" if type_.sequence else type_.element}
    if type_.class_names is not None:
        htype = "sequence[class_label]" if type_.sequence else "class_label"
        return {"htype": htype, "class_names": list(type_.class_names)}
    return {"htype": "sequence" if type_.sequence else "generic", "dtype": type_.numpy_dtype().name}


def _check_elsewhere(view: View, path: str | os.PathLike[str]) -> None:
    for source in _sources_below(view):
        if isinstance(source, V3Source) and os.path.realpath(source.path) == os.path.realpath(path):
            raise ArgumentError(f"a view can't be saved over the dataset that it reads from: '{path}'")


def _sources_below(source: Source) -> Iterator[Source]:
    """A source and everything that it reads from."""
    yield source
    for below in getattr(source, "sources_below", ()):
        yield from _sources_below(below)
