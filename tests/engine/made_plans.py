"""Nodes that make a source, built by hand, and their rows as Python values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from engine.engine_plans import Code, plan_of, rows_of, type_of
from tql._engine import Column, MadeSource, Plan, Result, execute

NODE_IDS: Iterator[int] = count(1000)

Row = dict[str, Any]


def scan_of(key: str | None = None) -> dict[str, Any]:
    node: dict[str, Any] = {"id": next(NODE_IDS), "op": "scan"}
    return node if key is None else {**node, "source": key}


def key_of(columns: Mapping[str, Column], name: str) -> dict[str, Any]:
    code = Code(dict(columns))
    code.column(name)
    return code.program


def in_sequence(type_: dict[str, Any]) -> dict[str, Any]:
    """The type of a column of a group: `type_` is that of the grouped column."""
    shape = type_["shape"]
    plain = not type_["nullable"] and not type_.get("nested") and shape is not None and None not in shape
    declared = {"element": type_["element"], "shape": None if shape is None else [None, *shape]}
    return declared if plain else {**declared, "nested": True}


def made(op: str, number: int = 0, **members: Any) -> dict[str, Any]:
    return {"id": next(NODE_IDS), "op": op, "made": number, **members}


def join_of(
    left: Mapping[str, Column],
    right: Mapping[str, Column],
    kind: str = "inner",
    on: tuple[str, str] | None = ("k", "k"),
    conditions: tuple[Code, ...] = (),
    **members: Any,
) -> dict[str, Any]:
    """A join of the sources "l" and "r"; their columns become "l.name" and "r.name"."""
    columns = []
    for side, of in (("left", left), ("right", right)):
        for name, column in of.items():
            declared = {**type_of(column), "nullable": True}
            columns.append(
                {"id": f"{side[0]}.{name}", "type": declared, "side": side, "from": "source", "column": name}
            )
    return made(
        "join",
        kind=kind,
        left=scan_of("l"),
        right=scan_of("r"),
        left_key=None if on is None else key_of(left, on[0]),
        right_key=None if on is None else key_of(right, on[1]),
        conditions=[code.program for code in conditions],
        columns=columns,
        **members,
    )


def group_of(
    columns: Mapping[str, Column], keys: list[str], node: dict[str, Any] | None = None, **members: Any
) -> dict[str, Any]:
    """A group of all columns; "n" is its size."""
    grouped: list[dict[str, Any]] = [
        {"id": name, "type": in_sequence(type_of(column)), "from": "source", "column": name}
        for name, column in columns.items()
    ]
    grouped.append({"id": "n", "type": {"element": "int64", "shape": []}, "from": "size"})
    keys_ = [key_of(columns, key) for key in keys]
    return made("group", input=node or scan_of(), keys=keys_, columns=grouped, **members)


def run_made(root: dict[str, Any], source: Any = None, **options: Any) -> Result:
    return execute(Plan(plan_of(root)), source, **options)


def source_of(result: Result) -> MadeSource:
    assert isinstance(result.source, MadeSource)
    return result.source


def values_of(source: Any, name: str, rows: Any = None) -> list[Any]:
    """A column of a source, read by its partitions or at some rows."""
    if rows is not None:
        return rows_of(source.take(name, "values", np.asarray(rows, np.int64)))
    parts = [source.read(name, "values", *part) for part in source.partitions([name])]
    return [value for part in parts for value in rows_of(part)]


def table_of(result: Result, names: list[str]) -> list[tuple[Any, ...]]:
    """The selected rows of a made source."""
    source = source_of(result)
    columns = [values_of(source, name, result.selection.indices) for name in names]
    return list(zip(*columns, strict=True))
