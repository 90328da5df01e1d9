"""Words: misspelt keywords, reserved words as names, strings as names, names with dots."""

from __future__ import annotations

from tql.errors import QuerySyntaxError, TQLError
from tql.hints.situation import ARITHMETIC, CLAUSES, COMPARISONS, SET_OPERATORS, WITH_BY, Piece, Situation
from tql.keywords import RESERVED

_OTHER_WORDS = {
    "minus": "except",
    "difference": "except",
    "fetch": "limit",
    "ascending": "asc",
    "descending": "desc",
    "ascend": "asc",
    "descend": "desc",
    "sort": "order",
    "rlike": "like",
    "regexp": "like",
}


def misspelt_word(situation: Situation) -> TQLError | None:
    """A keyword with a letter wrong: here, or just before where it was taken for an alias."""
    piece, previous = situation.at(), situation.at(-1)
    here = {name.strip("_").lower() for name in situation.expected} & RESERVED
    if piece is not None and not situation.wants_operand:
        word = _nearest(piece, here | {"true", "false"} if "TRUE" in situation.expected else here)
        if word is not None:
            return misspelt(piece, word)
    named = situation.at(-2)
    if previous is None or named is None or named.key in RESERVED:
        return None
    if named.kind == "symbol" and named.key not in (")", "]", "*"):
        return None
    word = _nearest(previous, {*CLAUSES, *SET_OPERATORS, "join", "and", "or", "on", "in", "between", "like"})
    return None if word is None else misspelt(previous, word)


def misspelt(piece: Piece, word: str) -> TQLError:
    """The error for a word that was meant to be another."""
    return QuerySyntaxError(f"unexpected {piece.shown}", span=piece.span, candidates=(word,))


def _nearest(piece: Piece, words: set[str]) -> str | None:
    key = piece.key
    if piece.kind != "word" or key in RESERVED:
        return None
    if key in _OTHER_WORDS:
        return _OTHER_WORDS[key]
    if key.removesuffix("by") in WITH_BY and key.endswith("by"):
        return f"{key.removesuffix('by')} by"
    return min(
        (word for word in words if alike(key, word)),
        key=lambda word: (_distance(key, word), word),
        default=None,
    )


def alike(left: str, right: str) -> bool:
    """Whether one word may be the other with a typing mistake or two."""
    longest = max(len(left), len(right))
    return _distance(left, right) <= (0 if longest < 2 else 1 if longest < 5 else 2) and len(left) > 1


def _distance(left: str, right: str) -> int:
    """Edits from one word to the other, swapped neighbours being one: optimal string alignment."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def reserved_name(situation: Situation) -> TQLError | None:
    """`where order = 1`."""
    key, following = situation.key(), situation.key(1)
    if key not in RESERVED or "NAME" not in situation.expected:
        return None
    as_name = (
        (situation.key(-1) in ("as", ".") and key not in ("from", "where"))
        or following in COMPARISONS
        or following in ARITHMETIC
        or following in (",", ")", "[", ".")
        or (key in WITH_BY and following != "by")
    )
    if not as_name or (key == "not" and following != "="):
        return None
    return situation.error(
        f"'{key}' is a reserved word", f'as a name it is written "{situation.found[1:-1]}"'
    )


def string_as_name(situation: Situation) -> TQLError | None:
    """`from 'path'`, `as 'name'`."""
    piece = situation.at()
    if piece is None or piece.kind != "text" or "NAME" not in situation.expected or situation.wants_operand:
        return None
    return situation.error(
        f"{piece.shown} is a string, and a name must stand here",
        f'names have double quotes: "{piece.text[1:-1]}"',
    )


def too_many_dots(situation: Situation) -> TQLError | None:
    """`a.b.c`."""
    if situation.key() != "." or situation.key(-2) != ".":
        return None
    hint = "a name with dots stands in double quotes; a key of a json column is written column['key']"
    return situation.error("a column has one qualifier at most", hint)
