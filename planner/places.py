"""Which clause of the query a node of the physical plan stands for, for errors that blame no expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import islice

from tql.planner.logical import (
    Bm25,
    Distinct,
    Expand,
    Filter,
    Limit,
    Node,
    Output,
    Project,
    Sample,
    Scan,
    SetOp,
    Sort,
    VectorSearch,
)
from tql.planner.made_sources import Append, Group, Join, Ungroup
from tql.span import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Place:
    """What a node does, in the words of the language, and where the query says it (None: nowhere)."""

    clause: str
    span: Span | None


_CLAUSES: dict[type[Node], str] = {
    Scan: "FROM",
    Filter: "the filter",
    Project: "the computed columns",
    Sort: "ORDER BY",
    Limit: "LIMIT",
    Sample: "SAMPLE BY",
    Distinct: "the distinct rows",
    Expand: "EXPAND BY",
    Bm25: "bm25_similarity",
    VectorSearch: "ORDER BY",
    Join: "JOIN",
    Group: "GROUP BY",
    Ungroup: "UNGROUP BY",
    Append: "UNION",
}


def place_of(plan: Output, number: int) -> Place | None:
    """The place of the node that lowering gave this number; None where there is none."""
    node = next(islice(_preorder(plan.input), number, None), None) if number >= 0 else None
    if node is None:
        return None
    clause = node.kind.upper() if isinstance(node, SetOp) else _CLAUSES.get(type(node), "the query")
    spans = [node.span] if node.span is not NOWHERE else [x.span for x in node.expressions]
    known = [span for span in spans if span is not NOWHERE]
    return Place(clause, reduce(Span.to, known) if known else None)


def _preorder(node: Node) -> Iterator[Node]:
    """As lowering numbers them: parents before inputs, left before right."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.inputs))
