"""Binding of function calls: arity, argument kinds and conversions as the catalogue declares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tql import ast, registered
from tql.catalogue import CALLABLE, Function, Parameter
from tql.errors import (
    ArityError,
    QueryTypeError,
    ShapeError,
    TQLError,
    UnknownFunctionError,
    UnsupportedError,
)
from tql.planner import coercion, json_values, nested_values
from tql.planner.contains import bind_contains
from tql.planner.expressions import Cell, Column, Expression, call, cast
from tql.planner.suggest import near_names
from tql.types import Type

if TYPE_CHECKING:
    from tql.planner.expression_binder import ExpressionBinder


def bind_call(binder: ExpressionBinder, node: ast.Call) -> Expression:
    """A call of a function of the catalogue, or of one that the host registered.

    Raises:
        UnknownFunctionError, UnsupportedError, ArityError, QueryTypeError, ShapeError: see the message.
    """
    function = CALLABLE.get(node.function)
    if function is None:
        return _registered(binder, node)
    check_arity(function, node)
    special = _SPECIAL.get(node.function)
    return special(binder, node) if special is not None else _ordinary(binder, function, node)


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


def _ordinary(binder: ExpressionBinder, function: Function, node: ast.Call) -> Expression:
    values: list[ast.Expr] = []
    axis: ast.Expr | None = None
    for parameter, arg in zip(function.parameters, node.args, strict=False):
        if parameter.accepts == "axis":
            axis = arg
        else:
            values.append(arg)
    args = binder.elementwise(node, *values, spread=True if function.spreads else None)
    nested = _nested_below(binder, function, node, args, axis) if function.spreads else None
    args = _converted(binder, function, args)
    options = {} if axis is None else {"axis": _axis(binder, axis, args[0].type, node.function)}
    result = call(function.kernel, *args, span=node.span, options=options)
    if nested is not None and function.kernel in ("all", "all_strict"):
        return nested_values.no_entry_is_null(nested, result, args[0].span, binder.text)
    return result


def _nested_below(
    binder: ExpressionBinder,
    function: Function,
    node: ast.Call,
    args: list[Expression],
    axis: ast.Expr | None,
) -> Column | None:
    """The nested column whose elements the function looks at; refused where it needs more than these."""
    for x in args:
        column = nested_values.check_flat(x, binder.columns, binder.text)
        if column is not None:
            in_rows = axis is not None and column.type.rank != 1
            if in_rows or len(args) > 1 or function.kernel == "nonzero":
                raise nested_values.refuse(column, column.span if in_rows else node.span, binder.text)
            return column
    return None


# --- functions with rules of their own ----------------------------------------------------------------------


def _equals(binder: ExpressionBinder, node: ast.Call) -> Expression:
    left, right = binder.elementwise(node, *node.args)
    return coercion.compare("equal", left, right, node.span, binder.text)


def _shape(binder: ExpressionBinder, node: ast.Call) -> Expression:
    (x,) = binder.operands(*node.args)
    if isinstance(x, Column) and x.type.nested:
        return nested_values.shape(x)
    return call("json_shape" if _is_document(x) else "shape", x, span=node.span)


def _is_document(x: Expression) -> bool:
    return json_values.is_json(x) and x.type.is_scalar


def _count(binder: ExpressionBinder, node: ast.Call) -> Expression:
    (x,) = binder.operands(*node.args, spread=True)
    if isinstance(x, Column) and x.type.nested and x.type.rank == 1:
        return nested_values.length(x)
    if isinstance(x, Column) and x.type.nested == 1:
        return call("count", nested_values.flat(x), span=node.span)
    coercion.check_usable(x)
    if nested_values.check_flat(x, binder.columns, binder.text) is not None:
        raise nested_values.refuse(x, node.span, binder.text)
    return call("count", json_values.elements(x), span=node.span)


def _keys(binder: ExpressionBinder, node: ast.Call) -> Expression:
    (x,) = binder.operands(*node.args)
    if not _is_document(x):
        raise QueryTypeError(
            f"keys needs a JSON object, not {coercion.describe(x.type)}: {coercion.snippet(x, binder.text)}",
            span=x.span,
            hint="take one document of the list first" if json_values.is_json(x) else None,
        )
    return call("json_keys", x, span=node.span)


def _data(binder: ExpressionBinder, node: ast.Call) -> Expression:
    (x,) = binder.operands(node.args[0])
    row = binder.constant(node.args[1], "the row of data")
    typed = coercion.snippet(x, binder.text)
    if not isinstance(x, Column) or x.facet != "values":
        raise QueryTypeError(
            f"data reads a column of the dataset, not a computed value: {typed}",
            span=x.span,
            hint="compute with the cell instead, for example data(column, 0) + 1",
        )
    if x.type.nested:
        raise nested_values.refuse(x, node.span, binder.text)
    if not row.type.is_integer or not isinstance(row.value, int):
        raise QueryTypeError(
            f"the row of data must be an integer: {binder.typed(node.args[1])}", span=node.args[1].span
        )
    if not -(2**63) <= row.value < 2**63:
        raise QueryTypeError(f"no dataset has a row {row.value}", span=node.args[1].span)
    return Cell(x.type, x.name, row.value, span=node.span)


def _bm25(binder: ExpressionBinder, node: ast.Call) -> Expression:
    raise UnsupportedError(
        "bm25_similarity ranks all rows at once and stands alone in ORDER BY",
        span=node.span,
        hint=f"write order by {binder.typed(node)} desc limit 10",
    )


_SPECIAL: dict[str, Callable[[ExpressionBinder, ast.Call], Expression]] = {
    "equals": _equals,
    "contains": bind_contains,
    "shape": _shape,
    "count": _count,
    "keys": _keys,
    "data": _data,
    "bm25_similarity": _bm25,
}


def _registered(binder: ExpressionBinder, node: ast.Call) -> Expression:
    """A call of a function of the host: any arguments, its declared type."""
    function = registered.find(node.function)
    if function is None:
        raise _unknown(node)
    args = binder.operands(*node.args)
    for x in args:
        if x.type.nested:
            raise nested_values.refuse(x, node.span, binder.text)
    options = {"function": _key(function.name, args), "type": function.returns}
    return call("registered", *args, span=node.span, options=options)


def _key(name: str, args: list[Expression]) -> str:
    """What the plan calls the function; to the engine documents are texts, so the key tells them apart."""
    if not any(json_values.is_json(x) for x in args):
        return name
    return f"{name}({','.join('json' if json_values.is_json(x) else 'value' for x in args)})"


_ELSEWHERE = {
    **dict.fromkeys(
        ("length", "len", "size", "cardinality", "array_length"), "write shape(x)[0], or count(x)"
    ),
    **dict.fromkeys(("lower", "upper", "lcase", "ucase"), "write x ilike 'pattern' to ignore case"),
    **dict.fromkeys(("substr", "substring", "left", "right", "starts_with"), "write x like 'beginning*'"),
    **dict.fromkeys(("regexp_like", "regexp_matches", "rlike"), "write x like '*pattern*'"),
    **dict.fromkeys(("ifnull", "nvl", "coalesce"), "write x is null or x = value"),
    **dict.fromkeys(("pow", "power", "square"), "write x * x"),
    **dict.fromkeys(("array_contains", "list_contains", "has"), "write contains(x, value)"),
    **dict.fromkeys(("json_extract", "get_json_object"), "write column['key']"),
    "rand": "write random()",
    "rownum": "write row_number()",
    "norm": "write l2_norm(x)",
    "cosine_distance": "write cosine_similarity(a, b): 1 is nearest",
    "l2_distance": "write l2_norm(a - b)",
}
"""Functions of other languages, and what to write here."""


def _unknown(node: ast.Call) -> TQLError:
    names = (*CALLABLE, *registered.names())
    near = near_names(node.function, names)
    hint = _ELSEWHERE.get(node.function)
    if hint is not None:
        near = ()
    elif not near:
        hint = "`tql functions` lists them; a Python function joins with tql.register_function"
    return UnknownFunctionError(
        f"no function named '{node.function}'", span=node.name_span, candidates=near, hint=hint
    )


# --- conversions --------------------------------------------------------------------------------------------


def _converted(binder: ExpressionBinder, function: Function, args: list[Expression]) -> list[Expression]:
    accepted = [
        _accepted(binder, function, parameter, x)
        for parameter, x in zip(function.parameters, args, strict=False)
    ]
    match function.conversion:
        case "none":
            return accepted
        case "bool":
            return [coercion.to_bool(x) for x in accepted]
        case "count":
            return [cast(x, "int64") if x.type.element == "bool" else x for x in accepted]
        case "float":
            return [cast(x, "float32" if x.type.element == "float32" else "float64") for x in accepted]
        case "similar":
            return list(coercion.to_similar(*accepted))
        case "similar floats":
            left, right = coercion.to_similar(*accepted)
            element = coercion.to_float(left.type.element)
            return [cast(left, element), cast(right, element)]
        case "bits":
            element = coercion.promote([x.type.element for x in accepted])
            return [cast(x, "int64" if element.startswith("float") else element) for x in accepted]
        case _:
            raise AssertionError(function.conversion)


def _accepted(
    binder: ExpressionBinder, function: Function, parameter: Parameter, x: Expression
) -> Expression:
    """The argument where the parameter takes it; a document as the numbers that it holds."""
    accepts = parameter.accepts
    coercion.check_usable(x)
    if accepts == "condition" and json_values.is_json(x):
        return x
    x = json_values.number(x)
    typed = coercion.snippet(x, binder.text)
    described = coercion.describe(x.type)
    if accepts in ("number", "numeric array", "matrix", "condition") and not x.type.is_numeric:
        wanted = "conditions" if accepts == "condition" else "numbers"
        hint = "compare it with something first, for example = 'cat'" if accepts == "condition" else None
        raise QueryTypeError(
            f"{function.name} needs {wanted}, not {described}: {typed}", span=x.span, hint=hint
        )
    if accepts == "numeric array" and x.type.is_scalar:
        raise QueryTypeError(
            f"{function.name} needs an array, not a single {described}: {typed}", span=x.span
        )
    if accepts == "matrix" and x.type.rank not in (2, None):
        raise ShapeError(
            f"{function.name} needs arrays of two axes, one row per vector, not {described}: {typed}",
            span=x.span,
        )
    return x


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
