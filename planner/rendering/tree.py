"""A plan as data for renderers: one entry per node with its texts, estimates and, after a run, measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tql.planner.cost import Estimate, estimate
from tql.planner.expressions import Column, walk
from tql.planner.logical import Distinct, Filter, Limit, Node, Project, Sample, Scan, SetOp, Sort
from tql.planner.rendering.expression_text import expression_text, name_text


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
    """

    id: int
    operator: str
    details: tuple[str, ...]
    reads: tuple[str, ...]
    estimate: Estimate
    measured: Mapping[str, Any] | None
    children: tuple[Line, ...]


def build(node: Node, statistics: Sequence[Mapping[str, Any]] | None = None) -> Line:
    """The tree of a plan; nodes are numbered as lowering numbers them."""
    measured = {entry["id"]: entry for entry in statistics or ()}
    numbers = iter(range(1_000_000_000))

    def line(node: Node) -> Line:
        number = next(numbers)
        children = tuple([line(child) for child in node.inputs])
        operator, details = _describe(node)
        return Line(number, operator, details, _reads(node), estimate(node), measured.get(number), children)

    return line(node)


def _reads(node: Node) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for expression in node.expressions:
        for x in walk(expression):
            if isinstance(x, Column):
                found[name_text(x.name) if x.facet == "values" else f"shape({name_text(x.name)})"] = None
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
    raise AssertionError(node)


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
