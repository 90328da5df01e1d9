"""From "the parser cannot go on here" to a sentence that names the mistake and says what to write instead.

Each rule looks at the pieces around the place; the first that knows the mistake answers, the last always
does. The rules on one kind of mistake are a module of tql/hints/; here are those on what is missing.
"""

from __future__ import annotations

from tql.errors import QuerySyntaxError, TQLError
from tql.hints import brackets, characters, clauses, foreign, operators, refusals, words
from tql.hints.situation import ARITHMETIC, CLAUSES, COMPARISONS, Piece, Pieces, Situation
from tql.keywords import RESERVED

_MISSING = {
    "select": "a column or '*'",
    "distinct": "a column or '*'",
    "from": "a source",
    "join": "a source",
    "where": "a condition",
    "having": "a condition",
    "on": "a condition",
    "and": "a condition",
    "or": "a condition",
    "not": "a condition",
    "union": "a query",
    "intersect": "a query",
    "except": "a query",
    "limit": "a number",
    "offset": "a number",
    "top": "a whole number",
    "as": "a name",
    "order by": "a column or expression",
    "group by": "a column or expression",
    "sample by": "a weight",
    "expand by": "a number of rows",
    "ungroup by": "'split', a number or an array",
}
_SYMBOLS = {
    "COMMA": "','",
    "DOT": "'.'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "COLON": "':'",
    "NAME": "a name",
    "INT": "a whole number",
}


def explain(text: str, position: int, expected: frozenset[str]) -> TQLError:
    """The error for a text that stops making sense at a place.

    Args:
        text: the query.
        position: offset of the first piece that cannot stand where it stands; `len(text)` at the end.
        expected: names of the grammar's terminals that could stand there.
    """
    pieces = Pieces(text)
    expected -= {"CONSTANTS_IN_BRACKETS", "CONSTANTS_IN_PARENTHESES"}  # shortcuts of '[' and '('
    situation = Situation(text, pieces, pieces.ending_behind(position), expected)
    error = next(error for rule in _RULES if (error := rule(situation)) is not None)
    error.query = text
    return error


def _nothing(situation: Situation) -> TQLError | None:
    if situation.pieces:
        return None
    if "SELECT" in situation.expected:
        return QuerySyntaxError("the query is empty", hint="for example: select * where labels = 5")
    return QuerySyntaxError("the expression is empty")


def _beginning(situation: Situation) -> TQLError | None:
    piece = situation.at()
    if situation.index == 0 and situation.key() == "select":
        return situation.error("an expression is wanted here, not a whole query")
    if situation.index != 0 or piece is None or "SELECT" not in situation.expected:
        return None
    if piece.kind == "word" and piece.key not in RESERVED and words.alike(piece.key, "select"):
        return words.misspelt(piece, "select")
    hint = "for example: select * where labels = 5"
    if piece.key in CLAUSES:
        hint = f"write 'select * {piece.key} ...'"
    elif len(situation.text) <= 60 and any(
        situation.pieces.key(index) in COMPARISONS for index in range(len(situation.pieces))
    ):
        hint = f"write 'select * where {situation.text.strip()}'"
    return situation.error(f"a query begins with 'select', not with {piece.shown}", hint)


def _operand(situation: Situation) -> TQLError | None:
    before = situation.before.strip("'").lower()
    what = _MISSING.get(before)
    if not situation.wants_operand and what is None:
        return None
    if situation.key() == "+":
        return situation.error("a value cannot begin with '+'", "leave it out")
    if situation.key() == "not":
        return situation.error(f"'not' cannot follow {situation.before}", "put 'not ...' in parentheses")
    if situation.key() and situation.key() == situation.key(-1) and situation.key() in RESERVED:
        return situation.error(f"'{situation.key()}' stands here twice", "remove one")
    if before == "," and situation.key() in (")", "]"):
        return situation.error(f"a value is missing after {situation.before}", "add one, or remove the ','")
    if before == "and" and _is_bound(situation):
        return situation.error("'between' needs two bounds", "write x between 1 and 5")
    if before == "*" and situation.clauses[-1:] == ["select"] and situation.key() in ("from", "where", ""):
        hint = "for all columns put ',' before '*'"
        return situation.error(f"a value is missing after {situation.before}", hint)
    operator = situation.key() in (*COMPARISONS, *ARITHMETIC, "in", "between")
    if situation.key(-2) == "top":
        what = _MISSING["select"]
    if what is None or operator:
        what = "a value"
    if not situation.before:
        return situation.error(f"{what} is missing before {situation.found}")
    ended = situation.at() is None or situation.key() in (")", "]", ",", ";")
    if ended or (situation.key() in RESERVED and not operator):
        return situation.error(f"{what} is missing after {situation.before}")
    return situation.error(f"{what} is missing between {situation.before} and {situation.found}")


def _is_bound(situation: Situation) -> bool:
    """Whether the `and` before this place belongs to a `between`."""
    return situation.key(-3) == "between"


def _separator(situation: Situation) -> TQLError | None:
    hint: str | None
    piece = situation.at()
    if situation.key() == "," and situation.clauses[-1:] in (["where"], ["having"]) and situation.has_operand:
        hint = "join conditions with 'and' or 'or'; several values stand in x in (1, 2)"
        return situation.error(f"unexpected ',' after {situation.before}", hint)
    if situation.key() == "as" and situation.key(-1) == "*" and situation.clauses[-1:] == ["select"]:
        return situation.error("'*' takes no name", "name the columns to select")
    if piece is not None and situation.clauses[-1:] == ["select"] and "COMMA" in situation.expected:
        return _comma(situation, piece)
    if piece is None or not situation.has_operand or piece.key in RESERVED:
        return None
    if piece.kind == "symbol" and piece.key != "(":
        return None
    if piece.key == "(":
        return situation.error("an operator is missing before '('", "a function's name is a plain word")
    separator = "',' or an operator" if "COMMA" in situation.expected else "an operator"
    is_condition = situation.key(1) in COMPARISONS and situation.clauses[-1:] != ["sample"]
    hint = "join conditions with 'and' or 'or'" if is_condition else None
    return situation.error(f"{separator} is missing between {situation.before} and {piece.shown}", hint)


def _comma(situation: Situation, piece: Piece) -> TQLError | None:
    if (piece.kind == "symbol" and piece.key not in ("(", "*")) or piece.key in RESERVED:
        return None
    return situation.error(f"',' is missing between {situation.before} and {piece.shown}")


def _anything(situation: Situation) -> TQLError:
    """The last resort: what was found, and what could have come if that is short."""
    names = situation.expected - {"$END", "SEMICOLON"}
    could = sorted(_SYMBOLS.get(name, f"'{name.strip('_').lower()}'") for name in names)
    hint = " or ".join(could) + " could stand here" if 1 <= len(could) <= 3 else None
    after = f" after {situation.before}" if situation.before else ""
    if situation.at() is None:
        return situation.error(f"the query ends too early{after}", hint)
    return situation.error(f"unexpected {situation.found}{after}", hint)


_RULES = (  # the more telling before the more general
    _nothing,
    characters.mistake,
    refusals.refusal,
    _beginning,
    operators.blended_operator,
    foreign.path,
    foreign.parameter,
    foreign.limit_words,
    foreign.replacement,
    foreign.word_operator,
    brackets.array,
    brackets.in_list,
    brackets.one_value,
    operators.weight_pair,
    clauses.set_operator,
    operators.chained_comparison,
    operators.not_behind,
    words.too_many_dots,
    clauses.argument,
    clauses.two_queries,
    words.misspelt_word,
    operators.between,
    operators.is_,
    clauses.by,
    clauses.limit,
    words.string_as_name,
    words.reserved_name,
    clauses.join,
    brackets.closing,
    _operand,
    brackets.never_closed,
    clauses.clause_order,
    _separator,
    _anything,
)
