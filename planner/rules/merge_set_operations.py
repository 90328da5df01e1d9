from functools import reduce

from tql.catalogue.result_types import shapes_may_conflict
from tql.planner.expressions import Call, Expression, call, holds_throughout, is_fallible, is_pinned
from tql.planner.logical import Filter, Node, SetOp
from tql.planner.relations import has_repeats
from tql.schema import Schema
from tql.span import Span


def merge_set_operations(node: SetOp, schema: Schema) -> Node:
    """Read the source once for both sides of a set operation.

        (select * where a) union (select * where b)        ->   select * where a or b
        (select * where a) intersect (select * where b)    ->   select * where a and b
        (select * where a) except (select * where b)       ->   select * where a and not b

    One pass instead of two, and no sets of rows to combine. Only where both sides filter the same rows in
    ascending order, each row once, and stop nowhere early; never with row_number() or random(). Conditions
    under OR and NOT must be sure to go well: where two arrays do not go together the row does not match its
    own side, but may match the other.
    """
    if node.all or node.ordered:
        return node
    left, right = node.left, node.right
    below = left.input if isinstance(left, Filter) else left
    if below != (right.input if isinstance(right, Filter) else right) or has_repeats(below):
        return node
    a, b = _conjuncts(left), _conjuncts(right)
    if a is None or b is None:
        return node
    if node.kind == "intersect":
        return Filter(below, a + b, span=node.span) if a + b else below
    if not all(map(_is_sure, a + b if node.kind == "union" else b)):
        return node
    if node.kind == "except":
        return (
            Filter(below, (*a, call("not", _all(b, node.span), span=node.span)), span=node.span)
            if b
            else node
        )
    if not a or not b:
        return below
    return Filter(
        below, (call("or", _all(a, node.span), _all(b, node.span), span=node.span),), span=node.span
    )


def _conjuncts(node: Node) -> tuple[Expression, ...] | None:
    """What a side asks of its rows; None where it cannot be asked elsewhere."""
    if not isinstance(node, Filter):
        return ()
    if node.fetch is not None or any(map(is_pinned, node.conjuncts)):
        return None
    return node.conjuncts


def _all(conjuncts: tuple[Expression, ...], span: Span) -> Expression:
    return reduce(lambda a, b: call("and", a, b, span=span), conjuncts)


def _is_sure(x: Expression) -> bool:
    """Whether no row can end the query or fail to have a truth of its own."""
    return not is_fallible(x) and holds_throughout(x, _has_a_truth)


def _has_a_truth(x: Expression) -> bool:
    if not isinstance(x, Call):
        return True
    if x.kernel == "truth" and not x.operands[0].type.is_single:
        return False
    shapes = [operand.type.shape for operand in x.operands]
    return x.kernel == "subscript" or len(shapes) != 2 or not shapes_may_conflict(shapes[0], shapes[1])
