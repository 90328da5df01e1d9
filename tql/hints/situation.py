"""The place where a query stops making sense: its text in pieces, and what could have come there.

Unlike the parser's lexer the cutting never fails, so the rules also see what stands behind a mistake.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from tql.errors import QuerySyntaxError
from tql.span import Span

CLAUSES = (
    "select",
    "from",
    "where",
    "expand",
    "group",
    "having",
    "ungroup",
    "order",
    "limit",
    "offset",
    "sample",
)
WITH_BY = ("expand", "group", "ungroup", "order", "sample")
SET_OPERATORS = ("union", "intersect", "except")
COMPARISONS = ("=", "==", "!=", "<>", "<", "<=", ">", ">=", "like", "ilike", "is", "isnull")
ARITHMETIC = ("+", "-", "*", "/", "%")

Kind = Literal["word", "quoted", "number", "text", "symbol", "open_text", "open_quoted"]

_PIECE = re.compile(
    r"""
    (?: \s+ | (?:--|\#)[^\n]* )*+
    (?:
      (?P<word> [^\W\d]\w* )
    | (?P<number> \.?[0-9] (?:[eE][+-][0-9]|[\w.])* )
    | (?P<text> '[^']*(?:''[^']*)*' )
    | (?P<quoted> "[^"\n]*" )
    | (?P<open_text> '.* )
    | (?P<open_quoted> "[^\n]* )
    | (?P<symbol> <=|>=|<>|!=|==|&&|\|\||. )
    | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, number, string, name in double quotes or symbol; or a string or name that nothing closes."""

    kind: Kind
    text: str
    span: Span

    @property
    def key(self) -> str:
        """The word or symbol in lower case; empty for strings, numbers and names in double quotes."""
        return self.text.lower() if self.kind in ("word", "symbol") else ""

    @property
    def shown(self) -> str:
        """As typed, in single quotes unless it has quotes of its own; cut where it is long."""
        text = self.text if len(self.text) <= 40 else self.text[:37] + "..."
        return text if self.kind == "text" else f"'{text}'"


class Pieces:
    """The pieces of a text in order, without white space and comments.

    A text may have a million of them, of which the rules look at a few: each is made when it is asked for.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._kinds: list[Any] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        for match in _PIECE.finditer(text):
            kind = match.lastgroup
            if kind is not None:
                start, end = match.span(kind)
                self._kinds.append(kind)
                self._starts.append(start)
                self._ends.append(end)

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, index: int) -> Piece:
        start, end = self._starts[index], self._ends[index]
        return Piece(self._kinds[index], self._text[start:end], Span(start, end))

    def key(self, index: int) -> str:
        """`self[index].key`, sooner."""
        if self._kinds[index] not in ("word", "symbol"):
            return ""
        return self._text[self._starts[index] : self._ends[index]].lower()

    def ending_behind(self, position: int) -> int:
        """The index of the first piece that ends behind an offset; the number of pieces where none does."""
        return bisect_right(self._ends, position)

    def open_brackets(self, stop: int) -> list[int]:
        """The indices of the brackets that the pieces before `stop` leave open, outermost first."""
        stack: list[int] = []
        text = self._text
        for index, start in enumerate(self._starts[:stop]):
            letter = text[start]
            if letter in "([":
                stack.append(index)
            elif letter in ")]" and stack:
                stack.pop()
        return stack


@dataclass(frozen=True)
class Situation:
    """Where the parser stopped.

    Attributes:
        text: the whole query.
        pieces: all its pieces.
        index: of the piece that cannot stand here; `len(pieces)` at the end of the text.
        expected: the grammar's terminals that could.
    """

    text: str
    pieces: Pieces
    index: int
    expected: frozenset[str]

    def at(self, offset: int = 0) -> Piece | None:
        """The piece that cannot stand here, or one near it."""
        index = self.index + offset
        return self.pieces[index] if 0 <= index < len(self.pieces) else None

    def key(self, offset: int = 0) -> str:
        """The word or symbol there, "" for anything else."""
        index = self.index + offset
        return self.pieces.key(index) if 0 <= index < len(self.pieces) else ""

    @property
    def kind(self) -> str:
        """What the piece that cannot stand here is; "" at the end of the text."""
        piece = self.at()
        return "" if piece is None else piece.kind

    @property
    def span(self) -> Span:
        """Of the piece that cannot stand here; behind the last one at the end of the text."""
        piece = self.at()
        if piece is not None:
            return piece.span
        end = self.pieces[-1].span.end if self.pieces else 0
        return Span(end, end)

    @property
    def found(self) -> str:
        """The piece that cannot stand here, as typed."""
        piece = self.at()
        return "the end" if piece is None else piece.shown

    @property
    def before(self) -> str:
        """The piece before it, as typed; `order by` and its like count as one."""
        previous = self.at(-1)
        if previous is None:
            return ""
        two = self.at(-2)
        return f"'{two.text} {previous.text}'" if previous.key == "by" and two is not None else previous.shown

    @property
    def wants_operand(self) -> bool:
        """Whether a value had to come."""
        return {"NAME", "INT", "STRING", "LPAR"} <= self.expected

    @property
    def has_operand(self) -> bool:
        """Whether an expression is complete here."""
        return "PLUS" in self.expected

    def adjacent(self, offset: int) -> bool:
        """Whether nothing stands between the piece there and the next one."""
        left, right = self.at(offset), self.at(offset + 1)
        return left is not None and right is not None and left.span.end == right.span.start

    def error(self, message: str, hint: str | None = None, span: Span | None = None) -> QuerySyntaxError:
        """A syntax error here, unless a span says where else."""
        return QuerySyntaxError(message, span=span or self.span, hint=hint)

    @cached_property
    def open_brackets(self) -> list[int]:
        """The brackets before this place that nothing has closed yet, by index."""
        return self.pieces.open_brackets(self.index)

    @cached_property
    def opener(self) -> str:
        """The word before the innermost open bracket, such as a function's name."""
        inside = self.open_brackets and self.open_brackets[-1]
        return self.pieces.key(self.open_brackets[-1] - 1) if inside else ""

    @cached_property
    def clauses(self) -> list[str]:
        """The clause words of this very select before this place."""
        depth = 0
        found: list[str] = []
        for index in range(self.open_brackets[-1] + 1 if self.open_brackets else 0, self.index):
            key = self.pieces.key(index)
            depth += (key in ("(", "[")) - (key in (")", "]"))
            if depth == 0 and key in SET_OPERATORS:
                found = []
            elif depth == 0 and key in CLAUSES:
                found.append(key)
        return found
