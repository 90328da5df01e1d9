"""Section 18: names, arity and static types, checked before any row is read."""

from __future__ import annotations

from dataclasses import replace

from reference import elements
from reference.constants import constant, is_constant
from reference.labels import with_indices
from reference.scope import Scope
from reference.signatures import arity_of, is_document, reads_arrays, type_of_call, works_on_elements
from tql import ast
from tql.errors import (
    ArityError,
    QueryTypeError,
    QueryValueError,
    ShapeError,
    UnknownFunctionError,
    UnsupportedError,
)
from tql.types import BOOL, FLOAT64, INT64, Type, element_of_dtype

JSON_ARRAY = Type("json", (None,))


def type_of(expr: ast.Expr, scope: Scope) -> Type:
    """The static type of an expression; raises what can be known without a row."""
    match expr:
        case ast.Literal() | ast.Parameter() | ast.ArrayLiteral():
            return _type_of_constant(expr, scope)
        case ast.Name():
            item = scope.computed_item(expr)
            if item is not None:
                return type_of(item, scope.without_computed())
            type_ = scope.resolve(expr).type
            return JSON_ARRAY if scope.arrays and is_document(type_) else type_
        case ast.Unary("-", operand):
            if is_constant(expr):
                return _type_of_constant(expr, scope)
            type_ = _numeric(expr, type_of(operand, scope))
            return type_.with_element(elements.negated(type_.element))
        case ast.Unary("not", operand):
            return _condition_elements(operand, scope)
        case ast.Binary("and" | "or", left, right):
            a, b = _condition_elements(left, scope), _condition_elements(right, scope)
            return elements.element_wise("bool", a, b)
        case ast.Binary("+" | "-" | "*" | "/" | "%"):
            return _type_of_arithmetic(expr, scope)
        case ast.Binary(_, left, right):
            return _type_of_comparison(expr, left, right, scope)
        case ast.Between(operand, low, high):
            first = _type_of_comparison(expr, operand, low, scope)
            second = _type_of_comparison(expr, operand, high, scope)
            return elements.element_wise("bool", first, second)
        case ast.InList(operand, items):
            return _type_of_in(expr, operand, items, scope)
        case ast.Like(operand, pattern):
            return _type_of_like(expr, operand, pattern, scope)
        case ast.IsNull(operand):
            type_of(operand, scope.with_arrays(False))
            return BOOL
        case ast.Subscript():
            return _type_of_subscript(expr, scope)
        case ast.Call():
            return _type_of_call(expr, scope)
        case ast.CountStar():
            if not scope.grouped:
                raise QueryTypeError("COUNT(*) needs GROUP BY", span=expr.span)
            return INT64
        case ast.WeightCases(_, cases):
            for case_ in cases:
                check_condition(case_.condition, scope.with_arrays(False))
                weight = type_of(case_.weight, scope)
                if not is_constant(case_.weight) or not weight.is_numeric or not weight.is_scalar:
                    raise QueryTypeError("a weight must be a constant number", span=case_.weight.span)
            return FLOAT64
    raise AssertionError(expr)


def check_condition(expr: ast.Expr, scope: Scope) -> None:
    """Section 4: text is no condition, and an array that always has several elements is ambiguous."""
    type_ = type_of(expr, scope)
    if type_.element not in ("json",) and not type_.is_numeric:
        raise QueryTypeError("text is not a condition", span=expr.span)
    check_single(expr, type_)


def check_single(expr: ast.Expr, type_: Type) -> None:
    """Raise if no row can have exactly one element, or none: what cannot be seen here shows per row."""
    extents = type_.shape or ()
    if 0 not in extents and any(extent is not None and extent > 1 for extent in extents):
        raise QueryTypeError("an array is ambiguous here, use ANY or ALL", span=expr.span)


def _type_of_constant(expr: ast.Expr, scope: Scope) -> Type:
    value = constant(expr, scope.parameters)
    element = "text" if value.dtype == object else element_of_dtype(value.dtype)
    assert element is not None
    return Type(element, value.shape)


def _numeric(expr: ast.Expr, type_: Type) -> Type:
    if not type_.is_numeric and type_.element != "json":
        raise QueryTypeError("arithmetic needs numbers", span=expr.span)
    return type_


def _type_of_arithmetic(expr: ast.Binary, scope: Scope) -> Type:
    left = _numeric(expr.left, type_of(expr.left, scope))
    right = _numeric(expr.right, type_of(expr.right, scope))
    result = elements.divided if expr.operator == "/" else elements.promoted
    return elements.element_wise(result(left.element, right.element), left, right)


def _condition_elements(expr: ast.Expr, scope: Scope) -> Type:
    type_ = type_of(expr, scope)
    if not type_.is_numeric and type_.element != "json":
        raise QueryTypeError("text is not a condition", span=expr.span)
    return type_.with_element("bool")


def _kind(type_: Type) -> str:
    return "number" if type_.is_numeric else type_.element


def _type_of_comparison(expr: ast.Expr, left: ast.Expr, right: ast.Expr, scope: Scope) -> Type:
    left, right = with_indices(left, right, type_of(left, scope), type_of(right, scope), scope)
    a, b = type_of(left, scope), type_of(right, scope)
    kinds = {_kind(a), _kind(b)}
    if len(kinds) > 1 and "json" not in kinds:
        raise QueryTypeError(f"{a} and {b} do not compare", span=expr.span)
    return elements.element_wise("bool", a, b)


def _type_of_in(expr: ast.Expr, operand: ast.Expr, items: tuple[ast.Expr, ...], scope: Scope) -> Type:
    type_ = type_of(operand, scope)
    for item in items:
        if not is_constant(item):
            type_of(item, scope)
            raise QueryTypeError("an item of IN must be a constant", span=item.span)
        _type_of_comparison(expr, operand, item, scope)
    return type_.with_element("bool")


def _type_of_like(expr: ast.Expr, operand: ast.Expr, pattern: ast.Expr, scope: Scope) -> Type:
    type_ = type_of(operand, scope)
    pattern_type = type_of(pattern, scope)
    if type_.element not in ("text", "json") or not is_constant(pattern) or pattern_type.element != "text":
        raise QueryTypeError("LIKE needs text and a literal pattern", span=expr.span)
    return type_.with_element("bool")


def _type_of_subscript(expr: ast.Subscript, outer: Scope) -> Type:
    scope = outer.with_arrays(False)
    operand = type_of(expr.operand, scope)
    for item in expr.items:
        bounds = (item.start, item.stop, item.step) if isinstance(item, ast.Slice) else (item,)
        for bound in bounds:
            if bound is None:
                continue
            type_ = type_of(bound, scope)
            if is_document(operand) and type_.element == "text" and bound is item:
                continue
            if not type_.is_integer:
                raise QueryTypeError("a subscript must be an integer", span=bound.span)
        if isinstance(item, ast.Slice) and item.step is not None and is_constant(item.step):
            step = constant(item.step, scope.parameters)
            if step.size == 1 and step.reshape(()) == 0:
                raise QueryValueError("the step of a slice is 0", span=item.step.span)
    if is_document(operand):
        return JSON_ARRAY if outer.arrays else Type("json")
    if operand.shape is None:
        return operand
    if len(expr.items) > len(operand.shape):
        raise ShapeError(f"too many subscripts for {operand}", span=expr.span)
    shape: list[int | None] = []
    for axis, extent in enumerate(operand.shape):
        if axis >= len(expr.items):
            shape.append(extent)
        elif isinstance(expr.items[axis], ast.Slice) or _gathers(expr.items[axis], scope):
            shape.append(None)
    result = operand.with_shape(tuple(shape))
    if not isinstance(expr.items[0], ast.Slice):
        return result
    return replace(result, sequence=operand.sequence, nested=operand.nested)


def _gathers(item: ast.Expr | ast.Slice, scope: Scope) -> bool:
    return isinstance(item, ast.Expr) and type_of(item, scope).rank == 1


def _type_of_call(expr: ast.Call, scope: Scope) -> Type:
    if expr.function in scope.functions:
        for arg in expr.args:
            type_of(arg, scope.with_arrays(False))
        return scope.functions[expr.function].type
    arity = arity_of(expr.function)
    if arity is None:
        raise UnknownFunctionError(f"no function named {expr.function!r}", span=expr.span)
    if not arity[0] <= len(expr.args) <= arity[1]:
        raise ArityError(f"{expr.function} takes {arity[0]} to {arity[1]} arguments", span=expr.span)
    if expr.function == "bm25_similarity":
        raise UnsupportedError("bm25_similarity is a key of ORDER BY", span=expr.span)
    of_elements = scope.arrays and works_on_elements(expr.function)
    scope = scope.with_arrays(of_elements or reads_arrays(expr.function))
    if expr.function == "equals":
        return _type_of_comparison(expr, expr.args[0], expr.args[1], scope)
    args = expr.args
    types = [type_of(arg, scope) for arg in args]
    if expr.function == "contains":
        args = with_indices(args[0], args[1], types[0], types[1], scope)
        types = [type_of(arg, scope) for arg in args]
    return type_of_call(expr, types, scope)
