"""Mistakes with operators and with the pairs of a weight."""

from __future__ import annotations

from tql.errors import TQLError
from tql.hints.situation import CLAUSES, COMPARISONS, SET_OPERATORS, Situation
from tql.keywords import RESERVED

_SYMBOLIC = COMPARISONS[:8]
_OPERAND_ENDS = {"and", "or", "not", ",", ";", ":", "asc", "desc", *COMPARISONS, *CLAUSES, *SET_OPERATORS}
_WEIGHTS = ("max_weight", "sum_weight")
_BLENDS = {"=>": ">=", "=<": "<=", "===": "=", "!==": "!=", "<>=": "!=", ":=": "=", "<=>": "=", "=!": "!="}


def blended_operator(situation: Situation) -> TQLError | None:
    """An operator of another language, which the lexer took for two, or one with a blank inside."""
    previous, piece = situation.at(-1), situation.at()
    if previous is None or piece is None or piece.kind != "symbol":
        return None
    blend = previous.text + piece.text
    span = previous.span.to(piece.span)
    if not situation.adjacent(-1):
        if blend not in COMPARISONS:
            return None
        return situation.error(f"there is a blank inside '{blend}'", f"write '{blend}'", span)
    if blend in _BLENDS:
        return situation.error(f"there is no operator '{blend}'", f"write '{_BLENDS[blend]}'", span)
    if blend == "//":
        return situation.error("there is no operator '//'", "a comment begins with --; '/' divides", span)
    if blend == "**":
        return situation.error("there is no operator '**'", "write x * x for a square", span)
    if blend == "->":
        return situation.error(
            "there is no operator '->'", "a key of a json column is written column['key']", span
        )
    return None


def chained_comparison(situation: Situation) -> TQLError | None:
    """`a < b < c`."""
    key = situation.key()
    if situation.wants_operand or key not in COMPARISONS:
        return None
    start, first = _comparison_before(situation)
    if first is None or situation.key(-1) == "not":
        return None
    middle = situation.text[situation.pieces[first].span.end : situation.span.start].strip()
    left = situation.text[situation.pieces[start].span.start : situation.pieces[first].span.end]
    right = _operand_behind(situation)
    hint = "join two comparisons with 'and', or put one in parentheses"
    if key in _SYMBOLIC and right and len(left) + 2 * len(middle) + len(right) < 80:
        hint = f"write {left} {middle} and {middle} {key} {right}"
    span = situation.pieces[first].span.to(situation.span)
    return situation.error("comparisons do not chain", hint, span)


def _comparison_before(situation: Situation) -> tuple[int, int | None]:
    """Where the current condition starts, and its comparison operator."""
    first = None
    depth = 0
    for index in range(situation.index - 1, -1, -1):
        key = situation.pieces.key(index)
        depth += (key in (")", "]")) - (key in ("(", "["))
        if depth < 0 or (depth == 0 and (key in ("and", "or", "not", ",", "by", "on") or key in CLAUSES)):
            return index + 1, first
        if depth == 0 and key in COMPARISONS:
            first = index
    return 0, first


def _operand_behind(situation: Situation) -> str:
    """The text from behind the operator here to the end of its operand."""
    depth = 0
    end = situation.span.end
    for index in range(situation.index + 1, len(situation.pieces)):
        piece = situation.pieces[index]
        depth += (piece.key in ("(", "[")) - (piece.key in (")", "]"))
        if depth < 0 or (depth == 0 and piece.key in _OPERAND_ENDS):
            break
        end = piece.span.end
    return situation.text[situation.span.end : end].strip()


def between(situation: Situation) -> TQLError | None:
    """`between` without `and`."""
    if "_AND" not in situation.expected:
        return None
    depth = 0
    for index in range(situation.index - 1, -1, -1):
        key = situation.pieces.key(index)
        depth += (key in (")", "]")) - (key in ("(", "["))
        if depth < 0 or (depth == 0 and key in ("and", "or", *CLAUSES)):
            return None
        if depth == 0 and key == "between":
            return situation.error("'between' needs two bounds", "write x between 1 and 5")
    return None


def not_behind(situation: Situation) -> TQLError | None:
    """`x not ...`, which only `in`, `between` and `like` can continue."""
    if "ILIKE" not in situation.expected or situation.has_operand or situation.at() is None:
        return None
    if situation.key(-1) != "not":
        return None
    if situation.key() == "is":
        return situation.error("'not' cannot stand before 'is'", "write 'is not null'")
    if situation.key() == "null":
        return situation.error("'is' is missing before 'not null'", "write 'is not null'")
    if situation.key() in _SYMBOLIC:
        hint = "put 'not' before the whole comparison, or write '!='"
        return situation.error(f"'not' cannot stand before '{situation.key()}'", hint)
    hint = "'in', 'between' or 'like' could stand here"
    return situation.error(f"unexpected {situation.found} after 'not'", hint)


def is_(situation: Situation) -> TQLError | None:
    """`is` with something else than null."""
    if situation.expected != {"NULL"} and situation.expected != {"NULL", "NOT"}:
        return None
    if situation.at() is None:
        return situation.error(f"'null' is missing after {situation.before}")
    operator = "!=" if situation.key(-1) == "not" else "="
    key = situation.key()
    if key in ("in", "like", "between"):
        word = f"not {key}" if situation.key(-1) == "not" else key
        return situation.error(f"'{key}' cannot follow {situation.before}", f"write '{word}' without 'is'")
    if key in ("none", "nan", "empty", "missing"):
        hint = "write 'null'" if key in ("none", "missing") else f"compare with '{operator}'"
        return situation.error("'is' is followed by 'null' or 'not null' only", hint)
    return situation.error("'is' is followed by 'null' or 'not null' only", f"compare with '{operator}'")


def weight_pair(situation: Situation) -> TQLError | None:
    """A `condition: weight` without one of its parts, or in the wrong place."""
    key = situation.key()
    if situation.key(-1) in _WEIGHTS and key != "(" and situation.at() is not None:
        return situation.error(f"'(' is missing after {situation.before}")
    if situation.opener in _WEIGHTS and key in (",", ")", ":"):
        if "COLON" in situation.expected:
            hint = f"write {situation.opener}(condition: weight, ...)"
            return situation.error(f"': weight' is missing after {situation.before}", hint)
        if key == ":" and not situation.wants_operand:
            return situation.error("every argument is one 'condition: weight'", "separate the pairs with ','")
    if situation.opener in _WEIGHTS:
        mistake = _separators(situation)
        if mistake is not None:
            return mistake
    if key == ":" and situation.wants_operand and situation.adjacent(0) and situation.at(1) is not None:
        return situation.error("a value cannot begin with ':'", "a parameter is written '?'")
    if key == ":" and situation.open_brackets and situation.pieces[situation.open_brackets[-1]].key == "[":
        return situation.error("a slice has at most a start, a stop and a step")
    if key == ":" and situation.has_operand:
        hint = "write max_weight(condition: weight, ...) or sum_weight(condition: weight, ...)"
        return situation.error("a weight stands inside max_weight or sum_weight only", hint)
    return None


def _separators(situation: Situation) -> TQLError | None:
    """A pair's `:` or the `,` between two pairs: missing, or another sign."""
    key, operand = situation.key(), situation.kind in ("number", "text", "quoted")
    operand = operand or (situation.kind == "word" and key not in RESERVED)
    hint = f"write {situation.opener}(condition: weight, ...)"
    if "COLON" in situation.expected:
        if operand:
            return situation.error(f"':' is missing between {situation.before} and {situation.found}", hint)
    elif key == ";" or (operand and situation.has_operand):
        message = f"',' is missing between {situation.before} and {situation.found}"
        return situation.error("pairs are separated by ',', not by ';'" if key == ";" else message, hint)
    return None
