"""What other languages and tools write, and how TQL says it."""

from __future__ import annotations

import re

from tql.errors import TQLError
from tql.hints.situation import Situation
from tql.span import Span

_WORD_OPERATORS = {
    "mod": "write '%'",
    "div": "write '/'",
    "eq": "write '='",
    "equals": "write '='",
    "equal": "write '='",
    "ne": "write '!='",
    "lt": "write '<'",
    "le": "write '<='",
    "gt": "write '>'",
    "ge": "write '>='",
    "xor": "write '!=' between the two conditions, each in parentheses",
    "contains": "write contains(column, value)",
    "has": "write contains(column, value)",
    "startswith": "write column like 'text*'",
    "endswith": "write column like '*text'",
    "matches": "write column like 'pattern'; '*' stands for any text",
    "similar": "write column like 'pattern'; '*' stands for any text",
}
_PATH_SIGNS = (".", ":", "/", "~", "\\", "-")
_PATH = re.compile(r"[^\s,;()'\"]+")


def word_operator(situation: Situation) -> TQLError | None:
    """`a mod 2`, `name contains 'x'`."""
    for offset in (0, -1):  # it may have been taken for an alias
        piece = situation.at(offset)
        if piece is None or piece.key not in _WORD_OPERATORS or situation.at(offset + 1) is None:
            continue
        left = situation.at(offset - 1)
        operand = left is not None and (left.kind in ("number", "text", "quoted") or left.key in (")", "]"))
        word = left is not None and left.kind == "word" and situation.key(offset - 1) not in _BEFORE_OPERANDS
        if not (operand or word) or (offset == 0 and not situation.has_operand):
            continue
        hint = _WORD_OPERATORS[piece.key]
        return situation.error(f"there is no operator '{piece.key}'", hint, piece.span)
    return None


_BEFORE_OPERANDS = (
    "select",
    "distinct",
    "where",
    "having",
    "by",
    "and",
    "or",
    "not",
    "on",
    "as",
    "from",
    "limit",
)


def path(situation: Situation) -> TQLError | None:
    """`from data.csv`, `from ./data`, `from s3://bucket/data`."""
    if situation.clauses[-1:] != ["from"] or situation.key() not in _PATH_SIGNS:
        return None
    sources = ("from", "join")
    if situation.key(-1) in sources:
        start = situation.span.start
    elif situation.key(-2) in sources and situation.adjacent(-1):
        start = situation.pieces[situation.index - 1].span.start
    else:
        return None
    match = _PATH.match(situation.text, start)
    if match is None:
        return None
    shown = match.group() if len(match.group()) <= 60 else "..."
    return situation.error("a path stands in double quotes", f'write "{shown}"', Span(*match.span()))


def parameter(situation: Situation) -> TQLError | None:
    """`%s`, `?1` and a `?` where no value can stand."""
    key, previous = situation.key(), situation.key(-1)
    if (
        key == "%"
        and situation.wants_operand
        and situation.key(1) in ("s", "d", "(")
        and situation.adjacent(0)
    ):
        return situation.error("a value cannot begin with '%'", "a parameter is written '?'")
    if previous == "?" and situation.kind in ("number", "word") and situation.adjacent(-1):
        span = situation.pieces[situation.index - 1].span.to(situation.span)
        return situation.error("parameters have no numbers or names", "a parameter is written '?'", span)
    if key == "?" and situation.has_operand:
        return situation.error(
            f"an operator is missing between {situation.before} and '?'", "'?' is a parameter"
        )
    return None


def limit_words(situation: Situation) -> TQLError | None:
    """`limit 10 rows`, `limit = 10`, `limit by 5`."""
    key = situation.key()
    clause = situation.clauses[-1] if situation.clauses else ""
    if clause not in ("limit", "offset"):
        return None
    if key in ("row", "rows", "only", "records"):
        return situation.error(f"'{key}' cannot stand behind the number of '{clause}'", "leave it out")
    if situation.key(-1) == clause and key in ("=", "==", "by", ":"):
        return situation.error(f"'{clause}' takes a number, not {situation.found}", f"write '{clause} 10'")
    return None


def replacement(situation: Situation) -> TQLError | None:
    """`sample by x with replacement`, `replace = true`."""
    if situation.clauses[-1:] != ["sample"]:
        return None
    if situation.key() in ("=", "==") and situation.key(-1) == "replace":
        return situation.error("'replace' is no setting to assign", "write 'replace true' or 'replace false'")
    if situation.key() in ("with", "without") and situation.key(1).startswith("repl"):
        following = situation.pieces[situation.index + 1].span
        value = "true" if situation.key() == "with" else "false"
        span = situation.span.to(following)
        return situation.error(
            f"unexpected '{situation.text[span.start : span.end]}'", f"write 'replace {value}'", span
        )
    return None
