"""What a name means at one place of a query."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tql import ast
from tql.errors import TQLError, UnknownAliasError, UnknownColumnError
from tql.planner.expressions import Column, Computed, Expression
from tql.planner.suggest import listing, near_names
from tql.schema import Field, Schema

_NO_COLUMNS = Schema()


class Failed(Exception):  # noqa: N818 - it is a signal, no error
    """An error has been recorded already; what depends on it is skipped."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Names that can be seen, in order.

    Attributes:
        columns: visible name to the column it stands for.
        alias: what the source is called, if anything.
        schema: the columns of the source that the rows belong to.
        group_size: what COUNT(*) means here, None where rows are not groups.
        hidden: names of this select list that this place cannot see, for a better message.
        broken: names whose definition had an error, so that using them is no second one.
    """

    columns: Mapping[str, Column | Computed]
    alias: str | None = None
    hidden: frozenset[str] = frozenset()
    broken: frozenset[str] = field(default=frozenset())
    schema: Schema = field(default=_NO_COLUMNS)
    group_size: Expression | None = None

    @staticmethod
    def of_schema(schema: Schema, alias: str | None = None) -> Scope:
        columns = {field.name: Column(field.type, field.name) for field in schema.fields}
        return Scope(columns, alias, schema=schema)

    def field_of(self, column: Expression) -> Field | None:
        """What is known of a source column; None for any other expression."""
        return self.schema.get(column.name) if isinstance(column, Column) else None

    def resolve(self, name: ast.Name) -> Expression:
        """The column that a name stands for.

        Raises:
            UnknownAliasError, UnknownColumnError: if there is none.
            Failed: if its definition had an error.
        """
        if name.qualifier is not None and name.qualifier != self.alias:
            raise self._unknown_alias(name.qualifier, name)
        column = self.columns.get(name.name)
        if column is None:
            if name.name in self.broken:
                raise Failed
            raise self._unknown_column(name)
        if isinstance(column, Computed):
            return Computed(column.type, column.id, span=name.span)
        return Column(column.type, column.name, column.facet, span=name.span)

    def star(self, node: ast.Star, replaced: Collection[str | None] = ()) -> Mapping[str, Column | Computed]:
        """The columns that `*` or `alias.*` stands for, in order.

        Args:
            node: the item.
            replaced: names that other items of the select list give another meaning.

        Raises:
            UnknownAliasError: if no source has that alias.
        """
        if node.qualifier is not None and node.qualifier != self.alias:
            raise self._unknown_alias(node.qualifier, node)
        return self.columns

    def _unknown_alias(self, qualifier: str, node: ast.Node) -> TQLError:
        hint = None
        if qualifier in self.columns and isinstance(node, ast.Name):
            hint = f"a dot stands behind an alias of a source only; an element is {qualifier}['{node.name}']"
        elif self.alias is not None:
            hint = f"the source is called '{self.alias}'"
        else:
            hint = "the source has no alias: write the column name alone"
        return UnknownAliasError(f"no source is called '{qualifier}'", span=node.span, hint=hint)

    def _unknown_column(self, name: ast.Name) -> TQLError:
        near = near_names(name.name, self.columns)
        hint = f"columns: {listing(self.columns)}" if self.columns else "the dataset has no columns"
        if name.name in self.hidden:
            hint = (
                f"'{name.name}' is computed by this select list, after all else; "
                "put it into a sub-query: select ... from (select ...) where ..."
            )
            near = ()
        elif name.quoted:
            hint = f"a text is written in single quotes: '{name.name}'; {hint}"
        elif not near:
            hint = f"{hint}; a text is written in single quotes: '{name.name}'"
        return UnknownColumnError(
            f"no column named '{name.name}'", span=name.span, candidates=near, hint=hint
        )
