"""FROM: the bound source, named sources and sub-queries, and the names under which their columns are seen."""

from __future__ import annotations

from collections.abc import Callable

from tql import ast
from tql.errors import SourceNotFoundError, TQLError
from tql.planner.context import Context
from tql.planner.joins import Source, bind_join
from tql.planner.logical import Scan, schema_of
from tql.planner.scope import Scope
from tql.planner.select_list import Relation
from tql.planner.suggest import listing, near_names

BindStatement = Callable[[ast.Statement], Relation]


def bind_source(
    context: Context, source: ast.FromSource | None, statement: BindStatement, *, joined: bool = False
) -> Source:
    """The rows that a SELECT starts from.

    Args:
        context: of the query.
        source: what FROM says.
        statement: binds sub-queries.
        joined: it is a side of a join.

    Raises:
        SourceNotFoundError: if there is no source of that name, or none at all.
        UnsupportedError, AmbiguousColumnError, QueryTypeError: for a join that cannot be made.
    """
    match source:
        case None:
            return _bound(context)
        case ast.SubQuery():
            with context.sub_query():
                relation = statement(source.statement)
            scope = Scope.of_table(relation.columns, schema_of(relation.node), source.alias)
            return Source(relation.node, scope)
        case ast.TableName():
            return _named(context, source, joined)
        case ast.Join():
            return bind_join(context, source, lambda side: bind_source(context, side, statement, joined=True))
    raise AssertionError(source)


def _bound(context: Context) -> Source:
    if context.bound is None:
        raise SourceNotFoundError(
            "source not found: the query has no FROM, and there is no dataset that it is called on",
            hint='name a source: select ... from "path/to/dataset"',
        )
    return Source(Scan(context.bound), Scope.of_schema(context.bound))


def _named(context: Context, table: ast.TableName, joined: bool) -> Source:
    found = None
    if context.sources is not None:
        try:
            found = context.sources(table.name)
        except TQLError as error:
            error.span = error.span or table.span
            raise
    if found is None:
        raise _not_found(context, table, joined)
    key, schema = found
    node = Scan(schema, key, table.name if key else "", span=table.span)
    return Source(node, Scope.of_schema(schema, table.alias, table.name))


def _not_found(context: Context, table: ast.TableName, joined: bool) -> TQLError:
    names = list(getattr(context.sources, "names", ()))
    hint = f"sources: {listing(names)}" if names else None
    if hint is None and context.bound is not None and not joined:
        hint = "leave FROM out to query the dataset that this is called on"
    return SourceNotFoundError(
        f"source not found: {table.name}",
        span=table.span,
        candidates=near_names(table.name, names),
        hint=hint,
    )
