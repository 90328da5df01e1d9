"""Section 13: the select list."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import replace

from reference.checking import type_of
from reference.scope import Column, Scope
from tql import ast
from tql.errors import AliasRequiredError, AmbiguousColumnError, DuplicateColumnError

Items = Sequence[ast.SelectItem | ast.Star]


def walk(node: object) -> list[ast.Node]:
    """A node and everything below it."""
    if isinstance(node, tuple):
        return [found for item in node for found in walk(item)]
    if not isinstance(node, ast.Node):
        return []
    below = [walk(getattr(node, field.name)) for field in dataclasses.fields(node)]
    return [node, *[found for nodes in below for found in nodes]]


def select_list(items: Items, scope: Scope) -> dict[str, ast.Expr]:
    """Output columns in order: an explicit item replaces the column of that name that `*` brings."""
    explicit = [_item_name(item, scope) for item in items if isinstance(item, ast.SelectItem)]
    selected: dict[str, ast.Expr] = {}
    for item in items:
        if isinstance(item, ast.Star):
            new = _starred(item, explicit, scope)
        else:
            new = {_item_name(item, scope): item.expr}
        for name, expr in new.items():
            if name in selected:
                raise DuplicateColumnError(f"two columns named {name!r}", span=item.span)
            selected[name] = expr
    return selected


def computed_items(items: Items) -> dict[str, ast.Expr]:
    """The items that ORDER BY may name by their alias."""
    return {item.alias: item.expr for item in items if isinstance(item, ast.SelectItem) and item.alias}


def output_column(name: str, expr: ast.Expr, scope: Scope) -> Column:
    """A column of the result; one of the dataset stays one."""
    if isinstance(expr, ast.Name):
        return replace(scope.resolve(expr), name=name, key=name, alias=None, qualified_only=False)
    return Column(name, type_of(expr, scope), name)


def selected_columns(items: Items, scope: Scope) -> list[Column]:
    """The columns that the select list uses, each once."""
    used: dict[Hashable, Column] = {}
    for node in walk(tuple(items)):
        if isinstance(node, ast.Star):
            found = scope.columns_of(node.qualifier, node)
        elif isinstance(node, ast.Name):
            found = [scope.resolve(node)]
        else:
            continue
        used.update({column.key: column for column in found})
    return [column for column in scope.columns if column.key in used]


def _starred(star: ast.Star, explicit: Sequence[str], scope: Scope) -> dict[str, ast.Expr]:
    starred: dict[str, ast.Expr] = {}
    for column in scope.columns_of(star.qualifier, star):
        if column.name in explicit:
            continue
        if column.name in starred:
            raise AmbiguousColumnError(f"several sources have {column.name!r}", span=star.span)
        starred[column.name] = ast.Name(column.name, star.qualifier)
    return starred


def _item_name(item: ast.SelectItem, scope: Scope) -> str:
    """The alias, or the name of the single column that the item uses."""
    if item.alias is not None:
        return item.alias
    type_of(item.expr, scope)  # a wrong name is reported before a missing alias
    names = {node.name for node in walk(item.expr) if isinstance(node, ast.Name)}
    if len(names) != 1:
        raise AliasRequiredError("this item needs a name: AS ...", span=item.span)
    return names.pop()
