"""Mistakes with parentheses, brackets, lists and arrays."""

from __future__ import annotations

from tql.errors import TQLError
from tql.hints.situation import CLAUSES, SET_OPERATORS, Situation


def array(situation: Situation) -> TQLError | None:
    """`[1, 2]` without `array`, and what an array cannot hold."""
    piece = situation.at()
    if piece is None:
        return None
    if piece.key == "[" and situation.opener == "array":
        hint = "for example: array[array[1, 2], array[3, 4]]"
        return situation.error("an inner array begins with the word 'array' too", hint)
    if situation.key(-1) == "array" and piece.key == "(":
        return situation.error("an array has square brackets", "for example: array[1, 2]")
    if piece.key == "[" and situation.wants_operand:
        end = situation.text.find("]", piece.span.start)
        inside = situation.text[piece.span.start : end + 1] if end >= 0 else "[1, 2]"
        return situation.error(
            "an array begins with the word 'array'",
            f"write array{inside if len(inside) <= 40 else '[...]'}",
        )
    if situation.opener != "array" or "INT" not in situation.expected or "NAME" in situation.expected:
        return None
    if piece.key == "]":
        return situation.error("an array has at least one item")
    if piece.kind == "quoted":
        return situation.error(
            f"an array holds constants only, not {piece.shown}",
            f"a string has single quotes: '{piece.text[1:-1]}'",
        )
    return situation.error(f"an array holds constants only, not {piece.shown}")


def in_list(situation: Situation) -> TQLError | None:
    """`in` without a list, or with an empty one."""
    if situation.key() == ")" and situation.key(-1) == "(" and situation.key(-2) == "in":
        return situation.error("the list of 'in' is empty")
    if situation.key(-1) != "in" or situation.at() is None:
        return None
    if situation.key() in ("[", "{"):
        hint = "write x in (1, 2), or x in array[1, 2]"
        return situation.error(f"'in' needs a list in parentheses, not {situation.found}", hint)
    return situation.error(
        f"'in' needs a list in parentheses, not {situation.found}",
        "for example: x in (1, 2), or x in (?)",
    )


def one_value(situation: Situation) -> TQLError | None:
    """A comma where brackets hold one thing."""
    if situation.key() != "," or situation.expected.isdisjoint({"RPAR"}) or "COMMA" in situation.expected:
        return None
    outer = situation.pieces.key(situation.open_brackets[-2] - 1) if len(situation.open_brackets) > 1 else ""
    if outer in ("max_weight", "sum_weight"):
        return situation.error("a pair stands without parentheses", f"write {outer}(condition: weight, ...)")
    if situation.opener == "between":
        return situation.error("'between' needs two bounds", "write x between 1 and 5")
    if situation.opener == "by":
        return situation.error("parentheses hold one value", "write the keys without parentheses")
    if situation.opener == "using":
        return situation.error("'using' takes one column", "write 'on' with a condition for several")
    return situation.error("parentheses hold one value", "an array is written array[1, 2]")


def closing(situation: Situation) -> TQLError | None:
    """A closing bracket that fits no opening one."""
    key = situation.key()
    if key not in (")", "]"):
        return None
    wanted = {")": "(", "]": "["}[key]
    if not situation.open_brackets:
        return situation.error(f"'{key}' closes nothing: there is no '{wanted}' before it")
    opening = situation.pieces[situation.open_brackets[-1]]
    if opening.key != wanted:
        return situation.error(f"'{opening.key}' is never closed", f"'{key}' cannot close it", opening.span)
    return None


def never_closed(situation: Situation) -> TQLError | None:
    """An opening bracket that nothing closes."""
    if not situation.open_brackets or not situation.expected & {"RPAR", "RSQB"}:
        return None
    key = situation.key()
    if situation.at() is not None and key not in CLAUSES and key not in SET_OPERATORS and key != ";":
        return None
    opening = situation.pieces[situation.open_brackets[-1]]
    closing = ")" if opening.key == "(" else "]"
    place = "at the end" if situation.at() is None else f"before {situation.found}"
    return situation.error(
        f"'{opening.key}' is never closed",
        f"a '{closing}' is missing, perhaps {place}",
        opening.span,
    )
