"""Clauses in the wrong order, or with the wrong thing behind them."""

from __future__ import annotations

from tql.errors import TQLError
from tql.hints.situation import CLAUSES, SET_OPERATORS, WITH_BY, Situation
from tql.keywords import RESERVED

_CLAUSE_ORDER = (
    "the order is: select, from, where, expand by, group by, ungroup by, order by, limit, offset, sample by"
)


def set_operator(situation: Situation) -> TQLError | None:
    """`... order by x union ...`."""
    key = situation.key()
    late = [clause for clause in situation.clauses if clause in ("order", "limit", "offset", "sample")]
    if key not in SET_OPERATORS or not late:
        return None
    clause = _clause_name(late[0])
    return situation.error(
        f"'{key}' cannot follow '{clause}'",
        f"put the query before it in parentheses: (select ... {clause} ...) {key} ...",
    )


def clause_order(situation: Situation) -> TQLError | None:
    """A clause too late, or twice."""
    key = situation.key()
    if key not in CLAUSES or situation.wants_operand or key in situation.expected:
        return None
    name, seen = _clause_name(key), situation.clauses
    if key == "select" and seen:
        return situation.error(
            "a query has one 'select' only", "combine queries with 'union', 'intersect' or 'except'"
        )
    if key in seen and not (key == "limit" and seen[-1] == "sample"):
        hint = "join the conditions with 'and'" if key in ("where", "having") else None
        return situation.error(f"a query has one '{name}' only", hint)
    later = [clause for clause in seen if CLAUSES.index(clause) > CLAUSES.index(key)]
    if later:
        return situation.error(f"'{name}' must come before '{_clause_name(later[0])}'", _CLAUSE_ORDER)
    if key == "having":
        return situation.error("'having' needs a 'group by' before it", "filter rows with 'where'")
    return None


def _clause_name(key: str) -> str:
    return f"{key} by" if key in WITH_BY else key


def limit(situation: Situation) -> TQLError | None:
    """`limit 5, 10` and `limit 10%`."""
    if situation.clauses[-1:] not in (["limit"], ["offset"], ["sample"]) or situation.open_brackets:
        return None
    if situation.key() == "," and situation.clauses[-1] == "limit":
        return situation.error("'limit' takes one number", "to skip rows write 'limit 10 offset 5'")
    if situation.key(-1) == "%" and situation.wants_operand:
        sign = situation.pieces[situation.index - 1].span
        return situation.error(
            "a share of the rows is written with the word 'percent'", "limit 10 percent", sign
        )
    return None


def argument(situation: Situation) -> TQLError | None:
    """Words that take one kind of thing only, and `top` and `replace` in the wrong place."""
    if situation.expected <= {"INT"} and situation.at() is not None:
        return situation.error(f"{situation.before} takes a whole number, not {situation.found}")
    previous = situation.key(-1)
    if (
        previous in ("replace", "overlap")
        and situation.kind in ("word", "number", "text")
        and situation.key() not in RESERVED
    ):
        return situation.error(f"'{previous}' takes true or false, not {situation.found}")
    if previous == "using":
        return situation.error(f"'using' takes a column in parentheses, not {situation.found}")
    if situation.key() == "percent":
        return situation.error("'percent' stands behind the number of 'limit' only")
    if situation.key() == "top" and previous == "distinct":
        return situation.error("'top' must come before 'distinct'")
    if situation.key() == "replace" and situation.clauses[-2:] == ["sample", "limit"]:
        return situation.error("'replace' must come before 'limit'")
    return None


def two_queries(situation: Situation) -> TQLError | None:
    """A query directly behind another."""
    if (
        "UNION" not in situation.expected
        or situation.key(-1) != ")"
        or situation.key() not in ("(", "select")
    ):
        return None
    return situation.error(f"'union', 'intersect' or 'except' is missing before {situation.found}")


def by(situation: Situation) -> TQLError | None:
    """`order x`."""
    if situation.expected != {"_BY"}:
        return None
    clause = situation.before.strip("'").lower()
    return situation.error(f"'by' is missing after {situation.before}", f"write '{clause} by ...'")


def join(situation: Situation) -> TQLError | None:
    """A join without `on` and `using`."""
    if not {"_ON", "_USING"} <= situation.expected:
        return None
    return situation.error(
        "a join needs a condition", "write 'on left.column = right.column' or 'using (column)'"
    )
