"""The physical plan as typed plain data: the shapes of docs/plan-format.md, which the engine reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NotRequired, TypedDict

VERSION = 1


class PhysicalType(TypedDict):
    """`shape`: [] for a scalar; None for an extent, or for the whole, that differs from row to row."""

    element: str
    shape: list[int | None] | None
    nullable: NotRequired[bool]
    nested: NotRequired[bool]


class Program(TypedDict):
    """Instructions in single static assignment; the last register is the result."""

    instructions: list[dict[str, Any]]


PhysicalNode = dict[str, Any]
PhysicalPlan = dict[str, Any]

INPUTS = ("input", "left", "right")
"""Members of a node that are nodes, in order."""


def children(node: PhysicalNode) -> list[PhysicalNode]:
    """The inputs of a node, in order."""
    return [node[name] for name in INPUTS if name in node]


def walk(node: PhysicalNode) -> Iterator[PhysicalNode]:
    """The node and everything below it, parents first."""
    yield node
    for child in children(node):
        yield from walk(child)


def programs(node: PhysicalNode) -> Iterator[Program]:
    """The programs of one node, in the order in which they run."""
    match node["op"]:
        case "filter" | "expand":
            yield from node["conjuncts"]
        case "sort":
            yield from (key["program"] for key in node["keys"])
        case "sample":
            yield node["weight"]
        case "distinct":
            yield from node["keys"]
        case "group":
            yield from node["keys"]
            yield from (aggregate["program"] for aggregate in node.get("aggregates", ()))
        case "join":
            yield from (node[key] for key in ("left_key", "right_key") if node[key] is not None)
            yield from node["conditions"]
        case "project":
            yield from (column["program"] for column in node["columns"])
