from dataclasses import replace

from tql.planner.expressions import Constant
from tql.planner.logical import Filter, Limit, Node, Project, SetOp, Sort
from tql.schema import Schema


def remove_idle_sorts(node: Sort | SetOp, schema: Schema) -> Node:
    """Do not order what nobody sees ordered.

        select * order by 1, a                          ->   select * order by a
        (A) except (select * order by a)                ->   (A) except (select *)

    A constant key never decides. The right side of INTERSECT and EXCEPT only answers whether a row is in it;
    not where a limit between chooses rows by that order.
    """
    if isinstance(node, Sort):
        keys = tuple([key for key in node.keys if not isinstance(key.expression, Constant)])
        if len(keys) == len(node.keys):
            return node
        if keys:
            return replace(node, keys=keys)
        return node.input if node.fetch is None else Limit(node.input, 0, node.fetch, span=node.span)
    if node.kind == "union" or node.all:
        return node
    right = _unordered(node.right)
    return node if right is node.right else replace(node, right=right)


def _unordered(node: Node) -> Node:
    match node:
        case Sort(fetch=None):
            return _unordered(node.input)
        case Filter(fetch=None) | Project():
            return node.with_inputs(_unordered(node.inputs[0]))
    return node
