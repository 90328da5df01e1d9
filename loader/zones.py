"""Zone maps of sources: which arrays may have some, and how they get a format's statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tql._engine import ZoneMaps, Zones
from tql.loader.source import Source, Statistics


class KeptZones:
    """The zone maps of one source whose values never change; they live as long as the source.

    Args:
        statistics: column to what the format says of it, asked once per column; None where it says nothing.
    """

    def __init__(self, statistics: Callable[[str], Statistics | None] | None = None) -> None:
        self._maps = ZoneMaps()
        self._statistics = statistics

    def of(self, column: str) -> Zones:
        """The zones of a column, filled from the format's statistics the first time."""
        zones = self._maps.of(column)
        if self._statistics is None or zones.declared:
            return zones
        said = self._statistics(column)
        if said is not None:
            zones.declare(said.bounds, said.minimum, said.maximum, said.nulls, said.has_nan)
        return zones


def zones_of(source: Source, column: str) -> Zones | None:
    """What a source keeps of a column, None where it keeps nothing."""
    kept: Callable[[str], Zones | None] | None = getattr(source, "zones", None)
    return None if kept is None else kept(column)


def keep_zones(source: Source) -> None:
    """Have a source write down what is known of its columns, if it does such a thing."""
    keep: Callable[[Source], None] | None = getattr(type(source), "keep_zones", None)
    if keep is not None:
        keep(source)


def is_in_memory(source: Source) -> bool:
    """Whether reading is no more than looking at memory."""
    return bool(getattr(source, "in_memory", False))


def is_frozen(array: Any) -> bool:
    """Whether nobody can write to an array: neither to it nor to what it is a view of.

    An array that owns its values can be made writeable again; that it is not is taken as a promise.
    """
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return array is None or isinstance(array, bytes)
