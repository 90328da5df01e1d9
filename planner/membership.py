"""Binding of IN (language reference, section 6): one set of constants in the element kind of x."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tql import ast
from tql.errors import TQLError
from tql.planner import coercion, json_values
from tql.planner.expressions import Constant, Expression, Value, call
from tql.planner.scope import Failed
from tql.planner.values import leaves, narrow
from tql.types import Type

if TYPE_CHECKING:
    from tql.planner.expression_binder import ExpressionBinder


def bind_in_list(binder: ExpressionBinder, node: ast.InList) -> Expression:
    """`x [NOT] IN (a, b, ...)`; every item that cannot be bound is recorded.

    Raises:
        Failed: if there is such an item.
    """
    (x,) = binder.elementwise(node, node.operand)
    coercion.check_usable(x)
    items = _Items(binder, x)
    failed = False
    for item in node.items:
        try:
            items.add(binder.constant(item, "an item of IN", text=True))
        except TQLError as error:
            binder.errors.append(error)
            failed = True
        except Failed:
            failed = True
    if failed:
        raise Failed
    result = items.test(node)
    return call("not", result, span=node.span) if node.negated else result


class _Items:
    """The items of one list, brought into the element kind of x one by one: lists may be long."""

    def __init__(self, binder: ExpressionBinder, x: Expression) -> None:
        self._binder = binder
        self._x = x
        self._values: list[Value] = []
        self._tests: list[Expression] = []
        self._checked: set[Type] = set()
        names = x.type.class_names
        self._positions = None if names is None else {name: index for index, name in enumerate(names)}

    def add(self, item: Constant) -> None:
        """Add the values of x's own kind that equal the item; int64 beside a huge float stays a test.

        Raises:
            QueryTypeError: for a kind that does not compare with x.
            QueryValueError: for an unknown class name.
        """
        if json_values.is_json(self._x):
            self._values.append(item.value)
            return
        if self._positions is not None and coercion.is_text(item):
            item = coercion.label_constant(self._x, item, self._binder.text, self._positions)
        if item.type not in self._checked:
            coercion.compare("equal", self._x, item, item.span, self._binder.text)
            self._checked.add(item.type)
        for value in leaves(item.value):
            self._add_value(value, item)

    def _add_value(self, value: bool | int | float | str, item: Constant) -> None:
        if isinstance(value, str):
            self._values.append(value)
            return
        narrowed = narrow("equal", value, self._x.type.element)
        if narrowed is None:
            single = Constant(Type(item.type.element), value, span=item.span)
            self._tests.append(coercion.compare("equal", self._x, single, item.span, self._binder.text))
        elif not isinstance(narrowed, bool) and narrowed[1] == narrowed[1]:
            self._values.append(narrowed[1])

    def test(self, node: ast.InList) -> Expression:
        """Whether x equals one of what was added."""
        if json_values.is_json(self._x):
            return json_values.in_list(self._x, self._values, node.span)
        result: Expression = call("in_set", self._x, span=node.span, options={"values": tuple(self._values)})
        for test in self._tests:
            result = call("or", result, test, span=node.span)
        return result
