"""Polygons: their number, the points of each, then all coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from tql.errors import ArgumentError
from tql.loader.writing.casting import as_array, cast
from tql.loader.writing.form import Form

_MOST = (1 << 16) - 1


def encode_polygons(value: Any, form: Form) -> tuple[bytes, tuple[int, int, int]]:
    """The bytes and the shape row of one item: a list of polygons, each an array [points, ndim].

    Raises:
        ArgumentError: polygons that are no such arrays or of different ndim, or too many of them.
    """
    dtype = form.element
    polygons = [] if value is None else [cast(as_array(polygon), dtype) for polygon in value]
    if not polygons:
        return b"", (0, 0, 0)
    if any(polygon.ndim != 2 for polygon in polygons):
        raise ArgumentError("a polygon is an array of points [points, 2] or [points, 3]")
    if len({polygon.shape[1] for polygon in polygons}) > 1:
        raise ArgumentError("the polygons of a row have points of different numbers of coordinates")
    counts = [len(polygon) for polygon in polygons]
    if max(*counts, len(polygons)) > _MOST:
        raise ArgumentError(f"more than {_MOST} polygons or points in a row")
    head = np.array([len(polygons), *counts], "<u2").tobytes()
    shape = (len(polygons), max(counts), polygons[0].shape[1])
    return head + b"".join(polygon.tobytes() for polygon in polygons), shape
