"""The value of an expression in one row. Static mistakes were raised by `checking` before."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import functions, operators
from reference.checking import type_of
from reference.constants import constant, is_constant
from reference.json_values import elements
from reference.labels import with_indices
from reference.nested import each, flattened
from reference.patterns import like
from reference.scope import Row, Scope
from reference.signatures import axis_of, never_of_one_shape, reads_arrays, works_on_elements
from reference.subscripts import Item, make_slice, subscript
from reference.table import Json, Value, cell
from reference.values import FALSE, condition, plain, single, truth_of_elements
from tql import ast
from tql.errors import QueryRuntimeError, QueryTypeError


def value_of(expr: ast.Expr, row: Row, scope: Scope) -> Value:
    """What `expr` is in `row`."""
    match expr:
        case ast.Name():
            item = scope.computed_item(expr)
            if item is not None:
                return value_of(item, row, scope.without_computed())
            return _read(row.cells[scope.resolve(expr).key], scope)
        case _ if is_constant(expr):
            return constant(expr, scope.parameters)
        case ast.Unary("-", operand):
            return operators.negate(value_of(operand, row, scope))
        case ast.Unary("not", operand):
            return operators.negation(_truth_operand(operand, row, scope))
        case ast.Binary("and" | "or"):
            return _connective(expr, row, scope)
        case ast.Binary("+" | "-" | "*" | "/" | "%" as operator, left, right):
            return operators.arithmetic(operator, value_of(left, row, scope), value_of(right, row, scope))
        case ast.Binary(operator, left, right):
            return _compared(operator, left, right, row, scope)
        case ast.Between(operand, low, high, negated):
            first = _compared(">=", operand, low, row, scope)
            second = _compared("<=", operand, high, row, scope)
            if first is None or second is None:
                _note_null_array(expr, scope)
            return _negated_if(negated, operators.conjunction(first, second))
        case ast.InList(operand, items, negated):
            return _negated_if(negated, _in_list(operand, items, row, scope))
        case ast.Like(operand, pattern, ignore_case, negated):
            wanted = str(constant(pattern, scope.parameters).item())
            texts = value_of(operand, row, scope)
            return _negated_if(negated, each(lambda text: _like(text, wanted, ignore_case), texts))
        case ast.IsNull(operand, negated):
            return np.array((value_of(operand, row, scope.with_arrays(False)) is None) != negated)
        case ast.CountStar():
            return np.array(row.group_size, dtype=np.int64)
        case ast.Subscript():
            return _read(_subscripted(expr, row, scope.with_arrays(False)), scope)
        case ast.Call():
            return _called(expr, row, scope)
        case ast.WeightCases(function, cases):
            weights = [
                float(constant(case_.weight, scope.parameters))
                for case_ in cases
                if condition(value_of(case_.condition, row, scope.with_arrays(False)))
            ]
            return functions.weight_of_cases(function, weights)
    raise AssertionError(expr)


def _read(value: Value, scope: Scope) -> Value:
    return elements(value) if scope.arrays else value


def _truth_operand(expr: ast.Expr, row: Row, scope: Scope) -> Value:
    """An operand of AND, OR or NOT, for which NULL is FALSE."""
    value = value_of(expr, row, scope)
    if value is None:
        _note_null_array(expr, scope)
    return value


def _note_null_array(expr: ast.Expr, scope: Scope) -> None:
    if type_of(expr, scope).rank != 0:
        scope.unsaid.add("whether a NULL array counts as one FALSE or as many")


def _connective(expr: ast.Binary, row: Row, scope: Scope) -> Value:
    """AND, OR. An error in one operand where the other alone decides may surface or not (section 5)."""
    sides: list[Value] = []
    errors: list[QueryRuntimeError] = []
    for side in (expr.left, expr.right):
        try:
            sides.append(_truth_operand(side, row, scope))
        except QueryRuntimeError as error:
            errors.append(error)
    if errors:
        decided = [side for side in sides if _decides(expr.operator, side)]
        if not decided:
            raise errors[0]
        scope.tolerated.add(errors[0].category)
        return truth_of_elements(decided[0])
    join = operators.conjunction if expr.operator == "and" else operators.disjunction
    return join(*sides)


def _decides(operator: str, value: Value) -> bool:
    elements = truth_of_elements(value)
    return elements.size == 1 and bool(elements.reshape(())) == (operator == "or")


def _compared(operator: str, left: ast.Expr, right: ast.Expr, row: Row, scope: Scope) -> Value:
    left, right = with_indices(left, right, type_of(left, scope), type_of(right, scope), scope)
    return operators.compare(operator, value_of(left, row, scope), value_of(right, row, scope))


def _in_list(operand: ast.Expr, items: tuple[ast.Expr, ...], row: Row, scope: Scope) -> Value:
    value = _truth_operand(operand, row, scope)
    constants: list[Value] = []
    for item in items:
        _, replaced = with_indices(operand, item, type_of(operand, scope), type_of(item, scope), scope)
        flat = constant(replaced, scope.parameters).reshape(-1)  # a list given as a parameter is its items
        constants.extend(flat[i : i + 1].reshape(()) for i in range(len(flat)))
    return operators.is_in(value, constants)


def _like(operand: Value, pattern: str, ignore_case: bool) -> Value:
    texts = plain(operand)
    if texts is None or (isinstance(operand, Json) and not isinstance(operand.value, str)):
        return None
    result = np.zeros(texts.shape, dtype=np.bool_)
    for place in np.ndindex(texts.shape):
        result[place] = like(texts[place], pattern, ignore_case=ignore_case)
    return result


def _negated_if(negated: bool, value: Value) -> Value:
    return operators.negation(value) if negated else value


def _subscripted(expr: ast.Subscript, row: Row, scope: Scope) -> Value:
    items: list[Item] = []
    for item in expr.items:
        if not isinstance(item, ast.Slice):
            items.append(value_of(item, row, scope))
            continue
        bounds = (item.start, item.stop, item.step)
        values = [None if bound is None else value_of(bound, row, scope) for bound in bounds]
        given = (bounds[0] is not None, bounds[1] is not None, bounds[2] is not None)
        items.append(make_slice(values[0], values[1], values[2], given))
    return subscript(value_of(expr.operand, row, scope), items)


def _called(call: ast.Call, row: Row, scope: Scope) -> Value:
    args = call.args
    if call.function in scope.functions:
        return _host_call(call, row, scope.with_arrays(False))
    of_elements = scope.arrays and works_on_elements(call.function)
    scope = scope.with_arrays(of_elements or reads_arrays(call.function))
    match call.function:
        case "row_number":
            return np.array(row.number, dtype=np.int64)
        case "data":
            return _data(call, row, scope)
        case "equals":
            return _compared("=", args[0], args[1], row, scope)
        case "contains":
            args = with_indices(args[0], args[1], type_of(args[0], scope), type_of(args[1], scope), scope)
            x, y = value_of(args[0], row, scope), value_of(args[1], row, scope)
            by_words = isinstance(args[0], ast.Name) and scope.resolve(args[0]).index is not None
            return functions.contains(x, y, by_words=by_words)
        case "random":
            scope.unsaid.add("what RANDOM gives")
            return np.array(random.randrange(2**31), dtype=np.int32)
    x = value_of(args[0], row, scope)
    match call.function:
        case "any":
            return functions.any_of(x, axis_of(call, scope))
        case "all":
            return functions.all_of(x, axis_of(call, scope))
        case "all_strict":
            return functions.all_strict(x)
        case "shape":
            return functions.shape(x)
        case "count":
            return functions.count(x)
        case "keys":
            return functions.keys(x)
        case "abs":
            return functions.absolute(x)
        case "sqrt":
            return functions.square_root(x)
    x = flattened(x, type_of(args[0], scope).element)
    match call.function:
        case "sum" | "prod":
            return functions.sum_or_prod(call.function, x, axis_of(call, scope))
        case "avg" | "mean":
            return functions.average(x, axis_of(call, scope))
        case "amin" | "min":
            return functions.extreme("amin", x, axis_of(call, scope))
        case "amax" | "max":
            return functions.extreme("amax", x, axis_of(call, scope))
        case "nonzero":
            return functions.nonzero(x)
        case "l1_norm" | "l2_norm" | "linf_norm":
            return functions.norm(call.function, x)
    y = flattened(value_of(args[1], row, scope), type_of(args[1], scope).element)
    match call.function:
        case "logical_and" | "logical_or":
            if never_of_one_shape(type_of(args[0], scope), type_of(args[1], scope)):
                return FALSE  # also where one of them is NULL: a column has one rank
            return functions.logical(call.function, x, y)
        case "dot":
            return functions.dot(*_same_float(args, x, y))
        case "cosine_similarity":
            return functions.cosine_similarity(*_same_float(args, x, y))
        case "hamming_distance":
            return functions.hamming_distance(x, y)
        case "maxsim":
            return functions.maxsim(*_same_float(args, x, y))
    raise AssertionError(call.function)


def _same_float(args: tuple[ast.Expr, ...], x: Value, y: Value) -> tuple[Value, Value]:
    """Section 11: similarity functions convert a literal to the column's float type."""
    a, b = plain(x), plain(y)
    if a is None or b is None:
        return None, None
    if is_constant(args[0]) and b.dtype.kind == "f":
        return a.astype(b.dtype), b
    if is_constant(args[1]) and a.dtype.kind == "f":
        return a, b.astype(a.dtype)
    return a, b


def _data(call: ast.Call, row: Row, scope: Scope) -> Value:
    """DATA(column, n): the cell of row n of the whole dataset; negative n from the end."""
    assert isinstance(call.args[0], ast.Name)
    cells = scope.resolve(call.args[0]).dataset
    if cells is None:
        raise QueryTypeError("DATA needs a column of a dataset", span=call.args[0].span)
    number: NDArray[Any] | None = single(value_of(call.args[1], row, scope))
    if number is None:
        return None
    if not -len(cells) <= int(number) < len(cells):
        raise QueryRuntimeError(f"row {int(number)} of {len(cells)} rows", span=call.span)
    return cells[int(number)]


def _host_call(call: ast.Call, row: Row, scope: Scope) -> Value:
    """Section 17: a registered function gets one array per argument, text as a string."""
    function = scope.functions[call.function]
    args: list[Any] = []
    for arg in call.args:
        value = plain(value_of(arg, row, scope))
        args.append(value.tolist() if value is not None and value.dtype == object else value)
    return cell(function.call(*args), replace(function.type, nullable=True))
