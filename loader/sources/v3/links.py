"""Items that are paths to files: how several that make up one item together are stored."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tql.loader.sources.v3.indexes import MAX_RANK, after_version
from tql.loader.sources.v3.place import Place


@dataclass(frozen=True, slots=True)
class Link:
    """One item: the path of its file, or those of several in row-major order, with the shapes of the whole
    and of one file.
    """

    paths: tuple[str, ...]
    tiled: tuple[tuple[int, ...], tuple[int, ...]] | None = None


@dataclass(frozen=True, slots=True)
class TiledPaths:
    """The files of one item: `paths` in row-major order of a grid of that many along each axis."""

    grid: tuple[int, ...]
    paths: tuple[str, ...]


def parse_paths(data: bytes, place: Place) -> TiledPaths:
    """Parse the item of a tiled link: version, u8 rank, u32 extents of the grid, NUL-terminated ASCII paths.

    Raises:
        FormatError: if the paths are not as many as the grid has cells, or no ASCII.
    """
    start, _ = after_version(data, place)
    rank = data[start] if start < len(data) else 0
    if not 1 <= rank <= MAX_RANK:
        raise place.damaged(f"a grid of paths of an impossible rank: {rank}")
    begin = start + 1 + 4 * rank
    if begin > len(data):
        raise place.damaged("the data end within the grid of paths")
    grid = tuple(int.from_bytes(data[at : at + 4], "little") for at in range(start + 1, begin, 4))
    paths = data[begin:].split(b"\0")
    if paths.pop() != b"" or len(paths) != math.prod(grid):
        raise place.damaged(f"a grid of {math.prod(grid)} paths holds {len(paths)}")
    try:
        return TiledPaths(grid, tuple(path.decode("ascii") for path in paths))
    except UnicodeDecodeError:
        raise place.damaged("a path of a tiled link is not ASCII") from None
