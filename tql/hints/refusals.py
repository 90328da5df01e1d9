"""What the language knows by name and refuses, as an `UnsupportedError` that says what to do instead."""

from __future__ import annotations

from tql.errors import TQLError, UnsupportedError
from tql.hints.situation import Situation
from tql.span import Span

_STATEMENTS = {
    "explain": "call view.explain(query), or run 'tql explain'",
    "describe": "print view.schema, or run 'tql info'",
    "show": "print view.schema, or run 'tql info'",
    "with": "write the sub-query in 'from': select * from (select ...) as name",
}
_CHANGES = frozenset(
    {"insert", "update", "delete", "create", "drop", "alter", "merge", "truncate", "copy", "set", "use"}
    | {"grant", "revoke", "begin", "commit", "rollback", "values", "call"}
)
_VALUES = {
    "case": "for weights by condition write max_weight(condition: weight, ...)",
    "cast": "numbers are converted where arithmetic and comparisons need it",
    "exists": "for rows that have a partner write a join",
}
_TYPED_LITERALS = ("date", "time", "timestamp", "interval")


def refusal(situation: Situation) -> TQLError | None:
    """The error where the construct is known; None where it is not."""
    for rule in (_statement, _value, _sub_query, _null, _select_list, _source, _order, _call):
        error = rule(situation)
        if error is not None:
            return error
    return None


def _error(situation: Situation, message: str, hint: str | None, span: Span | None = None) -> TQLError:
    return UnsupportedError(message, span=span or situation.span, hint=hint)


def _statement(situation: Situation) -> TQLError | None:
    key = situation.key()
    if situation.key(-1) == ";" and situation.at() is not None:
        rest = situation.span.to(situation.pieces[-1].span)
        return _error(situation, "a query holds one statement only", "run the statements one by one", rest)
    if situation.index == 0 and (key in _STATEMENTS or key in _CHANGES) and situation.at(1) is not None:
        hint = _STATEMENTS.get(key, "queries only read")
        return _error(situation, f"only select statements are supported, not '{key}'", hint)
    return None


def _value(situation: Situation) -> TQLError | None:
    key = situation.key()
    if key in _VALUES:
        return _error(situation, f"'{key}' is not supported", _VALUES[key])
    if situation.kind == "text" and situation.key(-1) in _TYPED_LITERALS:
        previous = situation.pieces[situation.index - 1]
        message = f"{previous.key} literals are not supported"
        return _error(
            situation, message, "compare with a number or a string", previous.span.to(situation.span)
        )
    if situation.kind == "number" and situation.key(-1) == "interval" and not situation.wants_operand:
        span = situation.pieces[situation.index - 1].span.to(situation.span)
        return _error(
            situation, "interval literals are not supported", "compare with a number or a string", span
        )
    if ":" in (key, situation.key(-1)) and (
        (key == ":" == situation.key(1) and situation.adjacent(0))
        or (key == ":" == situation.key(-1) and situation.adjacent(-1))
    ):
        return _error(situation, "casts with '::' are not supported", _VALUES["cast"])
    return None


def _sub_query(situation: Situation) -> TQLError | None:
    if situation.key() != "select" or "SELECT" in situation.expected:
        return None
    if situation.key(-1) != "(" and situation.key(-1) != "in":
        return None
    if "in" in (situation.key(-1), situation.key(-2)):
        hint = "combine selections of rows with 'intersect', 'union' and 'except'"
        return _error(situation, "sub-queries inside 'in' are not supported", hint)
    return _error(situation, "sub-queries as values are not supported", "a sub-query can stand behind 'from'")


def _null(situation: Situation) -> TQLError | None:
    if situation.key() != "null" or not (situation.wants_operand or situation.opener == "array"):
        return None
    hint = "null stands only in 'x is null' and 'x is not null'"
    if situation.key(-1) in ("=", "=="):
        hint = "write 'is null' instead of '= null'"
    elif situation.key(-1) in ("!=", "<>"):
        hint = f"write 'is not null' instead of '{situation.key(-1)} null'"
    return _error(situation, "null as a value is not supported", hint)


def _order(situation: Situation) -> TQLError | None:
    if situation.key() != "nulls" or situation.clauses[-1:] != ["order"]:
        return None
    return _error(situation, "'nulls first' and 'nulls last' are not supported", "nulls always come last")


def _source(situation: Situation) -> TQLError | None:
    key = situation.key()
    if key == "natural":
        return _error(
            situation, "'natural join' is not supported", "name the column: join ... using (column)"
        )
    if key == "," and "_JOIN" in situation.expected and situation.clauses[-1:] == ["from"]:
        hint = "write 'cross join', or 'join ... on' with a condition"
        return _error(situation, "sources separated by commas are not supported", hint)
    if situation.key(-1) == "version" and situation.clauses[-1:] == ["from"]:
        span = situation.pieces[situation.index - 1].span.to(situation.span)
        return _error(
            situation, "versions in 'from' are not supported", "open the dataset at the version", span
        )
    if key == "for" and situation.key(1) in ("update", "share"):
        return _error(situation, "row locks are not supported", "queries only read")
    if situation.key(-1) == "for" and key in ("update", "share"):  # taken for an alias
        span = situation.pieces[situation.index - 1].span.to(situation.span)
        return _error(situation, "row locks are not supported", "queries only read", span)
    if situation.key(-1) == "with" and key == "(" and situation.clauses[-1:] == ["from"]:
        span = situation.pieces[situation.index - 1].span
        return _error(situation, "table hints are not supported", "leave it out", span)
    return None


def _select_list(situation: Situation) -> TQLError | None:
    key = situation.key()
    if situation.key(-1) == "*" and key in ("exclude", "except", "replace") and situation.key(1) == "(":
        return _error(situation, f"'* {key}' is not supported", "name the columns to select")
    before = [situation.key(offset) for offset in (-3, -2, -1)]
    if before == ["*", "except", "("] and situation.at() is not None:
        span = situation.pieces[situation.index - 2].span
        return _error(situation, "'* except' is not supported", "name the columns to select", span)
    if key == "on" and situation.key(-1) == "distinct":
        return _error(situation, "'distinct on' is not supported", "group with 'group by'")
    if key == "into" and situation.clauses == ["select"]:
        return _error(situation, "'select into' is not supported", "queries only read")
    return None


def _call(situation: Situation) -> TQLError | None:
    key = situation.key()
    if key == "distinct" and situation.key(-1) == "(":
        return _error(
            situation, "'distinct' inside a function is not supported", "write 'select distinct ...'"
        )
    if key == "(" and situation.key(-1) == "over":
        span = situation.pieces[situation.index - 1].span
        return _error(situation, "window functions are not supported", "group with 'group by'", span)
    if key == "(" and situation.key(-1) == "filter" and situation.key(-2) == ")":
        span = situation.pieces[situation.index - 1].span
        return _error(
            situation, "'filter' behind a function is not supported", "filter rows with 'where'", span
        )
    if key == "from" and situation.opener == "extract":
        span = situation.pieces[situation.open_brackets[-1] - 1].span
        return _error(
            situation, "'extract' is not supported", "for a date that is kept as text: d like '2024-*'", span
        )
    return None
