"""Plans for readers: data to text, for a terminal or a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tql.errors import ArgumentError
from tql.planner.rendering.text import render_text
from tql.planner.rendering.to_json import render_json
from tql.planner.rendering.tree import build

if TYPE_CHECKING:
    from tql.planner import PlannedQuery

_FORMATS = {"text": render_text, "json": render_json}


def render(planned: PlannedQuery, statistics: Sequence[Mapping[str, Any]] | None, format: str) -> str:
    """A planned query, with what a run measured if given, as text of one of the formats.

    Raises:
        ArgumentError: for an unknown format.
    """
    if format not in _FORMATS:
        raise ArgumentError(f"explain knows the formats {' and '.join(_FORMATS)}, not '{format}'")
    return _FORMATS[format](planned, build(planned.optimized.input, statistics))
