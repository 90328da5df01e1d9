"""What can be said of a relation without running it: order, repeats, the computed columns that it carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps

from tql.planner.expressions import is_volatile
from tql.planner.logical import (
    Bm25,
    Expand,
    Node,
    Project,
    Sample,
    Scan,
    SetOp,
    Sort,
    Source,
)
from tql.planner.made_sources import Append, Group, Join
from tql.types import FLOAT64, INT64, Type

Test = Callable[[Node], bool]


def _remembered(test: Test) -> Test:
    """The test with its answers kept beside the fields of the nodes: no comparison or copy sees them."""
    key = test.__name__

    @wraps(test)
    def remembered(node: Node) -> bool:
        answer: bool | None = node.__dict__.get(key)
        if answer is None:
            answer = node.__dict__[key] = test(node)
        return answer

    return remembered


@_remembered
def is_ascending(node: Node) -> bool:
    """Whether the rows come as they are stored, and no clause has given them another order or made them.

    Of a set operation it decides between ascending rows and the order of its sides (language reference,
    section 17): rows that were grouped or expanded have an order of their own, and one ordered operand is
    enough in a chain of them.
    """
    match node:
        case Scan():
            return True
        case Sort() | Sample() | Expand() | Group():
            return False
        case SetOp(ordered=True):
            return False
        case _:
            return all(is_ascending(child) for child in node.inputs)


@_remembered
def has_repeats(node: Node) -> bool:
    """Whether a row of the source may occur twice."""
    match node:
        case Source():
            return False
        case Sample(replace=True) | Expand(overlap=True) | SetOp(kind="union", all=True):
            return True
        case _:
            return any(has_repeats(child) for child in node.inputs)


def order_is_chosen(node: Node) -> bool:
    """Whether the rows come in an order that the user asked for: a sort that no later draw has undone."""
    match node:
        case Sort():
            return True
        case Sample() | Scan():
            return False
        case SetOp(kind="union"):
            return node.ordered and (order_is_chosen(node.left) or order_is_chosen(node.right))
        case SetOp():
            return node.ordered and order_is_chosen(node.left)
        case Append():
            return order_is_chosen(node.left) or order_is_chosen(node.right)
        case Join():
            return order_is_chosen(node.left)
        case _:
            return order_is_chosen(node.inputs[0])


def computed_columns(node: Node) -> dict[str, Type]:
    """Ids and types of the computed columns that a node's answer carries."""
    return carried(node, [computed_columns(child) for child in node.inputs])


def carried(node: Node, below: Sequence[Mapping[str, Type]]) -> dict[str, Type]:
    """`computed_columns`, where those of the inputs are known."""
    match node:
        case Source():
            return {}
        case Project():
            return {**below[0], **{c.id: c.expression.type for c in node.columns}}
        case Expand(id=str() as id_):
            return {**below[0], id_: INT64}
        case Bm25():
            return {**below[0], node.id: FLOAT64}
        case SetOp():
            left, right = below
            return {id_: common_type(left[id_], right[id_]) for id_ in left if id_ in right}
        case _:
            return dict(below[0])


def common_type(left: Type, right: Type) -> Type:
    """A type that the values of two types of one element kind and one rank fit."""
    if left == right:
        return left
    shape = None
    if left.shape is not None and right.shape is not None:
        shape = tuple([a if a == b else None for a, b in zip(left.shape, right.shape, strict=True)])
    return Type(
        left.element,
        shape,
        left.nullable or right.nullable,
        left.class_names if left.class_names == right.class_names else None,
        min(left.sequence, right.sequence),
        max(left.nested, right.nested),
    )


@_remembered
def is_repeatable(node: Node) -> bool:
    """Whether two runs of the plan surely give the same rows: no draw, no random number."""
    if isinstance(node, Sample) or any(map(is_volatile, node.expressions)):
        return False
    return all(map(is_repeatable, node.inputs))
