"""Bound expressions: names and types resolved, every conversion explicit. Frozen, comparable, shareable.

An expression is a column of the source, a column that a `Project` below computed, a constant, or a call of a
kernel. Spans do not count in comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any, Literal

from tql.catalogue import BY_KERNEL, Function
from tql.quick import quick
from tql.span import NOWHERE, Span
from tql.types import Type

Facet = Literal["values", "shape", "flat"]

KEY_OF = ("key_of",)
"""The item of a JSON path whose key is computed; other items are a key, None for an index, a slice's form."""

Value = bool | int | float | str | tuple["Value", ...]
"""A constant: nested tuples for arrays."""


@dataclass(frozen=True)
class Expression:
    """Base of every bound expression.

    Attributes:
        type: of one row.
        span: the text it came from.
    """

    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)

    @property
    def args(self) -> tuple[Expression, ...]:
        return ()


@quick
@dataclass(frozen=True)
class Column(Expression):
    """A column of the source, or the shapes of its rows, which need no values to be read.

    Facet "flat" is all elements of all entries of a nested column in one list; NULL entries are left out.
    """

    name: str
    facet: Facet = "values"

    def at(self, span: Span) -> Column:
        """The column as another place of the query names it."""
        return Column(self.type, self.name, self.facet, span=span)


@dataclass(frozen=True)
class Cell(Expression):
    """The value of a column in one row of the source, negative ones from the end: the same for every row."""

    name: str
    row: int


@quick
@dataclass(frozen=True)
class Computed(Expression):
    """A column that a `Project` node below computed."""

    id: str

    def at(self, span: Span) -> Computed:
        """The column as another place of the query names it."""
        return Computed(self.type, self.id, span=span)


@quick
@dataclass(frozen=True, slots=True, eq=False)
class Constant(Expression):
    """The same value for every row. This is about plans: NaN equals itself, and 0.0 differs from -0.0."""

    value: Value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Constant):
            return NotImplemented
        return self.type == other.type and identity(self.value) == identity(other.value)

    def __hash__(self) -> int:
        return hash((self.type, identity(self.value)))


@quick
@dataclass(frozen=True)
class Call(Expression):
    """A kernel over arguments. `options` are the kernel's members in docs/plan-format.md, sorted."""

    kernel: str
    operands: tuple[Expression, ...]
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def args(self) -> tuple[Expression, ...]:
        return self.operands

    @property
    def known(self) -> set[Callable[[Expression], bool]]:
        """Tests that have been found to hold of this call and of everything below it."""
        found: set[Callable[[Expression], bool]] | None = self.__dict__.get("_known")
        if found is None:
            found = self.__dict__["_known"] = set()
        return found

    @property
    def function(self) -> Function:
        """The catalogue's entry of the kernel."""
        return BY_KERNEL[self.kernel]

    def __hash__(self) -> int:
        found: int | None = self.__dict__.get("_hash")
        if found is None:
            found = self.__dict__["_hash"] = hash((self.kernel, self.operands, self.options))
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Without the hash: in another process texts have another one."""
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}

    def option(self, name: str, default: Any = None) -> Any:
        for key, value in self.options:
            if key == name:
                return value
        return default


def identity(value: Any) -> Any:
    """A key under which two constants of one type are the same value, NaN and the sign of zero included."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value.hex()
    if isinstance(value, tuple):
        return tuple(identity(item) for item in value)
    return value


def call(
    kernel: str, *operands: Expression, span: Span = NOWHERE, options: Mapping[str, Any] | None = None
) -> Call:
    """A call whose result type is what the catalogue says of these arguments."""
    function = BY_KERNEL[kernel]
    types = [operand.type for operand in operands]
    result = function.result(types, options or {})
    if not result.nullable and function.nulls == "null":
        for type_ in types:
            if type_.nullable:
                result = result.or_null
                break
    return Call(result, kernel, operands, tuple(sorted(options.items())) if options else (), span=span)


def cast(x: Expression, element: str) -> Expression:
    """`x` with elements of another kind; `x` itself where it has them."""
    if x.type.element == element:
        return x
    return call("cast", x, span=x.span, options={"element": element})


def with_operands(expression: Expression, operands: tuple[Expression, ...]) -> Expression:
    """The same call over other operands; its type follows theirs."""
    assert isinstance(expression, Call)
    before = expression.operands
    if all(map(is_, before, operands)):
        return expression
    for a, b in zip(before, operands, strict=True):
        if a.type is not b.type and a.type != b.type:
            return call(expression.kernel, *operands, span=expression.span, options=dict(expression.options))
    return Call(expression.type, expression.kernel, operands, expression.options, span=expression.span)


def transform(expression: Expression, function: Callable[[Expression], Expression]) -> Expression:
    """Apply a function to every node, operands first. Returns the very same object where nothing changed."""
    if isinstance(expression, Call) and expression.operands:
        operands = tuple([transform(operand, function) for operand in expression.operands])
        expression = with_operands(expression, operands)
    return function(expression)


def substitute(expression: Expression, by: Mapping[str, Expression]) -> Expression:
    """The expression with computed columns replaced by what `by` gives for their ids."""

    def replaced(x: Expression) -> Expression:
        return by.get(x.id, x) if isinstance(x, Computed) else x

    return transform(expression, replaced)


def moved(expression: Expression, to: Mapping[str, Column | Computed]) -> Expression:
    """The expression over other columns, which `to` gives for the names of its columns."""

    def other(x: Expression) -> Expression:
        if not isinstance(x, Column):
            return x
        column = to[x.name]
        if x.facet == "values":
            return replace(column, span=x.span)
        if isinstance(column, Column):
            return replace(x, name=column.name)
        assert x.facet == "shape", x  # only columns of a source are nested
        return call("shape", column, span=x.span)

    return transform(expression, other)


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything below it."""
    todo = [expression]
    while todo:
        x = todo.pop()
        yield x
        todo += reversed(x.args)


def holds_throughout(expression: Expression, test: Callable[[Expression], bool]) -> bool:
    """Whether a test holds of the expression and of everything below it.

    A positive answer is remembered, so that to ask again of a larger expression around it is cheap.
    """
    todo = [expression]
    passed: list[Call] = []
    while todo:
        x = todo.pop()
        if isinstance(x, Call):
            if test in x.known:
                continue
            passed.append(x)
        if not test(x):
            return False
        todo += x.args
    for call_ in passed:
        call_.known.add(test)
    return True


def is_volatile(expression: Expression) -> bool:
    """Whether two evaluations may differ (random numbers)."""
    return not holds_throughout(expression, _is_deterministic)


def is_positional(expression: Expression) -> bool:
    """Whether the value depends on the row's place in its relation."""
    return not holds_throughout(expression, _is_free_of_place)


def is_pinned(expression: Expression) -> bool:
    """Whether the expression must be evaluated exactly where the query put it."""
    return not holds_throughout(expression, _is_movable)


def is_fallible(expression: Expression) -> bool:
    """Whether a value may end the query with a run-time error."""
    return not holds_throughout(expression, _is_infallible)


def may_fail(expression: Expression) -> bool:
    """As `is_fallible`, counting a row of several elements where one is needed."""
    return is_fallible(expression) or not holds_throughout(expression, _is_single_where_needed)


def _is_deterministic(x: Expression) -> bool:
    return not isinstance(x, Call) or x.function.deterministic


def _is_free_of_place(x: Expression) -> bool:
    return not isinstance(x, Call) or not x.function.positional


def _is_movable(x: Expression) -> bool:
    return not isinstance(x, Cell) and _is_deterministic(x) and _is_free_of_place(x)


def _is_infallible(x: Expression) -> bool:
    if not isinstance(x, Call):
        return not isinstance(x, Cell)
    return not x.function.fallible or _is_safe(x)


def _is_single_where_needed(x: Expression) -> bool:
    if not isinstance(x, Call) or x.kernel not in ("truth", "scalar"):
        return True
    return x.operands[0].type.is_single


def _is_safe(x: Call) -> bool:
    """Whether a call of a kernel that may fail cannot: its divisor, or the step of its slices, is never 0."""
    match x.kernel:
        case "modulo":
            return x.type.is_float or _is_safe_divisor(x.operands[1])
        case "json_get":
            slices = [item for item in x.option("items") if isinstance(item, tuple) and item != KEY_OF]
            return not any(has_step for _, _, has_step in slices)
    return False


def _is_safe_divisor(x: Expression) -> bool:
    return isinstance(x, Constant) and not isinstance(x.value, tuple) and x.value != 0


def columns_of(expression: Expression) -> set[str]:
    """Names of the source columns it reads."""
    return {e.name for e in walk(expression) if isinstance(e, Column | Cell)}


def computed_of(expression: Expression) -> set[str]:
    """Ids of the computed columns it reads."""
    return {e.id for e in walk(expression) if isinstance(e, Computed)}


def constant(value: Value, type_: Type, span: Span = NOWHERE) -> Constant:
    return Constant(type_, value, span=span)
