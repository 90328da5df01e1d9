"""Mistakes in the letters: characters, numbers, names and strings that no query can have."""

from __future__ import annotations

import re
import unicodedata

from tql.errors import QuerySyntaxError, TQLError, UnsupportedError
from tql.hints.situation import Piece, Situation
from tql.span import Span

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+", re.ASCII)

_INSTEAD = {
    "&&": "write 'and'",
    "&": "write 'and' between conditions; TQL has no operators on bits",
    "|": "write 'or' between conditions; TQL has no operators on bits",
    "~": "write 'not' before a condition, 'like' for a pattern; TQL has no operators on bits",
    "!": "write 'not' before a condition, '!=' for unequal",
    "`": "names with special characters stand in double quotes",
    "$": "a parameter is written '?'",
    "@": "a parameter is written '?'",
    "{": "an array is written array[1, 2]",
    "}": "an array is written array[1, 2]",
    "\\": "strings have no escapes: a quote inside a string is doubled, 'it''s'",
}
_TYPOGRAPHIC = dict.fromkeys("‘’‚", "'") | dict.fromkeys("“”„", '"') | dict.fromkeys("–—−", "-")
_TYPOGRAPHIC |= {"≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "÷": "/"}


def mistake(situation: Situation) -> TQLError | None:
    """The error for a piece that is no token of the language; None where it is one."""
    piece = situation.at()
    if piece is None:
        return None
    match piece.kind:
        case "open_text":
            return _open_text(situation, piece)
        case "open_quoted":
            return _error(
                piece, "the name in double quotes is not closed", 'a name ends with " on the same line'
            )
        case "quoted" if len(piece.text) == 2:
            return _error(piece, "a name cannot be empty", "an empty string is written ''")
        case "number" if not _NUMBER.fullmatch(piece.text):
            return _number(piece)
        case "word" if not _NAME.fullmatch(piece.text):
            hint = f'write "{piece.text}": only letters a-z, digits and _ (not first) go without'
            return _error(piece, f"the name needs double quotes: {piece.text}", hint)
        case "symbol":
            return _symbol(situation, piece)
        case _:
            return _split_text(situation, piece)


def _error(piece: Piece, message: str, hint: str | None, span: Span | None = None) -> TQLError:
    return QuerySyntaxError(message, span=span or piece.span, hint=hint)


def _open_text(situation: Situation, piece: Piece) -> TQLError:
    return _split_text(situation, piece) or _error(
        piece, "the string is not closed", "a string ends with ', and a quote inside it is doubled: 'it''s'"
    )


def _split_text(situation: Situation, piece: Piece) -> TQLError | None:
    """`'it's'`: what follows a string at once was meant to be inside."""
    previous = situation.at(-1)
    if previous is None or previous.kind != "text" or piece.kind == "symbol" or not situation.adjacent(-1):
        return None
    hint = "a quote inside a string is doubled: 'it''s'"
    end = situation.text.find("'", piece.span.start)
    if 0 <= end - previous.span.start <= 40:
        rest = situation.text[piece.span.start : end + 1]
        hint = f"a quote inside a string is doubled: {previous.text}'{rest}"
        if previous.text.endswith("\\'"):
            hint = f"a quote inside a string is doubled, not escaped: {previous.text[:-2]}''{rest}"
    return _error(piece, f"the string ends before {piece.shown}", hint, previous.span.to(piece.span))


def _number(piece: Piece) -> TQLError:
    text = piece.text
    if re.fullmatch(r"[0-9.]+", text):
        return _error(piece, f"a number has one decimal point at most: {text}", "digits are not grouped")
    if re.fullmatch(r"[0-9][0-9_]*[0-9]", text):
        hint = f"write {text.replace('_', '')}"
    elif re.match(r"0[xob]", text, re.IGNORECASE):
        hint = "numbers are decimal"
    else:
        hint = f'a name that begins with a digit stands in double quotes: "{text}"'
    return _error(piece, f"neither a number nor a name: {text}", hint)


def _symbol(situation: Situation, piece: Piece) -> TQLError | None:
    text = piece.text
    if text == "!" and situation.key(-1) in ("=", "==") and situation.adjacent(-1):
        span = situation.pieces[situation.index - 1].span.to(piece.span)
        return _error(piece, f"there is no operator '{situation.key(-1)}!'", "write '!='", span)
    if text == "{" and situation.key(-1) == "in":
        return None
    if text == "{" and situation.has_operand:
        return _error(piece, "'{' is not part of TQL", "a key of a json column is written column['key']")
    if text == "!" and situation.key(1) in ("=", "=="):
        return _error(piece, "there is a blank inside '!='", "write '!='")
    if text == "||":
        hint = "write 'or' between conditions; texts cannot be joined"
        return UnsupportedError("the operator '||' is not supported", span=piece.span, hint=hint)
    if text == "^":
        hint = "write x * x for a square, 'and' and 'or' between conditions"
        return UnsupportedError("the operator '^' is not supported", span=piece.span, hint=hint)
    if (text == "*" and situation.key(-1) == "/") or (text == "/" and situation.key(1) == "*"):
        return _error(piece, "there are no block comments", "a comment begins with -- and ends with the line")
    if text in _INSTEAD:
        return _error(piece, f"{piece.shown} is not part of TQL", _INSTEAD[text])
    if text in _TYPOGRAPHIC:
        hint = f"write {_TYPOGRAPHIC[text]} instead"
        if _TYPOGRAPHIC[text] == '"' and situation.wants_operand:
            hint = "a string stands between two ', a name between two \""
        return _error(piece, f"{piece.shown} is a typographic character", hint)
    if text.isascii() and text.isprintable():
        return None
    name = unicodedata.name(text, f"U+{ord(text):04X}").lower()
    if not text.isprintable():
        return _error(piece, f"there is an invisible character: {name}", "remove it")
    return _error(piece, f"{piece.shown} is not part of TQL: {name}", "names with it stand in double quotes")
