"""Section 6: a string beside a class label is the index of that class."""

from __future__ import annotations

from reference.constants import constant, is_constant
from reference.scope import Scope
from tql import ast
from tql.errors import QueryValueError
from tql.types import Type


def with_indices(
    left: ast.Expr, right: ast.Expr, left_type: Type, right_type: Type, scope: Scope
) -> tuple[ast.Expr, ast.Expr]:
    """Both operands, class names replaced by indices where the other side is a class label.

    Raises:
        QueryValueError: if a string is no class name of that label.
    """
    if left_type.class_names is not None and right_type.element == "text" and is_constant(right):
        right = _indices(right, left_type.class_names, scope)
    if right_type.class_names is not None and left_type.element == "text" and is_constant(left):
        left = _indices(left, right_type.class_names, scope)
    return left, right


def _indices(expr: ast.Expr, class_names: tuple[str, ...], scope: Scope) -> ast.Expr:
    names = constant(expr, scope.parameters).tolist()
    if isinstance(names, str):
        return _index(names, class_names, expr)
    return ast.ArrayLiteral(tuple(_index(name, class_names, expr) for name in names))


def _index(name: str, class_names: tuple[str, ...], expr: ast.Expr) -> ast.Expr:
    if name not in class_names:
        raise QueryValueError(f"no class named {name!r}", span=expr.span)
    return ast.Literal(class_names.index(name))
