"""What a name means at one place of a query."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType

from tql import ast
from tql.errors import AmbiguousColumnError, TQLError, UnknownAliasError, UnknownColumnError
from tql.planner.expressions import Column, Computed, Expression
from tql.planner.suggest import listing, near_names
from tql.schema import Field, Schema

_NO_COLUMNS = Schema()


class Failed(Exception):  # noqa: N818 - it is a signal, no error
    """An error has been recorded already; what depends on it is skipped."""


@dataclass(frozen=True, slots=True)
class Table:
    """One source of a FROM.

    Attributes:
        name: its alias, which `alias.column` calls it by, or None.
        columns: its visible columns in order.
        typed: what FROM says, None for a sub-query and the bound source.
    """

    name: str | None
    columns: Mapping[str, Column | Computed]
    typed: str | None = None

    @property
    def label(self) -> str:
        """How a message calls it."""
        if self.name is None:
            return "the source without an alias" if self.typed is None else f"'{self.typed}'"
        return f"'{self.name}'"


@lru_cache(maxsize=8)
def _columns_of(schema: Schema) -> Mapping[str, Column | Computed]:
    """Made once for all SELECTs of a query: a schema may have thousands of columns."""
    return MappingProxyType({f.name: Column(f.type, f.name) for f in schema.fields})


@dataclass(frozen=True, slots=True)
class Scope:
    """Names that can be seen, in order.

    Attributes:
        columns: what a name alone stands for.
        tables: the sources behind FROM, for names with an alias.
        ambiguous: names that several sources have, with these sources.
        hidden: names of this select list that this place cannot see, with what to do instead.
        broken: names whose definition had an error, so that using them is no second one.
        schema: the columns of the source that the rows belong to.
        group_size: what COUNT(*) means here, None where rows are not groups.
    """

    columns: Mapping[str, Column | Computed]
    tables: tuple[Table, ...] = ()
    ambiguous: Mapping[str, tuple[Table, ...]] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    broken: frozenset[str] = field(default=frozenset())
    schema: Schema = field(default=_NO_COLUMNS)
    group_size: Expression | None = None

    @staticmethod
    def of_table(
        columns: Mapping[str, Column | Computed],
        schema: Schema,
        name: str | None = None,
        typed: str | None = None,
    ) -> Scope:
        """One source and its columns; `name` is its alias, `typed` what FROM says."""
        return Scope(columns, (Table(name, columns, typed),), schema=schema)

    @staticmethod
    def of_schema(schema: Schema, name: str | None = None, typed: str | None = None) -> Scope:
        """A stored source with all its columns."""
        return Scope.of_table(_columns_of(schema), schema, name, typed)

    def field_of(self, column: Expression) -> Field | None:
        """What is known of a source column; None for any other expression."""
        return self.schema.get(column.name) if isinstance(column, Column) else None

    def every_column(self) -> Iterator[tuple[str, str | None, Column | Computed]]:
        """Name, table and column of all that can be seen, each column once."""
        seen: set[Column | Computed] = set()
        named = [(n, t.name, c) for t in self.tables for n, c in t.columns.items()]
        for name, table, column in [*named, *((n, None, c) for n, c in self.columns.items())]:
            if column not in seen:
                seen.add(column)
                yield name, table, column

    def moved(self, to: Mapping[Column | Computed, Column | Computed], schema: Schema) -> Scope:
        """The same names over the columns of another source."""

        def moved(columns: Mapping[str, Column | Computed]) -> dict[str, Column | Computed]:
            return {name: to[column] for name, column in columns.items() if column in to}

        tables = [replace(table, columns=moved(table.columns)) for table in self.tables]
        places = {id(before): after for before, after in zip(self.tables, tables, strict=True)}
        ambiguous = {
            name: tuple([places[id(table)] for table in found]) for name, found in self.ambiguous.items()
        }
        return replace(
            self, columns=moved(self.columns), tables=tuple(tables), ambiguous=ambiguous, schema=schema
        )

    def of_groups(self, size: Expression) -> Scope:
        """The same names where rows are groups of that size."""
        return replace(self, group_size=size)

    def of_rows(self) -> Scope:
        """The same names where rows are no groups."""
        return replace(self, group_size=None)

    def with_column(self, name: str, column: Column | Computed) -> Scope:
        """One more name, which hides others like it."""
        ambiguous = {n: found for n, found in self.ambiguous.items() if n != name}
        return replace(self, columns={**self.columns, name: column}, ambiguous=ambiguous)

    def resolve(self, name: ast.Name) -> Expression:
        """The column that a name stands for.

        Raises:
            UnknownAliasError, UnknownColumnError, AmbiguousColumnError: if there is none, or not one.
            Failed: if its definition had an error.
        """
        columns = self.columns
        if name.qualifier is not None:
            columns = self._table(name.qualifier, name).columns
        column = columns.get(name.name)
        if column is None:
            if name.qualifier is None and name.name in self.broken:
                raise Failed
            if name.qualifier is None and name.name in self.ambiguous:
                raise self._ambiguous(name)
            raise self._unknown_column(name, columns)
        return column.at(name.span)

    def star(self, node: ast.Star, replaced: Collection[str | None] = ()) -> Mapping[str, Column | Computed]:
        """The columns that `*` or `alias.*` stands for, in order.

        Args:
            node: the item.
            replaced: names that other items of the select list give another meaning.

        Raises:
            UnknownAliasError: if no source has that alias.
            AmbiguousColumnError: if several sources have a column of one name.
        """
        columns = self.columns if node.qualifier is None else self._table(node.qualifier, node).columns
        twice = [name for name in self.ambiguous if name not in replaced]
        if node.qualifier is None and twice:
            stars = ", ".join("..." if t.name is None else f"{t.name}.*" for t in self.tables)
            raise AmbiguousColumnError(
                f"several sources have {_columns_named(twice)}",
                span=node.span,
                hint=f"name the columns, or take those of one source ({stars}); "
                "USING makes the two columns of a join one",
            )
        return columns

    def _table(self, qualifier: str, node: ast.Node) -> Table:
        for table in self.tables:
            if table.name == qualifier:
                return table
        names = [table.name for table in self.tables if table.name is not None]
        near = near_names(qualifier, names)
        if qualifier in self.columns and isinstance(node, ast.Name):
            hint = f"a dot stands behind an alias of a source only; an element is {qualifier}['{node.name}']"
        elif any(table.typed == qualifier for table in self.tables):
            hint = f"a source is called by its alias alone: write {qualifier} AS {qualifier} in FROM"
        elif len(names) == 1 and len(self.tables) == 1:
            hint = f"the source is called '{names[0]}'"
        elif names:
            hint = f"sources: {listing(names)}"
        else:
            hint = "the source has no alias: write the column name alone"
        raise UnknownAliasError(
            f"no source is called '{qualifier}'",
            span=node.span,
            candidates=near if len(self.tables) > 1 else (),
            hint=hint,
        )

    def _ambiguous(self, name: ast.Name) -> TQLError:
        tables = self.ambiguous[name.name]
        ways = [f"{table.name}.{name.name}" for table in tables if table.name is not None]
        hint = f"write {' or '.join(ways)}" if ways else None
        if len(ways) < len(tables):
            alias = "give the source without an alias one with AS"
            hint = (
                f"{hint}; {alias}"
                if hint
                else f"give the sources aliases with AS, and write alias.{name.name}"
            )
        return AmbiguousColumnError(
            f"'{name.name}' is a column of {' and of '.join(table.label for table in tables)}",
            span=name.span,
            hint=hint,
        )

    def _unknown_column(self, name: ast.Name, columns: Mapping[str, Column | Computed]) -> TQLError:
        names = [*columns, *self.ambiguous] if name.qualifier is None else list(columns)
        near = near_names(name.name, names)
        whose = "columns" if name.qualifier is None else f"columns of '{name.qualifier}'"
        hint = f"{whose}: {listing(names)}" if names else "the dataset has no columns"
        if name.name in self.hidden and name.qualifier is None:
            hint = f"'{name.name}' {self.hidden[name.name]}"
            near = ()
        elif name.quoted:
            hint = f"a text is written in single quotes: '{name.name}'; {hint}"
        elif not near:
            hint = f"{hint}; a text is written in single quotes: '{name.name}'"
        return UnknownColumnError(
            f"no column named '{name.name}'", span=name.span, candidates=near, hint=hint
        )


def _columns_named(names: Collection[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return f"a column named {quoted[0]}" if len(quoted) == 1 else f"columns named {listing(quoted)}"
