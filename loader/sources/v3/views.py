"""Saved views: the records in `queries.json`, and the rows that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql import ast
from tql.errors import ArgumentError
from tql.loader import documents
from tql.loader.arrays import ArrayRows
from tql.loader.source import Source
from tql.loader.sources.v3.files import Folder, check_key
from tql.loader.sources.v3.place import Place
from tql.loader.sources.v3.source import V3Source
from tql.loader.sources.v3.subsample import SubSampled
from tql.loader.sources.v3.versions import FIRST_COMMIT
from tql.parser import parse

_RECORDS = "queries.json"
_INDEX = "VDS_INDEX"
_MAX_SUB_AXES = 64


@dataclass(frozen=True, slots=True)
class SavedView:
    """Rows of a dataset that deeplake saved under a name; `ds.load_view(id)` opens them.

    Attributes:
        id: its name.
        message: what was said about it, None for nothing.
        query: the query that it was made by, None where it was not. Where the rows were not copied it is run
            again on those that were saved, as deeplake does.
        created: when.
        version: the commit whose rows they are.
        copied: whether the rows were copied, so that they don't need the dataset any more.
    """

    id: str
    message: str | None
    query: str | None
    created: datetime | None
    version: str
    copied: bool


@dataclass(frozen=True, slots=True)
class OpenedView:
    """What a saved view stands for.

    Attributes:
        source: what its rows are read from.
        rows: which they are, int64; None for all.
        query: what is to be asked of these, None for nothing. It reads from them alone.
    """

    source: Source
    rows: NDArray[np.int64] | None
    query: str | None = None


@dataclass(frozen=True, slots=True)
class _Record:
    view: SavedView
    folder: str
    again: str | None
    steps: tuple[slice, ...]


def read_views(folder: Folder) -> list[SavedView]:
    """All saved views, in the order of saving.

    Raises:
        FormatError: if the records are damaged.
    """
    return [record.view for record in _records(folder)]


def open_view(source: V3Source, name: str) -> OpenedView:
    """Find a saved view.

    Raises:
        ArgumentError: there is no view of that name.
        FormatError: if the view is damaged, or has rows that the dataset lacks.
        UnsupportedError: for axes that are picked apart in another way than by slices, and for a query that
            reads from elsewhere.
        QuerySyntaxError: for a query that is none.
    """
    records = {record.view.id: record for record in _records(source.folder)}
    if name not in records:
        hint = "views: " + ", ".join(records) if records else "this dataset has no saved views"
        raise ArgumentError(f"no saved view named '{name}'", hint=hint)
    record = records[name]
    if record.view.copied:
        return OpenedView(V3Source(source.folder.below(record.folder)), None)
    if record.again is not None:
        _check_query(record.again, Place(_RECORDS))
    whole = V3Source(source.path, record.view.version)
    rows = None
    if record.again is None or source.folder.exists(f"{record.folder}/dataset_meta.json"):
        rows = _read_rows(V3Source(source.folder.below(record.folder)), record, whole.num_rows)
    return OpenedView(SubSampled(whole, record.steps) if record.steps else whole, rows, record.again)


def _read_rows(below: V3Source, record: _Record, num_rows: int) -> NDArray[np.int64]:
    """The row numbers that a view keeps, checked."""
    index = Place(f"{record.folder}/{_INDEX}", _INDEX)
    tensor = below.tensor(_INDEX)
    if tensor.meta.kind != "array" or tensor.meta.dtype != np.uint64:
        raise index.damaged("the rows of a view are not uint64 numbers")
    numbers = tensor.read(range(len(tensor)))
    assert isinstance(numbers, ArrayRows)
    if len(numbers.values) != len(tensor):
        raise index.damaged("a row of a view is not one number")
    wrong = numbers.values >= num_rows
    if bool(wrong.any()):
        row = int(numbers.values[np.argmax(wrong)])
        raise index.damaged(f"the view has row {row}, the dataset has {num_rows}")
    return numbers.values.astype(np.int64)


def _check_query(query: str, place: Place) -> None:
    """Whoever made the dataset wrote the query: it must not open what else lies on this machine."""
    if any(isinstance(node, ast.TableName) for level in ast.levels(parse(query)) for node in level):
        raise place.unsupported(f"the query of a saved view reads from elsewhere: {query}")


def _records(folder: Folder) -> list[_Record]:
    if not folder.exists(_RECORDS):
        return []
    place = Place(_RECORDS)
    try:
        found = documents.load(folder.read(_RECORDS))
    except (ValueError, RecursionError):
        raise place.damaged("the file is not valid JSON") from None
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise place.damaged("the saved views are not a list of records")
    return [_record(record, place) for record in found]


def _record(data: dict[str, Any], place: Place) -> _Record:
    name, path = data.get("id"), data.get("path") or data.get("id")
    if not isinstance(name, str) or not name:
        raise place.damaged(f"a saved view has no name: {name!r}")
    version, created = data.get("source-dataset-version"), data.get("created_at")
    view = SavedView(
        id=name,
        message=_text(data.get("message")),
        query=_text(data.get("tql_query")) or _text(data.get("query")),
        created=_time(created),
        version=version if isinstance(version, str) else FIRST_COMMIT,
        copied=not data.get("virtual-datasource", True),
    )
    return _Record(
        view, ".queries/" + check_key(path, place), _text(data.get("tql_query")), _steps(data, place)
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(seconds: Any) -> datetime | None:
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _steps(data: dict[str, Any], place: Place) -> tuple[slice, ...]:
    steps = data.get("sub-sample-index") or []
    if not isinstance(steps, list) or len(steps) > _MAX_SUB_AXES:
        raise place.damaged("the axes of a saved view are not a list")
    return tuple(_slice(step, place) for step in steps)


def _slice(step: Any, place: Place) -> slice:
    if not isinstance(step, dict):
        raise place.unsupported(
            f"a saved view picks an axis apart by something else than a slice: {step!r:.60}"
        )
    bounds = [step.get(name) for name in ("start", "stop", "step")]
    if (
        any(not isinstance(bound, int | None) or isinstance(bound, bool) for bound in bounds)
        or bounds[2] == 0
    ):
        raise place.damaged(f"a saved view has a slice that is none: {step!r:.60}")
    return slice(*bounds)
