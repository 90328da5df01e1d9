"""Where a piece of query text stands: the one notion of place that every error and node shares."""

from __future__ import annotations

from dataclasses import dataclass

from tql.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters in the query text.

    Attributes:
        start: offset of the first character.
        end: offset behind the last character; ``end >= start``.
    """

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that covers both."""
        return Span(min(self.start, other.start), max(self.end, other.end))

    def line_and_column(self, text: str) -> tuple[int, int]:
        """1-based line and column (in characters) of the start of this span in ``text``."""
        before = text[: self.start]
        return before.count("\n") + 1, self.start - (before.rfind("\n") + 1) + 1


NOWHERE = Span(0, 0)
"""The span of a node that no query text stands behind (built by a program)."""
