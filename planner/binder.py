"""From AST statements to the logical plan: clauses in their order, scopes, select lists, set operations.

Every independent mistake of a query is found: the first in the text is raised, the others are its `related`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tql import ast
from tql.errors import (
    AliasRequiredError,
    DuplicateColumnError,
    InternalError,
    QueryTypeError,
    QueryValueError,
    TQLError,
    UnsupportedError,
)
from tql.planner import coercion
from tql.planner.expression_binder import ExpressionBinder, names_in
from tql.planner.expressions import Column, Computed, Constant, Expression, cast, is_volatile, substitute
from tql.planner.logical import (
    ComputedColumn,
    Distinct,
    Filter,
    Limit,
    Node,
    Output,
    OutputColumn,
    Project,
    Sample,
    Scan,
    Sort,
    SortKey,
    order_is_chosen,
)
from tql.planner.row_numbers import count_before_clauses
from tql.planner.scope import Failed, Scope
from tql.planner.set_operations import combine
from tql.schema import Schema
from tql.types import FLOAT64, Type

MAX_ROWS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Relation:
    """A bound operand: its plan and its visible columns in order."""

    node: Node
    columns: Mapping[str, Column | Computed]


@dataclass(frozen=True, slots=True)
class Item:
    """One bound select item."""

    name: str
    expression: Expression
    explicit: bool
    span_node: ast.Node


def bind(statement: ast.Statement, text: str, schema: Schema, params: Sequence[Any] = ()) -> Output:
    """Resolve names and types of a query.

    Args:
        statement: the parsed query.
        text: its text, for messages.
        schema: the columns that it runs on.
        params: values of `?`, left to right.

    Raises:
        TQLError: the first mistake, with all others in `related`.
    """
    binder = Binder(text, schema, params)
    relation = binder.attempt(binder.statement, statement)
    binder.raise_errors()
    if relation is None:
        raise InternalError("binding failed without an error", query=text)
    columns = tuple([OutputColumn(name, source) for name, source in relation.columns.items()])
    return Output(relation.node, columns, order_is_chosen(relation.node), span=statement.span)


def bind_weight(expr: ast.Expr, text: str, schema: Schema, params: Sequence[Any] = ()) -> Output:
    """A stand-alone weight expression: every row with one computed float64 column called "weight"."""
    binder = Binder(text, schema, params)
    weight = binder.attempt(binder.weight, expr, Scope.of_schema(schema))
    binder.raise_errors()
    assert weight is not None
    node = Project(Scan(), (ComputedColumn("weight", weight),), span=expr.span)
    return Output(
        node, (OutputColumn("weight", Computed(weight.type, "weight", span=expr.span)),), span=expr.span
    )


def raise_first(errors: Sequence[TQLError], text: str) -> None:
    """Raise the error that comes first in the text; the others go along, each message once."""
    distinct = {(type(error), error.message): error for error in reversed(errors)}
    ordered = sorted(distinct.values(), key=lambda e: e.span.start if e.span else len(text))
    for error in ordered:
        error.query = text
    if ordered:
        ordered[0].related = tuple(ordered[1:])
        raise ordered[0]


class Binder:
    """Binds the statements of one query."""

    def __init__(self, text: str, schema: Schema, params: Sequence[Any]) -> None:
        self.expressions = ExpressionBinder(text, params)
        self.attempt = self.expressions.attempt
        self.text = text
        self._schema = schema
        self._ids: set[str] = set()
        self._set_ids: list[dict[tuple[str, Type], str]] = []

    def raise_errors(self) -> None:
        """Raise what was found, if anything."""
        if not self.expressions.errors:
            self.attempt(self.expressions.check_parameters)
        raise_first(self.expressions.errors, self.text)

    # --- statements -----------------------------------------------------------------------------------------

    def statement(self, statement: ast.Statement) -> Relation:
        if isinstance(statement.body, ast.Select):
            return self._select(statement.body, statement)
        combined = self._operand(statement.body)
        scope = Scope(combined.columns)
        node = self._order(combined.node, statement.order_by, scope)
        node = self._limit(node, statement.limit)
        node = self._sample(node, statement.sample, scope)
        return Relation(count_before_clauses(node, combined.node, self._fresh_id), combined.columns)

    def _operand(self, operand: ast.Select | ast.SetOperation | ast.Statement) -> Relation:
        if isinstance(operand, ast.Statement):
            return self.statement(operand)
        if isinstance(operand, ast.Select):
            return self._select(operand, ast.Statement(operand, span=operand.span))
        nested = bool(self._set_ids)
        if not nested:
            self._set_ids.append({})
        left = self.attempt(self._operand, operand.left)
        right = self.attempt(self._operand, operand.right)
        if not nested:
            self._set_ids.pop()
        if left is None or right is None:
            raise Failed
        return Relation(
            *combine(operand, (left.node, left.columns), (right.node, right.columns), self._fresh_id)
        )

    def _select(self, select: ast.Select, tail: ast.Statement) -> Relation:
        """One SELECT and the ORDER BY, LIMIT and SAMPLE BY behind it, in their order of evaluation."""
        self._refuse_later_work(select)
        source, scope = self._source(select.source)
        items, broken = self._items(select.items, scope)
        made = frozenset(i.name for i in items if i.explicit and i.name not in scope.columns) | broken
        inner = Scope(scope.columns, scope.alias, hidden=made)

        node = source
        if select.where is not None:
            condition = self.attempt(self.expressions.condition, select.where, inner, "where")
            if condition is not None:
                node = Filter(node, (condition,), span=select.where.span)

        node, items = self._compute_random_early(node, items, select, tail)
        order_scope, substitutes = self._order_scope(scope, items, broken)
        node = self._order(node, tail.order_by, order_scope, substitutes)
        if select.distinct:
            node = Distinct(node, tuple([item.expression for item in items]), span=select.span)
        if select.top is not None:
            node = Limit(node, 0, min(select.top, MAX_ROWS), span=select.span)
        node = self._limit(node, tail.limit)
        node = self._sample(node, tail.sample, inner)
        return self._project(count_before_clauses(node, source, self._fresh_id), items, select)

    def _refuse_later_work(self, select: ast.Select) -> None:
        for clause, name in (
            (select.expand, "EXPAND BY"),
            (select.group_by, "GROUP BY"),
            (select.ungroup, "UNGROUP BY"),
        ):
            if clause is not None:
                raise UnsupportedError(f"{name} is not available yet", span=clause.span)

    def _source(self, source: ast.FromSource | None) -> tuple[Node, Scope]:
        if source is None:
            return Scan(), Scope.of_schema(self._schema)
        if isinstance(source, ast.SubQuery):
            relation = self._isolated(source.statement)
            return relation.node, Scope(relation.columns, source.alias)
        if isinstance(source, ast.Join):
            raise UnsupportedError("joins are not available yet", span=source.span)
        raise UnsupportedError(
            f"other sources cannot be opened by a query yet: {source.name}",
            span=source.span,
            hint="leave FROM out: a query runs on the dataset that it is called on",
        )

    def _isolated(self, statement: ast.Statement) -> Relation:
        """A sub-query: a set operation around it does not choose the ids of its columns."""
        outer, self._set_ids = self._set_ids, []
        try:
            return self.statement(statement)
        finally:
            self._set_ids = outer

    # --- select list ----------------------------------------------------------------------------------------

    def _items(
        self, nodes: Sequence[ast.SelectItem | ast.Star], scope: Scope
    ) -> tuple[list[Item], frozenset[str]]:
        """The bound items in order, and the names of those that could not be bound."""
        bound: list[Item] = []
        broken: set[str] = set()
        explicit = {
            node.alias or _single_name(node.expr) for node in nodes if isinstance(node, ast.SelectItem)
        }
        for node in nodes:
            if isinstance(node, ast.Star):
                self.attempt(scope.check_alias, node.qualifier, node)
                bound.extend(Item(n, c, False, node) for n, c in scope.columns.items() if n not in explicit)
                continue
            item = self.attempt(self._item, node, scope)
            if item is not None:
                bound.append(item)
            else:
                broken.add(node.alias or _single_name(node.expr) or "")
        self._refuse_duplicates(bound)
        return bound, frozenset(broken)

    def _item(self, node: ast.SelectItem, scope: Scope) -> Item:
        expression = self.expressions.bind(node.expr, scope)
        name = node.alias or _single_name(node.expr)
        if name is None:
            raise AliasRequiredError(
                f"a computed column needs a name: {coercion.snippet_of(node.span, self.text)}",
                span=node.span,
                hint=f"write {coercion.snippet_of(node.span, self.text)} as name",
            )
        return Item(name, expression, True, node)

    def _refuse_duplicates(self, items: Sequence[Item]) -> None:
        seen: set[str] = set()
        for item in items:
            if item.name in seen:
                self.expressions.errors.append(
                    DuplicateColumnError(
                        f"two columns are named '{item.name}'",
                        span=item.span_node.span,
                        hint="give one of them another name with AS",
                    )
                )
                return
            seen.add(item.name)

    def _compute_random_early(
        self, node: Node, items: list[Item], select: ast.Select, tail: ast.Statement
    ) -> tuple[Node, list[Item]]:
        """Random columns that an ORDER BY or DISTINCT looks at are drawn once, below it."""
        if not (select.distinct or tail.order_by) or not any(is_volatile(i.expression) for i in items):
            return node, items
        columns: list[ComputedColumn] = []
        result: list[Item] = []
        for item in items:
            if is_volatile(item.expression):
                id_ = self._output_id(item.name, item.expression.type)
                columns.append(ComputedColumn(id_, item.expression))
                computed = Computed(item.expression.type, id_, span=item.expression.span)
                item = Item(item.name, computed, item.explicit, item.span_node)
            result.append(item)
        return Project(node, tuple(columns), span=select.span), result

    def _order_scope(
        self, scope: Scope, items: Sequence[Item], broken: frozenset[str]
    ) -> tuple[Scope, dict[str, Expression]]:
        """What ORDER BY sees: the source's columns and, before them, the names of the select list."""
        columns = dict(scope.columns)
        substitutes: dict[str, Expression] = {}
        for item in items:
            if isinstance(item.expression, Column | Computed):
                columns[item.name] = item.expression
            elif isinstance(item.span_node, ast.SelectItem) and item.span_node.alias is not None:
                columns[item.name] = Computed(item.expression.type, _ALIAS + item.name)
                substitutes[_ALIAS + item.name] = item.expression
        return Scope(columns, scope.alias, broken=broken - {""}), substitutes

    def _project(self, node: Node, items: Sequence[Item], select: ast.Select) -> Relation:
        """Compute what is not a column yet; a select list of columns alone adds no node."""
        columns: list[ComputedColumn] = []
        visible: dict[str, Column | Computed] = {}
        for item in items:
            expression = item.expression
            if not isinstance(expression, Column | Computed) or (
                isinstance(expression, Column) and expression.facet != "values"
            ):
                id_ = self._output_id(item.name, expression.type)
                columns.append(ComputedColumn(id_, expression))
                expression = Computed(expression.type, id_, span=expression.span)
            visible[item.name] = expression
        if columns:
            node = Project(node, tuple(columns), span=select.span)
        return Relation(node, visible)

    def _output_id(self, name: str, type_: Type) -> str:
        """An id for a computed column: the operands of a set operation share one per name and type."""
        if not self._set_ids:
            return self._fresh_id(name)
        shared = self._set_ids[-1]
        if (name, type_) not in shared:
            shared[name, type_] = self._fresh_id(name)
        return shared[name, type_]

    def _fresh_id(self, name: str) -> str:
        id_, number = name, 1
        while id_ in self._ids:
            number += 1
            id_ = f"{name}:{number}"
        self._ids.add(id_)
        return id_

    # --- ORDER BY, LIMIT, SAMPLE BY -------------------------------------------------------------------------

    def _order(
        self,
        node: Node,
        keys: Sequence[ast.OrderKey],
        scope: Scope,
        substitutes: Mapping[str, Expression] | None = None,
    ) -> Node:
        bound: list[SortKey] = []
        for key in keys:
            expression = self.attempt(self._order_key, key, scope, substitutes or {})
            if expression is not None:
                bound.append(SortKey(expression, key.descending))
        return Sort(node, tuple(bound), span=keys[0].span.to(keys[-1].span)) if bound else node

    def _order_key(
        self, key: ast.OrderKey, scope: Scope, substitutes: Mapping[str, Expression]
    ) -> Expression:
        expression = self.expressions.bind(key.expr, scope)
        if substitutes:
            expression = substitute(expression, substitutes)
        coercion.check_usable(expression)
        return coercion.to_scalar(expression, "order by", self.text)

    def _limit(self, node: Node, limit: ast.Limit | None) -> Node:
        if limit is None:
            return node
        offset: int | None = 0
        if limit.offset is not None:
            offset = self.attempt(self._row_count, limit.offset, "OFFSET")
        if limit.count is None:
            return Limit(node, offset or 0, span=limit.span)
        if limit.percent:
            percent = self.attempt(self._number, limit.count, "LIMIT")
            if offset:
                node = Limit(node, offset, span=limit.span)
            return Limit(node, percent=percent, span=limit.span)
        count = self.attempt(self._row_count, limit.count, "LIMIT")
        return Limit(node, offset or 0, count, span=limit.span)

    def _sample(self, node: Node, sample: ast.SampleBy | None, scope: Scope) -> Node:
        if sample is None:
            return node
        weight = self.attempt(self.weight, sample.weight, scope)
        count: int | None = None
        percent: float | None = None
        if sample.count is not None and sample.percent:
            percent = self.attempt(self._number, sample.count, "LIMIT")
        elif sample.count is not None:
            count = self.attempt(self._row_count, sample.count, "LIMIT")
        if weight is None:
            return node
        return Sample(node, weight, sample.replace, count, percent, span=sample.span)

    def weight(self, expr: ast.Expr, scope: Scope) -> Expression:
        """A weight per row, as float64."""
        x = self.expressions.bind(expr, scope)
        coercion.check_usable(x)
        if not x.type.is_numeric:
            raise QueryTypeError(
                f"a weight is a number, not {coercion.describe(x.type)}: {coercion.snippet(x, self.text)}",
                span=x.span,
                hint="weigh conditions with max_weight(condition: weight, ...)",
            )
        x = coercion.to_scalar(x, "a weight", self.text)
        if isinstance(x, Constant) and x.value == math.inf:
            raise QueryValueError("a weight must be finite", span=expr.span)
        return x if x.type.element == "float64" else cast(x, FLOAT64.element)

    def _number(self, node: ast.Expr, clause: str) -> float:
        """A constant that is not negative."""
        constant = self.expressions.constant(node, clause)
        typed = coercion.snippet_of(node.span, self.text)
        if not (constant.type.is_integer or constant.type.is_float) or not constant.type.is_single:
            raise QueryTypeError(f"{clause} needs a number: {typed}", span=node.span)
        value: Any = constant.value
        while isinstance(value, tuple):
            value = value[0]
        if isinstance(value, float) and not math.isfinite(value):
            raise QueryValueError(f"{clause} needs a finite number: {typed}", span=node.span)
        if value < 0:
            raise QueryValueError(f"{clause} cannot be negative: {typed}", span=node.span)
        return float(value) if isinstance(value, float) else value

    def _row_count(self, node: ast.Expr, clause: str) -> int:
        return min(int(self._number(node, clause)), MAX_ROWS)


_ALIAS = "\0"  # marks the stand-in of a select item inside an ORDER BY key; no column name contains it


def _single_name(expr: ast.Expr) -> str | None:
    """The name of the one column that an expression uses, None for none or several."""
    if isinstance(expr, ast.Name):
        return expr.name
    names = {name.name for name in names_in(expr)}
    return names.pop() if len(names) == 1 else None
