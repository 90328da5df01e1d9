"""Text: patterns and substrings. Comparisons of text are in comparison.py."""

from tql.catalogue.function import Function, Parameter
from tql.catalogue.result_types import elementwise_bool

_PATTERN = (Parameter("text", "text"), Parameter("pattern", "pattern"))


def _like(name: str, text: str) -> Function:
    return Function(
        name,
        "like",
        _PATTERN,
        elementwise_bool,
        text,
        "text",
        cost=16.0,
        section=6,
        returns="bool; of a list of text element-wise",
        example=f"select * where name {name} 'red*'",
        forms=(f"x {name} 'pattern'", f"x not {name} 'pattern'"),
    )


FUNCTIONS = (
    _like("like", "the whole text matches a pattern of * % ? [a-c]"),
    _like("ilike", "like, ignoring case"),
)
