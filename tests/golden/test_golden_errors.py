"""Golden error messages: the whole text that a user reads, so that none gets worse unseen.

A file holds cases: a line `=== title`, the query, a line `---`, and what `ErrorClass: str(error)` gives. With
TQL_GOLDEN=rewrite the answers are filled in, to be read as a diff.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tql.errors import TQLError
from tql.parser import parse

FILE = Path(__file__).parent / "errors" / "syntax.test"
CASE = re.compile(
    r"^=== (?P<title>.*)\n(?P<query>(?:.*\n)*?)---\n(?P<answer>(?:(?!=== ).*\n)*)", re.MULTILINE
)


def cases() -> list[tuple[str, str, str]]:
    """Title, query and answer of each case."""
    return [
        (match["title"], match["query"].removesuffix("\n"), match["answer"].strip("\n"))
        for match in CASE.finditer(FILE.read_text(encoding="utf-8"))
    ]


def answer(query: str) -> str:
    """What the user reads; trailing blanks do not count."""
    with pytest.raises(TQLError) as caught:
        parse(query)
    text = f"{type(caught.value).__name__}: {caught.value}"
    return "\n".join(line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize(
    ("title", "query", "expected"), [pytest.param(*case, id=case[0]) for case in cases()]
)
def test_error_reads(title: str, query: str, expected: str) -> None:
    if os.environ.get("TQL_GOLDEN") != "rewrite":
        assert answer(query) == expected


@pytest.mark.parametrize("query", [pytest.param(query, id=title) for title, query, _ in cases()])
def test_error_underlines_whole_words(query: str) -> None:
    with pytest.raises(TQLError) as caught:
        parse(query)
    error = caught.value
    assert error.category in {"syntax", "unsupported", "arity", "value"}
    if error.span is None:
        assert not parts(query)  # there is nothing to underline
        return
    start, end = error.span.start, error.span.end
    if start == end:
        assert not query[start:].strip(), "only what is missing at the end has no place"
        return
    assert any(part.start() == start for part in parts(query))
    assert any(part.end() == end for part in parts(query))


@pytest.mark.parametrize(("query", "expected"), [pytest.param(*case[1:], id=case[0]) for case in cases()])
def test_error_names_nothing_of_the_grammar(query: str, expected: str) -> None:
    assert not set(re.findall(r"[A-Z][A-Z_]+|\b_\w+|\w+_in_\w+", expected)) - {
        "TQL",
        *re.findall(r"\w+", query),
    }


def parts(query: str) -> list[re.Match[str]]:
    """The words, strings and signs of a query, as a reader sees them."""
    text = re.sub(r"(--|#)[^\n]*", lambda match: " " * len(match.group()), query)
    return list(re.finditer(r"'[^']*'?|\"[^\"\n]*\"?|\d[\w.]*|\w+|&&|\|\||[<>=!]=|<>|\S", text))


def test_golden_file_is_complete() -> None:
    found = cases()
    if os.environ.get("TQL_GOLDEN") == "rewrite":
        text = "\n".join(f"=== {title}\n{query}\n---\n{answer(query)}\n" for title, query, _ in found)
        FILE.write_text(text, encoding="utf-8")
    assert len(found) >= 40
    assert len({title for title, _, _ in found}) == len(found)
