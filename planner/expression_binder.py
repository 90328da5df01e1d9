"""From AST expressions to bound expressions: names, types, conversions. Clauses are in binder.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

from tql import ast
from tql.catalogue import BY_NAME
from tql.errors import (
    ParameterError,
    QueryTypeError,
    QueryValueError,
    ShapeError,
    TQLError,
)
from tql.planner import coercion, json_values, nested_values
from tql.planner.calls import bind_call
from tql.planner.expressions import Call as BoundCall
from tql.planner.expressions import Column, Constant, Expression, Value, call, cast, transform
from tql.planner.membership import bind_in_list
from tql.planner.scope import Failed, Scope
from tql.planner.subscripts import bind_subscript
from tql.planner.values import fold, leaves, nested, shape_of, type_of_value
from tql.schema import Field
from tql.types import BOOL, FLOAT64, INT64, TEXT, UINT64

_KERNELS = {name: function.kernel for name, function in BY_NAME.items()}
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")

P = ParamSpec("P")
T = TypeVar("T")


class ExpressionBinder:
    """Binds expressions of one query and collects its mistakes.

    Attributes:
        text: the query.
        errors: what was found so far; binding goes on behind a mistake as far as it makes sense.
    """

    def __init__(self, text: str, params: Sequence[Any]) -> None:
        self.text = text
        self.errors: list[TQLError] = []
        self._params = params
        self._params_seen = 0
        self._scope = Scope({})
        self._spread = False

    # --- entry points ---------------------------------------------------------------------------------------

    def attempt(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """The result, or None with the error recorded."""
        try:
            return function(*args, **kwargs)
        except TQLError as error:
            self.errors.append(error)
        except Failed:
            pass
        return None

    def bind(self, node: ast.Expr, scope: Scope) -> Expression:
        """Bind one expression where `scope` can be seen.

        Raises:
            TQLError: the mistake, not recorded yet; Failed: it has been.
        """
        before, self._scope, self._spread = (self._scope, self._spread), scope, False
        try:
            return self.expr(node)
        finally:
            self._scope, self._spread = before

    def condition(self, node: ast.Expr, scope: Scope, place: str) -> Expression:
        """A bound expression that gives one truth per row."""
        return coercion.truth(self.bind(node, scope), place, self.text)

    def constant(self, node: ast.Expr, what: str, *, text: bool = False) -> Constant:
        """The value of an expression that reads no row; `text` says that it may be a text.

        Raises:
            QueryTypeError: if it does.
        """
        if isinstance(node, ast.Literal):
            return self._literal(node)
        names = names_in(node)
        bound = None if names else transform(self.expr(node), _folded)
        if isinstance(bound, Constant):
            return bound
        hint = None
        if text and names and names[0] is node and names[0].name not in self._scope.columns:
            hint = f"a text is written in single quotes: '{names[0].name}'"
        raise QueryTypeError(f"{what} must be a constant: {self.typed(node)}", span=node.span, hint=hint)

    def typed(self, node: ast.Expr) -> str:
        """What was typed for a node, shortened."""
        return coercion.snippet_of(node.span, self.text)

    def check_parameters(self) -> None:
        """Record an error unless as many values were given as there are parameters."""
        given, wanted = len(self._params), self._params_seen
        if given != wanted:
            raise ParameterError(
                f"the query has {_count(wanted, 'parameter')}, but {_count(given, 'value')} "
                f"{'was' if given == 1 else 'were'} given"
            )

    # --- expressions ----------------------------------------------------------------------------------------

    def expr(self, node: ast.Expr) -> Expression:
        return _BINDERS[type(node)](self, node)

    def operands(self, *nodes: ast.Expr, spread: bool = False) -> list[Expression]:
        """All of them bound; if some cannot be, every mistake is recorded and Failed is raised.

        `spread` is the array mode: documents count as the lists of their elements, nested columns as all
        their elements.
        """
        before, self._spread = self._spread, spread
        try:
            return self._operands(nodes)
        finally:
            self._spread = before

    def elementwise(self, whole: ast.Expr, *nodes: ast.Expr, spread: bool | None = None) -> list[Expression]:
        """The operands of an element-wise operator, in the mode of its place or as `spread` says.

        Raises:
            Failed: as `operands`.
            UnsupportedError: for a nested column outside of array mode.
        """
        spread = self._spread if spread is None else spread
        bound = self.operands(*nodes, spread=spread)
        for x in bound:
            if x.type.nested and not spread:
                raise nested_values.refuse(x, whole.span, self.text)
        return [_spread(x) for x in bound] if spread else bound

    @property
    def columns(self) -> Mapping[str, Expression]:
        """What the names stand for at the place that is bound right now."""
        return self._scope.columns

    def field_of(self, x: Expression) -> Field | None:
        """What is known of the storage of a source column."""
        return self._scope.field_of(x)

    def _operands(self, nodes: Sequence[ast.Expr]) -> list[Expression]:
        bound: list[Expression] = []
        failed = False
        for node in nodes:
            try:
                bound.append(self.expr(node))
            except TQLError as error:
                self.errors.append(error)
                failed = True
            except Failed:
                failed = True
        if failed:
            raise Failed
        return bound

    def _literal(self, node: ast.Literal) -> Constant:
        value = node.value
        if isinstance(value, bool):
            return Constant(BOOL, value, span=node.span)
        if isinstance(value, int):
            return Constant(INT64 if value < 2**63 else UINT64, value, span=node.span)
        return Constant(FLOAT64 if isinstance(value, float) else TEXT, value, span=node.span)

    def _parameter(self, node: ast.Parameter) -> Expression:
        self._params_seen = max(self._params_seen, node.index + 1)
        if node.index >= len(self._params):
            raise Failed  # check_parameters says it once for all
        value = _parameter_value(self._params[node.index], node)
        type_ = type_of_value(value)
        if type_ is None:
            raise ParameterError(
                f"parameter {node.index + 1} is no number, bool, text or rectangular list of one kind",
                span=node.span,
            )
        return Constant(type_, value, span=node.span)

    def _array(self, node: ast.ArrayLiteral) -> Expression:
        items = [self.constant(item, "an item of ARRAY") for item in node.items]
        value = nested([item.value for item in items])
        if shape_of(value) is None:
            raise ShapeError("the rows of an ARRAY must be of one length", span=node.span)
        type_ = type_of_value(value)
        if type_ is None:
            if all(isinstance(item, int) and not isinstance(item, bool) for item in leaves(value)):
                raise QueryValueError(
                    "no integer type holds all items of this ARRAY",
                    span=node.span,
                    hint="an item above 9223372036854775807 cannot stand beside a negative one; "
                    "with one float among them all are float64",
                )
            raise QueryTypeError(
                "the items of an ARRAY must be all numbers, all bools or all texts", span=node.span
            )
        if type_.element == "float64":
            value = _as_floats(value)
        return Constant(type_, value, span=node.span)

    def _name(self, node: ast.Name) -> Expression:
        return self._scope.resolve(node)

    def _unary(self, node: ast.Unary) -> Expression:
        if node.operator == "not":
            (x,) = self.elementwise(node, node.operand)
            return call("not", self.truth_elements(x, "NOT"), span=node.span)
        literal = node.operand
        if isinstance(literal, ast.Literal) and isinstance(literal.value, int | float):
            return _negated_literal(literal.value, node)
        (x,) = self.elementwise(node, node.operand)
        x = self.require_number(x, "-")
        element = x.type.element
        if element == "uint64":
            return call(
                "subtract", Constant(FLOAT64, 0.0, span=node.span), cast(x, "float64"), span=node.span
            )
        if element == "bool" or element.startswith("uint"):
            x = cast(x, "int64")
        return call("negate", x, span=node.span)

    def _binary(self, node: ast.Binary) -> Expression:
        left, right = self.elementwise(node, node.left, node.right)
        operator = node.operator
        kernel = _KERNELS[operator]
        if operator in _COMPARISONS:
            return coercion.compare(kernel, left, right, node.span, self.text)
        if operator in ("and", "or"):
            name = operator.upper()
            return call(
                kernel, self.truth_elements(left, name), self.truth_elements(right, name), span=node.span
            )
        left, right = self.require_number(left, operator), self.require_number(right, operator)
        element = coercion.promote([left.type.element, right.type.element])
        if operator == "/":
            element = coercion.to_float(element)
        return call(kernel, cast(left, element), cast(right, element), span=node.span)

    def _between(self, node: ast.Between) -> Expression:
        x, low, high = self.elementwise(node, node.operand, node.low, node.high)
        above = coercion.compare("greater_equal", x, low, node.span, self.text)
        below = coercion.compare("less_equal", x, high, node.span, self.text)
        both = call("and", above, below, span=node.span)
        return call("not", both, span=node.span) if node.negated else both

    def _in_list(self, node: ast.InList) -> Expression:
        return bind_in_list(self, node)

    def _like(self, node: ast.Like) -> Expression:
        name = "ILIKE" if node.ignore_case else "LIKE"
        (x,) = self.elementwise(node, node.operand)
        x = json_values.text(x)
        if not coercion.is_text(x):
            hint = (
                "compare class labels with =, or list them: IN ('cat', 'dog')" if x.type.class_names else None
            )
            raise QueryTypeError(
                f"{name} needs text, not {coercion.describe(x.type)}: {coercion.snippet(x, self.text)}",
                span=x.span,
                hint=hint,
            )
        names = names_in(node.pattern)
        if names and names[0].name in self._scope.columns:
            typed = self.typed(node.pattern)
            raise QueryTypeError(
                f"the pattern of {name} must be a constant: {typed}",
                span=node.pattern.span,
                hint=f"a text of the same row: contains({coercion.snippet(x, self.text)}, {typed})",
            )
        pattern = self.constant(node.pattern, f"the pattern of {name}", text=True)
        if not isinstance(pattern.value, str):
            raise QueryTypeError(f"the pattern of {name} must be a text", span=pattern.span)
        options = {"pattern": pattern.value, "ignore_case": node.ignore_case}
        result = call("like", x, span=node.span, options=options)
        return call("not", result, span=node.span) if node.negated else result

    def _is_null(self, node: ast.IsNull) -> Expression:
        (x,) = self.operands(node.operand)
        if isinstance(x, Column) and x.type.nested:
            x = nested_values.shape(x)
        result = call("is_null", x, span=node.span)
        return call("not", result, span=node.span) if node.negated else result

    def _subscript(self, node: ast.Subscript) -> Expression:
        return bind_subscript(self, node)

    def _call(self, node: ast.Call) -> Expression:
        return bind_call(self, node)

    def _count_star(self, node: ast.CountStar) -> Expression:
        if self._scope.group_size is not None:
            return replace(self._scope.group_size, span=node.span)
        raise QueryTypeError(
            "count(*) counts the rows of a group and needs GROUP BY",
            span=node.span,
            hint="the number of rows of an answer is its len()",
        )

    def _weight_cases(self, node: ast.WeightCases) -> Expression:
        conditions: list[Expression] = []
        weights: list[float] = []
        failed = False
        for case in node.cases:
            condition = self.attempt(self.condition, case.condition, self._scope, node.function)
            weight = self.attempt(self._weight, case.weight)
            if condition is None or weight is None:
                failed = True
            else:
                conditions.append(condition)
                weights.append(weight)
        if failed:
            raise Failed
        return call(node.function, *conditions, span=node.span, options={"weights": tuple(weights)})

    def _weight(self, node: ast.Expr) -> float:
        constant = self.constant(node, "a weight")
        if not constant.type.is_numeric or not constant.type.is_scalar:
            raise QueryTypeError("a weight must be a number", span=node.span)
        weight = float(constant.value)  # type: ignore[arg-type]
        if weight == float("inf"):
            raise QueryValueError("a weight must be finite", span=node.span)
        return weight

    # --- checks that several binders share ------------------------------------------------------------------

    def require_number(self, x: Expression, operator: str) -> Expression:
        """The operand of an arithmetic operator; raises QueryTypeError unless it may be a number or bool."""
        coercion.check_usable(x)
        x = json_values.number(x)
        if not x.type.is_numeric:
            typed = coercion.snippet(x, self.text)
            raise QueryTypeError(
                f"'{operator}' needs numbers, not {coercion.describe(x.type)}: {typed}", span=x.span
            )
        return x

    def truth_elements(self, x: Expression, name: str) -> Expression:
        """The elements by truth, for AND, OR, NOT, ANY, ALL."""
        coercion.check_usable(x)
        if not x.type.is_numeric and not json_values.is_json(x):
            raise QueryTypeError(
                f"{name} needs conditions, not {coercion.describe(x.type)}: {coercion.snippet(x, self.text)}",
                span=x.span,
                hint="compare it with something, for example = 'cat'",
            )
        return coercion.to_bool(x)


_BINDERS: dict[type[ast.Node], Callable[[ExpressionBinder, Any], Expression]] = {
    ast.Literal: ExpressionBinder._literal,
    ast.Parameter: ExpressionBinder._parameter,
    ast.ArrayLiteral: ExpressionBinder._array,
    ast.Name: ExpressionBinder._name,
    ast.Unary: ExpressionBinder._unary,
    ast.Binary: ExpressionBinder._binary,
    ast.Between: ExpressionBinder._between,
    ast.InList: ExpressionBinder._in_list,
    ast.Like: ExpressionBinder._like,
    ast.IsNull: ExpressionBinder._is_null,
    ast.Subscript: ExpressionBinder._subscript,
    ast.Call: ExpressionBinder._call,
    ast.CountStar: ExpressionBinder._count_star,
    ast.WeightCases: ExpressionBinder._weight_cases,
}


def _negated_literal(value: bool | int | float, node: ast.Unary) -> Constant:
    if isinstance(value, int) and -value >= -(2**63):
        return Constant(INT64, -int(value), span=node.span)
    return Constant(FLOAT64, -float(value), span=node.span)


def _spread(x: Expression) -> Expression:
    """An operand as its elements."""
    return nested_values.flat(x) if isinstance(x, Column) and x.type.nested else json_values.elements(x)


def _folded(expression: Expression) -> Expression:
    if isinstance(expression, BoundCall):
        folded = fold(expression)
        if folded is not None:
            return folded
    return expression


def names_in(node: Any) -> list[ast.Name]:
    """Column names in an expression."""
    if isinstance(node, ast.Name):
        return [node]
    if isinstance(node, ast.Node):
        fields = [getattr(node, name) for name in node.__dataclass_fields__ if name != "span"]
        return [name for field in fields for name in names_in(field)]
    if isinstance(node, tuple):
        return [name for item in node for name in names_in(item)]
    return []


def _parameter_value(value: Any, node: ast.Parameter) -> Value:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        value = nested([_parameter_value(item, node) for item in value])
        return _as_floats(value) if any(isinstance(leaf, float) for leaf in leaves(value)) else value
    if not isinstance(value, bool | int | float | str):
        number, kind = node.index + 1, type(value).__name__
        raise ParameterError(
            f"parameter {number} must be a number, bool, text or list of these, not {kind}", span=node.span
        )
    return value


def _as_floats(value: Value) -> Value:
    """Integers beside floats become floats, so that an array has one kind."""
    if isinstance(value, tuple):
        return tuple(_as_floats(item) for item in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
