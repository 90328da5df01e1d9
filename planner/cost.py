"""What a predicate costs and keeps: rough numbers from types and storage facts, good enough to order by.

Units are nanoseconds per row on one core, order of magnitude. No data is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from tql.planner.expressions import Call, Column, Constant, Expression, is_fallible, walk
from tql.planner.logical import (
    Distinct,
    Expand,
    Filter,
    Limit,
    Node,
    Sample,
    SetOp,
    Sort,
    Source,
    VectorSearch,
)
from tql.planner.made_sources import Append, Group, Join
from tql.schema import Schema
from tql.types import Type, bits

_UNKNOWN_EXTENT = 16  # elements along an axis that differs from row to row
_UNKNOWN_TEXT = 32  # bytes of a text
_READ_PER_BYTE = 0.1
_DECODE_PER_BYTE = 2.0
_DECODE = 20_000.0
_ROW = {"dense": 0.5, "ragged": 5.0, "text": 5.0}


def rank(predicate: Expression, schema: Schema) -> tuple[bool, float]:
    """Sort key of a conjunct: fallible last, then by cost per dropped row, smallest first."""
    dropped = max(1.0 - selectivity(predicate), 0.01)
    return is_fallible(predicate), cost(predicate, schema) / dropped


def cost(expression: Expression, schema: Schema) -> float:
    """Nanoseconds per row to read what the expression needs and to compute it."""
    total = 0.0
    read: set[tuple[str, str]] = set()
    for x in walk(expression):
        if isinstance(x, Column):
            if (x.name, x.facet) not in read:
                read.add((x.name, x.facet))
                total += _read_cost(x, schema)
        elif isinstance(x, Call):
            widest = max([elements(x.type), *[elements(operand.type) for operand in x.operands]])
            total += x.function.cost * widest * 0.5
    return total


def _read_cost(column: Column, schema: Schema) -> float:
    if column.facet == "shape":
        return 1.0
    field = schema[column.name]
    size = field.row_bytes or row_bytes(column.type)
    if field.encoding is not None:
        return _DECODE + size * _DECODE_PER_BYTE
    layout = "text" if column.type.element == "text" else "dense" if column.type.is_fixed else "ragged"
    return _ROW[layout] + size * _READ_PER_BYTE


def elements(type_: Type) -> float:
    """Estimated number of elements of one row."""
    if type_.shape is None:
        return float(_UNKNOWN_EXTENT)
    count = 1.0
    for extent in type_.shape:
        count *= _UNKNOWN_EXTENT if extent is None else extent
    return count


def row_bytes(type_: Type) -> float:
    """Estimated bytes of one row."""
    width = bits(type_.element) / 8 if type_.is_numeric else float(_UNKNOWN_TEXT)
    return width * elements(type_)


_SELECTIVITY = {
    "equal": 0.1,
    "less": 0.33,
    "less_equal": 0.33,
    "greater": 0.33,
    "greater_equal": 0.33,
    "like": 0.1,
    "contains": 0.1,
    "contains_text": 0.1,
    "is_null": 0.05,
}


def selectivity(x: Expression) -> float:
    """Estimated share of rows for which a predicate holds, 0 to 1."""
    if isinstance(x, Constant):
        return 1.0 if x.value else 0.0
    if not isinstance(x, Call):
        return 0.5
    match x.kernel:
        case "equal":
            return _of_one_value(x.operands[0].type)
        case "not_equal":
            return 1.0 - _of_one_value(x.operands[0].type)
        case "in_set":
            return min(1.0, len(x.option("values")) * _of_one_value(x.operands[0].type))
        case "not":
            return 1.0 - selectivity(x.operands[0])
        case "and":
            return selectivity(x.operands[0]) * selectivity(x.operands[1])
        case "or":
            return 1.0 - (1.0 - selectivity(x.operands[0])) * (1.0 - selectivity(x.operands[1]))
        case "truth" | "scalar" | "all" | "all_strict":
            return selectivity(x.operands[0])
        case "any":
            return min(1.0, 2.0 * selectivity(x.operands[0]))
    return _SELECTIVITY.get(x.kernel, 0.5)


def _of_one_value(type_: Type) -> float:
    if type_.class_names:
        return 1.0 / len(type_.class_names)
    return 0.5 if type_.element == "bool" else 0.1


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many rows a node gives: a share of the rows of its source, and at most so many."""

    share: float
    most: int | None = None

    def rows(self, total: int | None) -> int | None:
        """The number, where that of the source is known."""
        if total is None:
            return None
        rows = round(self.share * total)
        return rows if self.most is None else min(rows, self.most)


def estimate(node: Node) -> Estimate:
    """Rows of a node's answer."""
    below = [estimate(child) for child in node.inputs]
    match node:
        case Source():
            return Estimate(1.0, _most_made(node, *below))
        case Filter():
            share = below[0].share
            for conjunct in node.conjuncts:
                share *= selectivity(conjunct)
            return Estimate(share, _least(below[0].most, node.fetch))
        case Sort():
            return Estimate(below[0].share, _least(below[0].most, node.fetch))
        case VectorSearch():
            return Estimate(1.0, _least(below[0].most, node.count))
        case Limit():
            if node.percent is not None:
                return Estimate(min(1.0, node.percent / 100) * below[0].share, below[0].most)
            return Estimate(below[0].share, _least(below[0].most, node.count))
        case Sample():
            share = below[0].share * (1.0 if node.percent is None else node.percent / 100)
            return Estimate(share, node.count if node.count is not None else below[0].most)
        case SetOp():
            return _set_operation(node, *below)
        case Expand():
            share = below[0].share
            for conjunct in node.conjuncts:
                share *= selectivity(conjunct)
            window = 1 + node.before + node.after
            most = None if below[0].most is None else below[0].most * (window if node.overlap else 1)
            return Estimate(share * window if node.overlap else min(1.0, share * window), most)
        case Distinct():
            return Estimate(below[0].share, below[0].most)
    return below[0]


def _most_made(node: Source, *below: Estimate) -> int | None:
    """An upper bound of the rows of a source."""
    most = [estimate.most for estimate in below]
    match node:
        case Group():
            return most[0]
        case Append() if most[0] is not None and most[1] is not None:
            return most[0] + most[1]
        case Join(kind="cross") if most[0] is not None and most[1] is not None:
            return most[0] * most[1]
    return None


def _set_operation(node: SetOp, left: Estimate, right: Estimate) -> Estimate:
    if node.kind == "union":
        both = None if left.most is None or right.most is None else left.most + right.most
        share = left.share + right.share
        return Estimate(share if node.all else min(1.0, share), both)
    if node.kind == "intersect":
        return Estimate(left.share * right.share, _least(left.most, right.most))
    return Estimate(left.share * (1.0 - right.share), left.most)


def _least(*numbers: int | None) -> int | None:
    known = [number for number in numbers if number is not None]
    return min(known) if known else None
