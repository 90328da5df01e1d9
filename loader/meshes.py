"""The points of meshes: PLY vertices, and the triangles of binary STL files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_ply(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The vertices of a PLY file, [points, properties]; the first properties where `shape` has fewer.

    Raises:
        ValueError: if it holds no vertices of one kind, or too few of them.
    """
    head, end, body = data.partition(b"end_header")
    lines = [line.split() for line in head.decode("ascii").splitlines()]
    if not end or not lines or lines[0] != ["ply"]:
        raise ValueError("it is no PLY file")
    form, count, names = "", -1, []
    for words in lines[1:]:
        match words:
            case ["format", form, *_]:
                pass
            case ["element", kind, number]:
                if count >= 0:
                    break  # vertices come first
                if kind != "vertex":
                    raise ValueError("it does not begin with vertices")
                count = int(number)
            case ["property", kind, _]:
                names.append(_PLY_TYPES[kind])
            case ["property", *_]:
                raise ValueError("a vertex has a property that is a list")
    if count != shape[0] or not 0 < shape[1] <= len(names):
        raise ValueError(f"there are {count} vertices of {len(names)} properties")
    body = body[body.index(b"\n") + 1 :]
    if form == "ascii":
        numbers = body.split(maxsplit=count * len(names))[: count * len(names)]
        values = np.array(numbers, np.float64).reshape(count, len(names)).astype(np.result_type(*names))
        return values[:, : shape[1]]
    order = {"binary_little_endian": "<", "binary_big_endian": ">"}[form]
    rows = np.frombuffer(body, np.dtype([(f"p{i}", order + name) for i, name in enumerate(names)]), count)
    return np.stack([rows[f"p{i}"] for i in range(shape[1])], axis=1).astype(np.result_type(*names))


def read_stl(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The corners of the triangles of a binary STL file, float32 [triangles, 3, 3].

    Raises:
        ValueError: if it is shorter than its triangles.
    """
    count = int.from_bytes(data[80:84], "little")
    if count != shape[0]:
        raise ValueError(f"there are {count} triangles")
    return np.frombuffer(data, _STL_TRIANGLE, count, 84)["corners"].copy()
