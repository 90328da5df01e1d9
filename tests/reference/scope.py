"""What names mean at one place of a query, and one row of what they mean."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reference.table import Value
from tql import ast
from tql.errors import AmbiguousColumnError, UnknownAliasError, UnknownColumnError
from tql.types import Type


@dataclass(frozen=True)
class Column:
    """A column that an expression may name.

    Attributes:
        name: its name.
        type: of one row.
        key: where a `Row` holds it.
        alias: the declared alias of its source.
        index: "inverted" or "bm25" for text that is searched by words.
        dataset: its value in every row of the dataset it belongs to, for DATA(); None for a computed one.
        qualified_only: it has to be written with its alias, for USING merged it with its partner.
    """

    name: str
    type: Type
    key: Hashable
    alias: str | None = None
    index: str | None = None
    dataset: Sequence[Value] | None = None
    qualified_only: bool = False


@dataclass(frozen=True)
class Row:
    """One row on its way through a query.

    Attributes:
        source: what it is a row of.
        source_row: its number there.
        cells: its values by key of the column.
        number: its position, what ROW_NUMBER() says here.
        group_size: of a grouped row, how many rows it was made of.
    """

    source: Hashable
    source_row: int
    cells: Mapping[Hashable, Value]
    number: int
    group_size: int = 0

    @property
    def identity(self) -> Hashable:
        """What set operations compare: section 17, rows of different datasets are always distinct."""
        return (self.source, self.source_row)


class Computed(Mapping[Hashable, Value]):
    """The values of a select list, each computed where it is asked for: what nobody reads cannot fail."""

    def __init__(self, names: Iterable[Hashable], value: Callable[[Any], Value]) -> None:
        self._names = list(names)
        self._value = value
        self._known: dict[Hashable, Value] = {}

    def __getitem__(self, name: Hashable) -> Value:
        if name not in self._known:
            self._known[name] = self._value(name)
        return self._known[name]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class HostFunction:
    """A registered function (section 17) and the type of its results."""

    call: Callable[..., Any]
    type: Type


@dataclass
class Scope:
    """The names that an expression may use.

    Attributes:
        columns: the columns of the rows at hand.
        computed: items of the select list by alias, which ORDER BY sees before the columns.
        grouped: whether a row is a group, so that COUNT(*) means something.
        arrays: whether a JSON value counts as the array of its elements, as it does inside of ANY.
        parameters: the values of `?`.
        functions: the registered functions by name.
        tolerated: categories of errors that an engine may raise where this one did not: an error in an
            operand of AND and OR whose other operand decides (section 5).
        unsaid: what the query met that the language reference leaves open.
    """

    columns: tuple[Column, ...]
    computed: Mapping[str, ast.Expr] = field(default_factory=dict)
    grouped: bool = False
    arrays: bool = False
    parameters: Sequence[Any] = ()
    functions: Mapping[str, HostFunction] = field(default_factory=dict)
    tolerated: set[str] = field(default_factory=set)
    unsaid: set[str] = field(default_factory=set)

    def resolve(self, name: ast.Name) -> Column:
        """The column that a name means.

        Raises:
            UnknownAliasError: if no source has the alias.
            UnknownColumnError: if no source has the column.
            AmbiguousColumnError: if several sources have it.
        """
        candidates = self.columns_of(name.qualifier, name)
        found = [column for column in candidates if column.name == name.name]
        if not found:
            raise UnknownColumnError(f"no column named {name.name!r}", span=name.span)
        if len(found) > 1:
            raise AmbiguousColumnError(f"several sources have {name.name!r}", span=name.span)
        return found[0]

    def columns_of(self, alias: str | None, node: ast.Node) -> list[Column]:
        """The columns of one source, or without an alias those that may be written without one."""
        if alias is None:
            return [column for column in self.columns if not column.qualified_only]
        found = [column for column in self.columns if column.alias == alias]
        if not found:
            raise UnknownAliasError(f"no source named {alias!r}", span=node.span)
        return found

    def computed_item(self, name: ast.Name) -> ast.Expr | None:
        """The select item that this name means, if it means one."""
        return self.computed.get(name.name) if name.qualifier is None else None

    def without_computed(self) -> Scope:
        """The scope that the select items themselves are evaluated in."""
        return replace(self, computed={})

    def with_arrays(self, arrays: bool) -> Scope:
        """The scope of an argument that is read as an array, or as one value."""
        return replace(self, arrays=arrays)
