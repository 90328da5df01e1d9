"""How messages name types and quote what was typed."""

from __future__ import annotations

from dataclasses import replace

from tql.planner.expressions import Expression
from tql.span import Span
from tql.types import Type


def describe(type_: Type) -> str:
    """The type as a message names it."""
    return str(replace(type_, nullable=False))


def snippet(x: Expression, text: str) -> str:
    """What was typed for an expression, shortened."""
    typed = " ".join(text[x.span.start : x.span.end].split())
    return typed if len(typed) <= 40 else typed[:37] + "..."


def snippet_of(span: Span, query: str) -> str:
    """What was typed there, shortened."""
    typed = " ".join(query[span.start : span.end].split())
    return typed if len(typed) <= 60 else typed[:57] + "..."
