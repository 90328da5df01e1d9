"""Which conditions zone maps can decide without reading the rows, where the source keeps some.

The engine decides it again on the compiled program (`zone_condition.h`); this is what explain says of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tql.planner.expressions import Call, Column, Constant, Expression, may_fail
from tql.planner.logical import Bm25, Expand, Filter, Limit, Node, Project, Scan, nodes

_COMPARISONS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
_MOST_LEVELS = 64  # of AND, OR, NOT, as in the engine


def zone_conditions(plan: Node) -> Iterator[Expression]:
    """The conjuncts of a plan that zone maps can decide."""
    for node in nodes(plan):
        if not isinstance(node, Filter | Expand) or not _reads_in_order(node.inputs[0]):
            continue
        for conjunct in node.conjuncts:
            if may_fail(conjunct):
                break  # it must see every row that comes to it, and hides none from those behind it
            if can_prune(conjunct):
                yield conjunct


def _reads_in_order(node: Node) -> bool:
    """Whether the rows are a range of a source that is scanned: only there are they passed over in blocks."""
    while isinstance(node, Limit | Project | Bm25):
        node = node.input
    return isinstance(node, Scan)


def can_prune(x: Expression, levels: int = _MOST_LEVELS) -> bool:
    """Whether bounds of the values of its columns may tell that a condition holds for no row, or for all."""
    if not isinstance(x, Call):
        return _has_bounds(x) and x.type.element == "bool"
    if x.kernel in ("and", "or", "not"):
        return levels > 0 and any(can_prune(operand, levels - 1) for operand in x.operands)
    if x.kernel in _COMPARISONS:
        left, right = x.operands
        return (_has_bounds(left) and _is_number(right)) or (_has_bounds(right) and _is_number(left))
    if x.kernel == "truth":
        return _has_bounds(x.operands[0]) or (levels > 0 and can_prune(x.operands[0], levels - 1))
    return x.kernel in ("in_set", "is_null") and _has_bounds(x.operands[0])


def _is_number(x: Expression) -> bool:
    return isinstance(x, Constant) and x.type.is_scalar and x.type.is_numeric


def _has_bounds(x: Expression) -> bool:
    """A column of one number per row, or a cast of one that keeps the order."""
    if isinstance(x, Call) and x.kernel == "cast":
        given, wanted = x.operands[0].type, x.type
        return _has_bounds(x.operands[0]) and (wanted.is_float or not given.is_float)
    if isinstance(x, Call) and x.kernel == "scalar":
        x = x.operands[0]
    type_ = x.type
    return (
        isinstance(x, Column)
        and x.facet == "values"
        and type_.is_single
        and type_.is_numeric
        and type_.element != "float16"
    )
