"""Meshes: the vertices of PLY files, and the triangles of STL files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_PLY_HEADER_BYTES = 1 << 16
_PLY_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_STL_HEAD = 84  # 80 bytes of anything, the number of triangles


@dataclass(frozen=True, slots=True)
class _Ply:
    """What the header of a PLY file says: vertices come first, each with numbers of these dtypes.

    Attributes:
        form: `ascii`, `binary_little_endian` or `binary_big_endian`.
        count: vertices.
        properties: of a vertex: name to dtype, in order.
        body: where the vertices begin.
    """

    form: str
    count: int
    properties: dict[str, str]
    body: int


def _ply(data: bytes) -> _Ply:
    """Its header is text: elements, each followed by its properties."""
    head, end, rest = data[:_PLY_HEADER_BYTES].partition(b"end_header")
    lines = [line.split() for line in head.decode("ascii").splitlines()]
    if not end or b"\n" not in rest or not lines or lines[0] != ["ply"]:
        raise ValueError("the file has no header of a PLY file")
    form, count, properties = "", -1, {}
    for words in lines[1:]:
        match words:
            case ["format", form, *_]:
                pass
            case ["element", kind, number]:
                if count >= 0:
                    break
                if kind != "vertex":
                    raise ValueError("it does not begin with vertices")
                count = int(number)
            case ["property", kind, name]:
                properties[name] = _PLY_TYPES[kind]
            case ["property", *_]:
                raise ValueError("a vertex has a property that is a list")
    if count < 0 or not properties or (form != "ascii" and form not in _PLY_ORDERS):
        raise ValueError(f"there are {count} vertices of {len(properties)} properties, stored as '{form}'")
    return _Ply(form, count, properties, len(head) + len(end) + rest.index(b"\n") + 1)


def describe_ply(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """(vertices, properties), and the dtype of their coordinates."""
    ply = _ply(data)
    return (ply.count, len(ply.properties)), np.dtype(ply.properties.get("x", "f4"))


def read_ply(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The vertices of a PLY file, [vertices, properties]; the first properties where `shape` has fewer.

    Raises:
        ValueError: if it holds no vertices of one kind, or too few of them.
    """
    ply = _ply(data)
    dtypes = list(ply.properties.values())
    if ply.count != shape[0] or not 0 < shape[1] <= len(dtypes):
        raise ValueError(f"there are {ply.count} vertices of {len(dtypes)} properties")
    body = memoryview(data)[ply.body :]
    if ply.form == "ascii":
        numbers = bytes(body).split(maxsplit=ply.count * len(dtypes))[: ply.count * len(dtypes)]
        values = np.array(numbers, np.float64).reshape(ply.count, len(dtypes)).astype(np.result_type(*dtypes))
        return values[:, : shape[1]]
    order = _PLY_ORDERS[ply.form]
    row = np.dtype([(f"p{i}", order + dtype) for i, dtype in enumerate(dtypes)])
    rows = np.frombuffer(body, row, ply.count)
    return np.stack([rows[f"p{i}"] for i in range(shape[1])], axis=1).astype(np.result_type(*dtypes))


def may_be_stl(data: bytes) -> bool:
    """Binary files begin with anything."""
    return data[:5] == b"solid" or len(data) >= _STL_HEAD


def _stl_triangles(data: bytes) -> int | None:
    """The triangles of a binary file, None for text. A binary one may begin as text does; its size tells."""
    count = int.from_bytes(data[_STL_HEAD - 4 : _STL_HEAD], "little")
    if len(data) == _STL_HEAD + _STL_TRIANGLE.itemsize * count:
        return count
    if not data.startswith(b"solid"):
        raise ValueError(f"{len(data)} bytes are another size than {count} triangles have")
    return None


def _stl_corners(data: bytes) -> list[list[bytes]]:
    """The coordinates in a text: lines `vertex x y z`."""
    return [words[1:] for words in map(bytes.split, data.splitlines()) if words[:1] == [b"vertex"]]


def describe_stl(data: bytes) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """(triangles, 3, 3)."""
    count = _stl_triangles(data)
    return (len(_stl_corners(data)) // 3 if count is None else count, 3, 3), np.dtype(np.float32)


def read_stl(data: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The corners of the triangles of an STL file, float32 [triangles, 3, 3].

    Raises:
        ValueError: if it is no STL file, or has another number of triangles.
    """
    count = _stl_triangles(data)
    if count is None:
        return np.array(_stl_corners(data), np.float32).reshape(-1, 3, 3)
    if count != shape[0]:
        raise ValueError(f"there are {count} triangles")
    return np.frombuffer(data, _STL_TRIANGLE, count, _STL_HEAD)["corners"].copy()
