"""The one renderer of errors: place, carets of display width, long lines, proposals, pickling."""

from __future__ import annotations

import pickle

import pytest

from tql.errors import QueryTypeError, TQLError, UnknownColumnError, underline
from tql.span import Span


def unknown(query: str, piece: str, **kwargs: object) -> UnknownColumnError:
    start = query.index(piece)
    span = Span(start, start + len(piece))
    return UnknownColumnError(f"no column named '{piece}'", span=span, query=query, **kwargs)  # type: ignore[arg-type]


def test_message_place_carets_and_hint() -> None:
    error = unknown(
        "select * sample by max_weight(label == 'cat': 10)",
        "label",
        candidates=("labels",),
        hint="columns: images, labels, boxes",
    )
    assert str(error) == (
        "no column named 'label'\n"
        "  line 1, column 31\n"
        "  select * sample by max_weight(label == 'cat': 10)\n"
        "                                ^^^^^\n"
        "  did you mean 'labels'? columns: images, labels, boxes"
    )


def test_a_key_error_is_not_shown_as_a_repr() -> None:
    error = unknown("select x", "x")
    assert isinstance(error, KeyError)
    assert "\n" in str(error)


def test_the_line_of_the_mistake_is_shown_alone() -> None:
    error = unknown("select *\nwhere lable = 5\nlimit 10", "lable")
    assert str(error).splitlines()[1:4] == ["  line 2, column 7", "  where lable = 5", "        ^^^^^"]


@pytest.mark.parametrize(
    ("query", "piece", "expected"),
    [
        ("where '日本' = x", "x", ["where '日本' = x", "               ^"]),
        ("where\tx = 1", "x", ["where    x = 1", "         ^"]),
        ("where e\u0301 = x", "x", ["where e\u0301 = x", "          ^"]),
        ("where x", "x", ["where x", "      ^"]),
    ],
    ids=["wide", "tab", "combining", "plain"],
)
def test_carets_stand_under_the_piece(query: str, piece: str, expected: list[str]) -> None:
    start = query.rindex(piece)
    assert underline(query, Span(start, start + len(piece))) == expected


def test_an_empty_span_still_gets_a_caret() -> None:
    assert underline("select", Span(6, 6)) == ["select", "      ^"]


def test_a_span_over_several_lines_is_underlined_to_the_end_of_the_first() -> None:
    assert underline("a + 'x\ny'", Span(4, 9)) == ["a + 'x", "    ^^"]


def test_a_long_line_is_cut_around_the_carets() -> None:
    query = "select * where " + " or ".join(f"labels = {i}" for i in range(200)) + " or lable = 1"
    start = query.index("lable")
    line, carets = underline(query, Span(start, start + 5))
    assert len(line) < 120
    assert line[carets.index("^") : carets.rindex("^") + 1] == "lable"


def test_related_errors_follow() -> None:
    query = "select * where a = 1 and b = 2"
    first = unknown(query, "a = 1"[0] + " =", related=(unknown(query, "b ="),))
    assert "also UnknownColumnError: no column named 'b ='\n  line 1, column 26" in str(first)


def test_errors_survive_pickling() -> None:
    error = unknown("select lable", "lable", candidates=("labels",))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is UnknownColumnError
    assert str(again) == str(error)
    assert again.candidates == ("labels",)


def test_every_error_has_a_category_and_a_builtin_base() -> None:
    builtins = (
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        OSError,
        ImportError,
        MemoryError,
        RuntimeError,
        AttributeError,
    )
    pending = TQLError.__subclasses__()
    assert pending
    for cls in pending:
        assert cls.category != TQLError.category, cls
        assert issubclass(cls, builtins), cls
    assert issubclass(QueryTypeError, TypeError)
