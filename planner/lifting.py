"""Expressions over groups that are computed per row, below the grouping.

`n + 1` of a group whose `n` may be NULL is a sequence that no array can hold. Row by row it is a plain value,
and the sequence of these values is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from tql import ast
from tql.errors import TQLError, UnsupportedError
from tql.planner.coercion import snippet_of
from tql.planner.context import Context
from tql.planner.expression_binder import names_in
from tql.planner.expressions import Column, Computed, is_pinned
from tql.planner.logical import ComputedColumn, Project
from tql.planner.made_sources import Group, GroupColumn, unused_name
from tql.planner.scope import Failed, Scope

_ELEMENTWISE = (ast.Unary, ast.Binary, ast.Between, ast.InList, ast.Like)

T = TypeVar("T")
AnyNode = TypeVar("AnyNode", bound=ast.Node)


class Lifting:
    """Binds what reads groups; what can be computed only per row, is.

    Attributes:
        scope: what can be seen of the groups.
    """

    def __init__(self, context: Context, group: Group, rows: Scope, groups: Scope) -> None:
        self.scope = groups
        self._context = context
        self._group = group
        self._rows = rows
        self._added: list[tuple[ComputedColumn, GroupColumn]] = []

    def attempt(self, bind: Callable[[ast.Expr, Scope], T], node: ast.Expr) -> T | None:
        """What `bind` gives, None with the mistake recorded."""
        errors = self._context.expressions.errors
        mark = len(errors)
        bound = self._context.attempt(bind, node, self.scope)
        if bound is not None or not any(isinstance(error, UnsupportedError) for error in errors[mark:]):
            return bound
        refused = errors[mark:]
        del errors[mark:]
        lifted = self._lifted(node)
        if len(errors) > mark:  # a mistake that has nothing to do with groups
            return None
        if lifted is node:
            errors += refused
            return None
        bound = self._context.attempt(bind, lifted, self.scope)
        if bound is None:
            errors[mark:] = refused
        return bound

    def group(self) -> Group:
        """The groups with what has been lifted."""
        if not self._added:
            return self._group
        below = Project(
            self._group.input, tuple([computed for computed, _ in self._added]), span=self._group.span
        )
        columns = (*self._group.columns, *(column for _, column in self._added))
        return replace(self._group, input=below, columns=columns)

    def _lifted(self, node: AnyNode) -> AnyNode | ast.Name:
        """The expression with names in the place of what is computed per row."""
        if isinstance(node, _ELEMENTWISE) and self._is_per_row(node):
            return self._column(node) or node
        changes: dict[str, Any] = {}
        for name in node.__dataclass_fields__:
            value = getattr(node, name)
            after: Any = value
            if isinstance(value, ast.Node):
                after = self._lifted(value)
            elif isinstance(value, tuple):
                items = tuple([self._lifted(item) for item in value])
                after = value if all(a is b for a, b in zip(items, value, strict=True)) else items
            if after is not value:
                changes[name] = after
        return replace(node, **changes) if changes else node

    def _is_per_row(self, node: ast.Node) -> bool:
        """Whether it is made of operators over plain values, so that rows and groups agree about it."""
        match node:
            case ast.Name():
                column = self._in_row(node)
                return column is not None and column.type.is_scalar and column.type.element != "json"
            case ast.Literal():
                return True
            case ast.InList() | ast.Like():
                return self._is_per_row(node.operand)
            case ast.Unary() | ast.Binary() | ast.Between():
                return all(self._is_per_row(child) for child in ast.children(node))
        return False

    def _in_row(self, name: ast.Name) -> Column | Computed | None:
        try:
            column = self._rows.resolve(name)
        except (TQLError, Failed):
            return None
        return column if isinstance(column, Column | Computed) else None

    def _column(self, node: ast.Expr) -> ast.Name | None:
        """A name for what an expression gives for the rows of a group."""
        if not any(c is not None and c.type.nullable for c in map(self._in_row, names_in(node))):
            return None
        bound = self._context.attempt(self._context.expressions.bind, node, self._rows)
        if bound is None or is_pinned(bound):
            return None
        typed = snippet_of(node.span, self._context.text)
        id_ = self._context.fresh_id(typed)
        used = {column.id for column in self._group.columns} | {column.id for _, column in self._added}
        column = GroupColumn(unused_name(typed, None, used), Computed(bound.type, id_, span=node.span))
        self._added.append((ComputedColumn(id_, bound), column))
        name = ast.Name(f"\0{column.id}", span=node.span)  # no column that a query names is called so
        self.scope = self.scope.with_column(name.name, Column(column.type, column.id, span=node.span))
        return name
