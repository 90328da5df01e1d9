from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from tql.planner.expressions import (
    Call,
    Cell,
    Column,
    Computed,
    Constant,
    Expression,
    columns_of,
    transform,
    walk,
)
from tql.planner.group_readers import change_groups, columns_referred
from tql.planner.logical import Node, Output, map_expressions
from tql.planner.made_sources import Group, GroupAggregate, GroupColumn, GroupFunction, unused_name
from tql.schema import Schema
from tql.types import INT64, Type


def aggregate_groups(node: Output, schema: Schema) -> Node:
    """Aggregate groups without listing their rows.

        select kind[0], sum(i64) group by kind       ->   the first kind and a running sum of each group
        select avg(a * 2.0), shape(a)[0] group by b  ->   running averages of a * 2.0, and a count

    SUM, AVG, AMIN and AMAX of numbers, the first value and the number of rows. Not of a column whose list is
    read or shown as well, nor below a set operation of groups.
    """
    return change_groups(node, _aggregated)


def _aggregated(
    group: Group, chain: Sequence[Node], above: Sequence[Expression]
) -> tuple[Group, Sequence[Node]] | None:
    """Columns whose lists are read stay, and so does whatever is computed of them."""
    columns = {column.id: column for column in group.columns}
    reductions = _Reductions(columns)
    listed = set[str]().union(*map(columns_of, [*above, *columns_referred(chain)]))
    expressions = [expression for node in chain for expression in node.expressions]
    for expression in expressions:
        listed |= reductions.lists_read(expression)
    found = {x for expression in expressions for x in reductions.within(expression)}
    if all(columns_of(x) & listed for x in found):
        return None
    made = _Made(group)

    def replaced(x: Expression) -> Expression:
        if x not in found or columns_of(x) & listed:
            return x
        return made.column(reductions.reduction(x), x)

    # Operands come first, and no reduction is part of another.
    after = [map_expressions(node, lambda expression: transform(expression, replaced)) for node in chain]
    return made.group(listed), after


@dataclass(frozen=True)
class _Reduction:
    """One value per group: a function of an expression over rows, of a source column for "first"."""

    function: GroupFunction | Literal["first", "size"]
    of: Expression | None


class _Reductions:
    """The expressions over lists that one pass over the rows can compute."""

    def __init__(self, columns: dict[str, GroupColumn]) -> None:
        self._columns = columns
        # By identity; the values keep the expressions alive.
        self._known: dict[int, tuple[Expression, _Reduction | None]] = {}

    def within(self, expression: Expression) -> set[Expression]:
        return {x for x in walk(expression) if self._is(x)}

    def lists_read(self, expression: Expression) -> set[str]:
        """Columns that the expression reads in another way."""
        if self._is(expression):
            return set()
        if isinstance(expression, Cell | Column) or (
            isinstance(expression, Call) and expression.kernel == "column_item"
        ):
            read = columns_of(expression)
            return {name for name in read if self._is_list(name)}
        return set[str]().union(*map(self.lists_read, expression.args))

    def reduction(self, x: Expression) -> _Reduction:
        found = self._reduction(x)
        assert found is not None
        return found

    def _is(self, x: Expression) -> bool:
        return self._reduction(x) is not None

    def _is_list(self, name: str) -> bool:
        column = self._columns.get(name)
        return column is not None and column.source is not None and column.first is None

    def _reduction(self, x: Expression) -> _Reduction | None:
        if not isinstance(x, Call):
            return None
        known = self._known.get(id(x))
        if known is None:
            known = self._known[id(x)] = (x, self._recognized(x))
        return known[1]

    def _recognized(self, x: Call) -> _Reduction | None:
        match x.kernel:
            case "subscript" | "column_item":
                return self._entry(x)
            case "count" if not x.options and isinstance(x.operands[0], Column) and x.type == INT64:
                return _Reduction("size", None) if self._of_rows(x.operands[0]) is not None else None
            case "sum" | "avg" | "amin" | "amax" if not x.options:
                return self._aggregate(x)
        return None

    def _entry(self, x: Call) -> _Reduction | None:
        """`x[0]`, or `shape(x)[0]`."""
        list_, index = x.operands[0], x.operands[1:]
        if len(index) != 1 or not isinstance(index[0], Constant) or index[0].value != 0:
            return None
        if x.kernel == "subscript" and x.option("items") != (None,):
            return None
        if not isinstance(list_, Column) or not self._is_list(list_.name):
            return None
        if list_.facet == "shape":
            return _Reduction("size", None) if x.type == INT64 else None
        return _Reduction("first", self._columns[list_.name].source) if list_.facet == "values" else None

    def _aggregate(self, x: Call) -> _Reduction | None:
        rows = self._of_rows(x.operands[0])
        if rows is None or not rows.type.is_numeric or rows.type.element == "float16":
            return None
        if x.kernel == "sum" and rows.type.element == "bool":
            return None
        return _Reduction(cast(GroupFunction, x.kernel), rows)

    def _of_rows(self, x: Expression) -> Expression | None:
        """What gives for every row its entry of the list."""
        if isinstance(x, Column):
            source = self._columns[x.name].source if self._is_list(x.name) else None
            if source is None or not source.type.is_scalar:
                return None
            if x.facet == "values" and not source.type.nullable:
                return source.at(x.span)
            # All values but NULL, which aggregates leave out.
            return source.at(x.span) if x.facet == "flat" and source.type.nullable else None
        if not isinstance(x, Call) or x.kernel not in _ELEMENTWISE:
            return None
        operands = [
            o if isinstance(o, Constant) and o.type.is_scalar else self._of_rows(o) for o in x.operands
        ]
        if any(o is None for o in operands):
            return None
        of_rows = tuple([o for o in operands if o is not None])
        if all(isinstance(o, Constant) for o in of_rows):
            return None
        if len(of_rows) > 1 and any(o.type.nullable for o in of_rows):
            return None  # lists without their NULLs, which may differ in length
        first = of_rows[0].type
        nullable = any(o.type.nullable for o in of_rows)
        type_ = Type(x.type.element, (), nullable, sequence=first.sequence, nested=first.nested)
        return Call(type_, x.kernel, of_rows, x.options, span=x.span)


_ELEMENTWISE = ("cast", "add", "subtract", "multiply", "divide", "negate", "abs", "sqrt")


@dataclass
class _Made:
    """The columns that a group gets."""

    before: Group
    columns: list[GroupColumn] = field(default_factory=list)
    aggregates: list[GroupAggregate] = field(default_factory=list)
    ids: dict[object, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._used = {column.id for column in self.before.made_columns}
        for column in self.before.columns:
            if column.source is None:
                self.ids[_Reduction("size", None), INT64] = column.id

    def group(self, listed: set[str]) -> Group:
        """The group, without the lists that nothing reads any more."""
        lists = [c for c in self.before.columns if c.source is not None and c.first is None]
        unread = {c.id for c in lists if c.id not in listed}
        columns = (*[c for c in self.before.columns if c.id not in unread], *self.columns)
        return replace(self.before, columns=columns, aggregates=(*self.before.aggregates, *self.aggregates))

    def column(self, reduction: _Reduction, x: Expression) -> Column:
        """The column that holds what `x` gives."""
        id_ = self.ids.get((reduction, x.type))
        if id_ is None:
            id_ = self._added(reduction, x)
            self.ids[reduction, x.type] = id_
        return Column(x.type, id_, span=x.span)

    def _added(self, reduction: _Reduction, x: Expression) -> str:
        of = reduction.of
        if reduction.function == "size":
            id_ = unused_name("group_size", None, self._used)
            self.columns.append(GroupColumn(id_, None))
        elif reduction.function == "first":
            assert isinstance(of, Column | Computed)
            id_ = unused_name(f"{_name(of)}[0]", None, self._used)
            self.columns.append(GroupColumn(id_, of, x.type))
        else:
            assert of is not None
            id_ = unused_name(f"{reduction.function}({_name(of)})", None, self._used)
            self.aggregates.append(GroupAggregate(id_, reduction.function, of, x.type))
        return id_


def _name(x: Expression) -> str:
    match x:
        case Column():
            return x.name
        case Computed():
            return x.id
    return "..."
