from dataclasses import replace

from tql.planner.expressions import (
    Column,
    Computed,
    Expression,
    computed_of,
    is_pinned,
    is_positional,
    is_volatile,
    moved,
    substitute,
    walk,
)
from tql.planner.join_sides import filtered, one_side
from tql.planner.logical import Bm25, Distinct, Filter, Node, Project, SetOp, Sort
from tql.planner.made_sources import Append, Join, Side
from tql.schema import Schema


def push_down_filter(node: Filter, schema: Schema) -> Node:
    """Drop rows before other work is done on them.

        select * from (select * order by a) where b          ->   select * where b order by a
        select * from (select *, a + 1 as c) where c > 1     ->   ... where a + 1 > 1, computed for the rest
        select * from ((A) union (B)) where b                ->   (A where b) union (B where b)
        select * from t join u on ... where t.a and u.b      ->   (t where a) join (u where b) on ...

    Never through a LIMIT, a sample or a top-k, which choose among all their rows; never a condition with
    row_number() or random(), nor past a row_number() computed below; through DISTINCT only conditions on its
    keys; through a set operation only conditions on source columns, for a computed one may differ between its
    sides. Below a join only to a side whose rows never appear without their values (not to the right side of
    a LEFT JOIN, to no side of a FULL JOIN), and only a condition that cannot fail, for it meets rows that
    have no partner. Never into a source that the other side of a set operation makes too.
    """
    if node.fetch is not None:
        return node
    below = node.input
    match below:
        case Project():
            movable = [c for c in node.conjuncts if _passes_project(c, below)]
        case Sort(fetch=None):
            movable = [c for c in node.conjuncts if not is_pinned(c)]
        case Distinct():
            movable = [c for c in node.conjuncts if _passes_distinct(c, below)]
        case SetOp():
            movable = [c for c in node.conjuncts if not is_pinned(c) and not computed_of(c)]
        case Bm25():
            movable = [c for c in node.conjuncts if not is_pinned(c) and below.id not in computed_of(c)]
        case Append(shared=False):
            movable = [c for c in node.conjuncts if not is_pinned(c)]
        case Join(shared=False):
            whole = ("left", "right") if below.kind in ("inner", "cross") else (below.kind,)
            movable = [c for c in node.conjuncts if one_side(c, below) in whole]
        case _:
            return node
    if not movable:
        return node
    staying = tuple([c for c in node.conjuncts if c not in movable])
    pushed = _push(tuple(movable), below, node)
    return replace(node, input=pushed, conjuncts=staying) if staying else pushed


def _push(conjuncts: tuple[Expression, ...], below: Node, node: Filter) -> Node:
    if isinstance(below, SetOp):
        left = Filter(below.left, conjuncts, span=node.span)
        right = below.right if below.kind == "except" else Filter(below.right, conjuncts, span=node.span)
        return replace(below, left=left, right=right)
    if isinstance(below, Append):
        left_columns = {column.id: column.left for column in below.columns}
        right_columns = {column.id: column.right for column in below.columns}
        left = Filter(below.left, tuple([moved(c, left_columns) for c in conjuncts]), span=node.span)
        right = Filter(below.right, tuple([moved(c, right_columns) for c in conjuncts]), span=node.span)
        return replace(below, left=left, right=right)
    if isinstance(below, Join):
        return _into_join(conjuncts, below, node)
    if isinstance(below, Project):
        by = {column.id: column.expression for column in below.columns}
        conjuncts = tuple([substitute(c, by) for c in conjuncts])
    return below.with_inputs(Filter(below.inputs[0], conjuncts, span=node.span))


def _into_join(conjuncts: tuple[Expression, ...], join: Join, node: Filter) -> Join:
    sides: tuple[Side, ...] = ("left", "right")
    for side in sides:
        own = [conjunct for conjunct in conjuncts if one_side(conjunct, join) == side]
        if own:
            join = filtered(join, side, own, node.span)
    return join


def _passes_project(conjunct: Expression, project: Project) -> bool:
    if is_pinned(conjunct) or any(is_positional(c.expression) for c in project.columns):
        return False
    used = computed_of(conjunct)
    return not any(is_volatile(c.expression) for c in project.columns if c.id in used)


def _passes_distinct(conjunct: Expression, distinct: Distinct) -> bool:
    """Whether the condition is the same for all rows that are equal in the keys.

    Not for floats: 0.0 and -0.0 are equal keys and differ under division.
    """
    if is_pinned(conjunct):
        return False
    leaves = [x for x in walk(conjunct) if isinstance(x, Column | Computed)]
    return all(leaf in distinct.keys and not leaf.type.is_float for leaf in leaves)
