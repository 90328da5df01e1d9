"""Point clouds in LAS files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray


def describe_las(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """(points, dimensions) of the point format."""
    import laspy

    with laspy.open(io.BytesIO(data)) as file:
        dimensions = len(list(file.header.point_format.dimension_names))
        return (int(file.header.point_count), dimensions), np.dtype(np.float32)


def read_las(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """All dimensions of all points, float32 [points, dimensions]."""
    import laspy

    with laspy.open(io.BytesIO(data)) as reader:
        if reader.header.point_count != shape[0]:
            raise ValueError(f"there are {reader.header.point_count} points")
        cloud = reader.read()
    names = cloud.point_format.dimension_names
    return np.stack([np.asarray(cloud[name]) for name in names], axis=1).astype(np.float32)
