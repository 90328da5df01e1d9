"""A plan as data for renderers: one entry per node with its texts, estimates and, after a run, measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tql.planner.cost import Estimate, estimate
from tql.planner.expressions import Column, walk
from tql.planner.logical import (
    Bm25,
    Distinct,
    Expand,
    Filter,
    Limit,
    Node,
    Project,
    Sample,
    Scan,
    SetOp,
    Sort,
    Source,
    VectorSearch,
)
from tql.planner.made_sources import Append, Group, Join, Ungroup
from tql.planner.rendering.expression_text import expression_text, name_text, quoted


@dataclass(frozen=True, slots=True)
class Line:
    """One node of the tree.

    Attributes:
        id: the node's number in the physical plan.
        operator: what it does, one or two words.
        details: its expressions and numbers as text, in order.
        reads: source columns that its expressions read.
        estimate: rows that it is expected to give.
        measured: what a run measured, None without one.
        children: its inputs.
        is_source: whether its rows are not those of an input.
    """

    id: int
    operator: str
    details: tuple[str, ...]
    reads: tuple[str, ...]
    estimate: Estimate
    measured: Mapping[str, Any] | None
    children: tuple[Line, ...]
    is_source: bool


def build(node: Node, statistics: Sequence[Mapping[str, Any]] | None = None) -> Line:
    """The tree of a plan; nodes are numbered as lowering numbers them."""
    measured = {entry["id"]: entry for entry in statistics or ()}
    numbers = iter(range(1_000_000_000))

    def line(node: Node) -> Line:
        number = next(numbers)
        children = tuple([line(child) for child in node.inputs])
        operator, details = _describe(node)
        return Line(
            number,
            operator,
            details,
            _reads(node),
            estimate(node),
            measured.get(number),
            children,
            isinstance(node, Source),
        )

    return line(node)


def peak_bytes(root: Line) -> int:
    """The most memory that a run held at a time."""
    own = 0 if root.measured is None else int(root.measured["peak_bytes"])
    return max([own, *map(peak_bytes, root.children)])


def _reads(node: Node) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for expression in node.expressions:
        for x in walk(expression):
            if isinstance(x, Column):
                found[f"shape({name_text(x.name)})" if x.facet == "shape" else name_text(x.name)] = None
    return tuple(found)


def _describe(node: Node) -> tuple[str, tuple[str, ...]]:
    match node:
        case Scan():
            return "scan", (name_text(node.name),) if node.name else ()
        case Filter():
            operator = "filter" if node.fetch is None else f"filter, stop after {node.fetch:,} rows"
            return operator, tuple(expression_text(c) for c in node.conjuncts)
        case Project():
            return "compute", tuple(
                f"{name_text(c.id)} = {expression_text(c.expression)}" for c in node.columns
            )
        case Sort():
            operator = "sort" if node.fetch is None else f"top {node.fetch:,}"
            return operator, tuple(
                expression_text(k.expression) + (" desc" if k.descending else "") for k in node.keys
            )
        case Limit():
            return _limit(node), ()
        case Sample():
            replace = "with" if node.replace else "without"
            return f"sample {_sample_size(node)} {replace} replacement", (expression_text(node.weight),)
        case Distinct():
            return "distinct", tuple(expression_text(key) for key in node.keys)
        case SetOp():
            order = "keeps the left order" if node.ordered else "in row order"
            return f"{node.kind}{' all' if node.all else ''}, {order}", ()
        case Expand():
            repeats = "" if node.overlap else ", no row twice"
            operator = f"expand by {node.before:,} before and {node.after:,} after{repeats}"
            return operator, tuple(expression_text(c) for c in node.conjuncts)
        case Bm25():
            scored = f"bm25_similarity({name_text(node.column.name)}, {quoted(node.query)})"
            return "bm25 scan, no index, exact scores", (f"{name_text(node.id)} = {scored}",)
        case VectorSearch():
            near = f"{node.metric}, {node.count:,} candidates"
            return f"vector search, usearch index, approximate, {near}", (name_text(node.column),)
        case Join():
            return f"{node.kind} join", _join(node)
        case Group():
            return "group" if node.has_lists else "aggregate", _group(node)
        case Ungroup():
            return _ungroup(node), tuple(
                name_text(c.id) for c in node.columns if c.mode in ("element", "part")
            )
        case Append():
            return f"append{', each row once' if node.distinct else ''}", ()
    raise AssertionError(node)


def _join(node: Join) -> tuple[str, ...]:
    conditions = tuple(expression_text(c) for c in node.conditions)
    if node.left_key is None or node.right_key is None:
        return conditions
    return (f"left {expression_text(node.left_key)} = right {expression_text(node.right_key)}", *conditions)


def _group(node: Group) -> tuple[str, ...]:
    keys = [f"by {expression_text(key)}" if node.aggregates else expression_text(key) for key in node.keys]
    return (
        *keys,
        *[f"{name_text(a.id)} = {a.function}({expression_text(a.expression)})" for a in node.aggregates],
    )


def _ungroup(node: Ungroup) -> str:
    if node.parts is not None:
        return f"ungroup into {node.parts:,} parts"
    if node.lengths is None:
        return "ungroup into single entries"
    shown = ", ".join(str(length) for length in node.lengths[:_MOST_LENGTHS])
    more = ", ..." if len(node.lengths) > _MOST_LENGTHS else ""
    return f"ungroup into runs of {shown}{more}"


_MOST_LENGTHS = 8


def _limit(node: Limit) -> str:
    offset = f"offset {node.offset:,}" if node.offset else ""
    if node.percent is not None:
        return f"limit {node.percent:g} percent"
    if node.count is None:
        return offset
    return f"limit {node.count:,}{' ' + offset if offset else ''}"


def _sample_size(node: Sample) -> str:
    if node.percent is not None:
        return f"{node.percent:g} percent"
    return "as many rows" if node.count is None else f"{node.count:,} rows"
