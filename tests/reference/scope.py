"""What names mean at one place of a query, and one row of what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reference.table import Table, Value
from tql import ast
from tql.errors import UnknownAliasError, UnknownColumnError
from tql.types import Type


@dataclass(frozen=True)
class Row:
    """One row on its way through a query.

    Attributes:
        source_row: its number in the dataset.
        cells: its values by column.
        number: its position, what ROW_NUMBER() says here.
    """

    source_row: int
    cells: Mapping[str, Value]
    number: int


@dataclass
class Scope:
    """The names that an expression may use.

    Attributes:
        columns: the columns of the rows at hand.
        alias: the declared alias of their source.
        computed: items of the select list by alias, which ORDER BY sees before the columns.
        dataset: the whole dataset, for DATA().
        parameters: the values of `?`.
        tolerated: categories of errors that an engine may raise where this one did not: an error in an
            operand of AND and OR whose other operand decides (section 5).
        unsaid: what the query met that the language reference leaves open.
    """

    columns: Mapping[str, Type]
    dataset: Table
    alias: str | None = None
    computed: Mapping[str, ast.Expr] = field(default_factory=dict)
    parameters: Sequence[Any] = ()
    tolerated: set[str] = field(default_factory=set)
    unsaid: set[str] = field(default_factory=set)

    def check_name(self, name: ast.Name) -> None:
        """Raise if this name means nothing here."""
        if name.qualifier is not None and name.qualifier != self.alias:
            raise UnknownAliasError(f"no source named {name.qualifier!r}", span=name.span)
        if name.name not in self.columns:
            raise UnknownColumnError(f"no column named {name.name!r}", span=name.span)

    def computed_item(self, name: ast.Name) -> ast.Expr | None:
        """The select item that this name means, if it means one."""
        return self.computed.get(name.name) if name.qualifier is None else None

    def without_computed(self) -> Scope:
        """The scope that the select items themselves are evaluated in."""
        return replace(self, computed={})
