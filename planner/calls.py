"""Binding of function calls: arity, argument kinds and conversions as the catalogue declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tql import ast
from tql.catalogue import CALLABLE, PLANNED, Function, Parameter
from tql.errors import (
    ArityError,
    QueryTypeError,
    ShapeError,
    TQLError,
    UnknownFunctionError,
    UnsupportedError,
)
from tql.planner import coercion
from tql.planner.expressions import Constant, Expression, call, cast
from tql.planner.suggest import near_names
from tql.types import Type

if TYPE_CHECKING:
    from tql.planner.expression_binder import ExpressionBinder


def bind_call(binder: ExpressionBinder, node: ast.Call) -> Expression:
    """A call of a function of the catalogue.

    Raises:
        UnknownFunctionError, UnsupportedError, ArityError, QueryTypeError, ShapeError: see the message.
    """
    function = CALLABLE.get(node.function)
    if function is None:
        raise _unknown(node)
    check_arity(function, node)
    options: dict[str, Any] = {}
    values: list[ast.Expr] = []
    axis: ast.Expr | None = None
    for parameter, arg in zip(function.parameters, node.args, strict=False):
        if parameter.accepts == "axis":
            axis = arg
        else:
            values.append(arg)
    args = binder.operands(*values)
    if function.kernel == "equal":
        return coercion.compare("equal", args[0], args[1], node.span, binder.text)
    if function.kernel == "contains":
        return _contains(args[0], args[1], node, binder.text)
    args = _converted(binder, function, args)
    if axis is not None:
        options["axis"] = _axis(binder, axis, args[0].type, node.function)
    if function.kernel == "nonzero" and args[0].type.rank != 1:
        raise UnsupportedError(
            f"nonzero works on arrays of one axis: {coercion.snippet(args[0], binder.text)}",
            span=args[0].span,
        )
    return call(function.kernel, *args, span=node.span, options=options)


def check_arity(function: Function, node: ast.Call) -> None:
    """Raise ArityError for a wrong number of arguments."""
    fewest, most = function.arity
    given = len(node.args)
    if given < fewest or (most is not None and given > most):
        wanted = str(fewest or "no") if fewest == most else f"{fewest} or {most}"
        plural = "" if wanted == "1" else "s"
        raise ArityError(
            f"{node.function} takes {wanted} argument{plural}, {given} given",
            span=node.span,
            hint=f"{function.signature}: {function.help}",
        )


def _unknown(node: ast.Call) -> TQLError:
    span = node.name_span
    if node.function in PLANNED:
        return UnsupportedError(PLANNED[node.function], span=span)
    names = (*CALLABLE, "max_weight", "sum_weight")
    return UnknownFunctionError(
        f"no function named '{node.function}'", span=span, candidates=near_names(node.function, names)
    )


def _converted(binder: ExpressionBinder, function: Function, args: list[Expression]) -> list[Expression]:
    for parameter, x in zip(function.parameters, args, strict=False):
        _check_accepts(binder, function, parameter, x)
    match function.conversion:
        case "none":
            return args
        case "bool":
            return [coercion.to_bool(x) for x in args]
        case "count":
            return [cast(x, "int64") if x.type.element == "bool" else x for x in args]
        case "float":
            return [cast(x, "float32" if x.type.element == "float32" else "float64") for x in args]
        case "similar":
            return list(coercion.to_similar(*args))
        case "bits":
            element = coercion.promote([x.type.element for x in args])
            return [cast(x, "int64" if element.startswith("float") else element) for x in args]
        case _:
            raise AssertionError(function.conversion)


def _check_accepts(binder: ExpressionBinder, function: Function, parameter: Parameter, x: Expression) -> None:
    accepts = parameter.accepts
    if accepts == "value" and function.kernel == "shape":
        return
    coercion.check_usable(x)
    typed = coercion.snippet(x, binder.text)
    if accepts in ("number", "numeric array", "condition") and not x.type.is_numeric:
        wanted = "conditions" if accepts == "condition" else "numbers"
        hint = "compare it with something first, for example = 'cat'" if accepts == "condition" else None
        raise QueryTypeError(
            f"{function.name} needs {wanted}, not {coercion.describe(x.type)}: {typed}",
            span=x.span,
            hint=hint,
        )
    if accepts == "numeric array" and x.type.is_scalar:
        raise QueryTypeError(
            f"{function.name} needs an array, not a single {coercion.describe(x.type)}: {typed}", span=x.span
        )


def _axis(binder: ExpressionBinder, node: ast.Expr, type_: Type, function: str) -> int:
    constant = binder.constant(node, "an axis")
    if not constant.type.is_integer or not constant.type.is_scalar:
        raise QueryTypeError("an axis must be an integer", span=node.span)
    axis = int(constant.value)  # type: ignore[arg-type]
    if type_.rank is not None and not -type_.rank <= axis < type_.rank:
        raise ShapeError(
            f"{function} has no axis {axis} here: {coercion.describe(type_)} has {type_.rank or 'no'} "
            f"{'axis' if type_.rank == 1 else 'axes'}",
            span=node.span,
        )
    return axis


def _contains(x: Expression, y: Expression, node: ast.Call, query: str) -> Expression:
    """CONTAINS (language reference, section 7): a substring, or an element of an array."""
    coercion.check_usable(x)
    coercion.check_usable(y)
    if x.type.class_names is not None and isinstance(y, Constant) and coercion.is_text(y):
        y = coercion.label_constant(x, y, query)
    y = coercion.to_scalar(y, "the second argument of contains", query)
    if coercion.is_text(x) and coercion.is_text(y):
        return call("contains_text" if x.type.is_scalar else "contains", x, y, span=node.span)
    elements = coercion.comparison_elements(x.type.element, y.type.element)
    if elements is None:
        raise QueryTypeError(
            f"contains cannot look for {coercion.describe(y.type)} in {coercion.describe(x.type)}: "
            f"{coercion.snippet(y, query)}",
            span=y.span,
            hint=_contains_hint(x, y, query),
        )
    x, y = cast(x, elements[0]), cast(y, elements[1])
    if x.type.is_scalar or elements[0] != elements[1]:
        return call("any", call("equal", x, y, span=node.span), span=node.span)
    return call("contains", x, y, span=node.span)


def _contains_hint(x: Expression, y: Expression, query: str) -> str | None:
    if coercion.is_text(y):
        return f"{coercion.snippet(x, query)} has no class names"
    if isinstance(y, Constant):
        return f"a text is written in single quotes: '{coercion.snippet(y, query)}'"
    return None
