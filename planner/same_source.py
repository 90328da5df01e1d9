"""Whether the rows of two relations are rows of one source, so that a set operation can tell them apart.

Stored sources have keys. Sources that a plan makes are the same where equal sub-plans make them, but for the
ids of computed columns, which never repeat within a query.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from tql.planner.expressions import Call, Computed
from tql.planner.logical import Bm25, ComputedColumn, Expand, Node, Scan, SortKey, Source, source_of
from tql.planner.made_sources import (
    AppendColumn,
    GroupAggregate,
    GroupColumn,
    JoinColumn,
    MadeSource,
    UngroupColumn,
)
from tql.planner.relations import is_repeatable


def of_one_source(left: Node, right: Node) -> tuple[Node, Node] | None:
    """The two relations over one and the same node that makes their rows; None if their sources differ."""
    a, b = source_of(left), source_of(right)
    if isinstance(a, Scan) or isinstance(b, Scan):
        return (left, right) if a == b else None
    if not is_repeatable(a) or not _equal(a, b, {}, {}):
        return None
    left, source = shared(left)
    return left, _over(right, source)


def shared(node: Node) -> tuple[Node, Source]:
    """The relation over a source that other rows of the plan belong to as well, and that source."""
    source = source_of(node)
    if not isinstance(source, MadeSource) or source.shared:
        return node, source
    source = replace(source, shared=True)
    return _over(node, source), source


def _over(node: Node, source: Source) -> Node:
    """The relation over an equal source."""
    if isinstance(node, Source):
        return source
    return node.with_inputs(*[_over(child, source) for child in node.inputs])


def _equal(a: Any, b: Any, ids: dict[str, str], back: dict[str, str]) -> bool:
    """Whether two plans are equal but for the ids of computed columns; `ids` pairs those met so far."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(_equal(x, y, ids, back) for x, y in zip(a, b, strict=True))
    if not is_dataclass(a) or not isinstance(a, _WALKED):
        return bool(a == b)
    for field in fields(a):
        if not field.compare or field.name == "shared":
            continue
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.name == "id" and isinstance(a, _WITH_ID) and x is not None and y is not None:
            if ids.setdefault(x, y) != y or back.setdefault(y, x) != x:
                return False
        elif not _equal(x, y, ids, back):
            return False
    return True


_WITH_ID = (Bm25, Computed, ComputedColumn, Expand)
"""What declares or names a computed column."""

_WALKED = (
    Node, Call, Computed, ComputedColumn, SortKey, AppendColumn, GroupAggregate, GroupColumn, JoinColumn,
    UngroupColumn,
)  # fmt: skip
"""What may have an id somewhere inside; all else compares as it is."""
