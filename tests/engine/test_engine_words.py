"""Words of texts: contains_words and BM25."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine_plans import Code, MemorySource, compute, filter_of, rows_of, run, scan, text
from tql._engine import Column, EngineError


def has_words(texts: list[str | None], query: str | None) -> list[bool]:
    code = Code({"x": text(texts), "y": text([query] * len(texts))})
    code.add("contains_words", code.column("x"), code.column("y"))
    by_row = rows_of(compute(code))
    if query is not None:
        constant = Code({"x": text(texts)})
        constant.add("contains_words", constant.column("x"), constant.constant(query, "text"))
        assert rows_of(compute(constant)) == by_row
    return by_row


@pytest.mark.parametrize(
    ("value", "query", "expected"),
    [
        ("The quick, brown fox.", "quick FOX", True), ("The quick brown fox", "qui", False),
        ("The quick brown fox", "fox fox the", True), ("", "a", False), ("a", "", True), ("a", " .,-", True),
        ("don't stop", "t", True), ("don't stop", "dont", False), ("a_b", "b", True), ("x1 2y", "X1", True),
        ("x1 2y", "1", False), ("ÄRGER über Öl", "ärger ÖL", True), ("Ωmega", "ωmega", True),
        ("日本語 テキスト", "日本語", True), ("日本語", "日本", False), ("Привет, мир!", "МИР", True),
        ("हिन्दी में", "हिन्दी", True), ("हिन्दी", "ह", False), ("e\u0301te\u0301", "e\u0301te\u0301", True),
        ("١٢٣", "١٢٣", True), ("cat\U0001f600dog", "dog", True), ("a\x00b", "b", True),
    ],
)  # fmt: skip
def test_words(value: str, query: str, expected: bool) -> None:
    assert has_words([value], query) == [expected]


def test_null_contains_no_words() -> None:
    assert has_words([None, "a"], "a") == [False, True]
    assert has_words(["a"], None) == [False]


def test_bytes_that_are_no_utf8_separate_words() -> None:
    code = Code({"x": Column.text(np.array([0, 3]), b"a\xffb")})
    code.add("contains_words", code.column("x"), code.constant("b", "text"))
    assert rows_of(compute(code)) == [True]


def words(value: str) -> list[str]:
    return re.findall(r"[a-z0-9äöüß]+", value.lower())


vocabulary = st.lists(st.sampled_from(["a", "B", "ab", "Äa", "ß", "1", "c3"]), max_size=12)
sentences = st.builds(
    lambda items, glue: glue.join(items), vocabulary, st.sampled_from([" ", ", ", "-", "\n"])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(sentences, min_size=1, max_size=5), sentences)
def test_words_of_any_texts(texts: list[str], query: str) -> None:
    assert has_words(texts, query) == [set(words(query)) <= set(words(t)) for t in texts]


# --- BM25 ---------------------------------------------------------------------------------------------------


def bm25(texts: list[str | None], query: str, partition: int, *conjuncts: Code) -> list[float]:
    inner = filter_of(*conjuncts) if conjuncts else scan()
    root = {"id": 7, "op": "bm25", "input": inner, "computes": "score", "column": "x", "query": query}
    result = run(root, MemorySource({"x": text(texts)}, partition), ["score"], threads=2)
    return [float(score) for score in result.columns["score"].values]


def expected_scores(texts: list[str | None], query: str) -> list[float]:
    documents = [words(t) for t in texts if t is not None]
    average = sum(map(len, documents)) / len(documents) if documents else 0
    found = []
    for value in texts:
        score = 0.0
        document = Counter(words(value or ""))
        for word in words(query) if value is not None else []:
            frequency = document[word]
            if frequency:
                having = sum(word in d for d in documents)
                idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
                norm = 1.2 * (1 - 0.75 + 0.75 * document.total() / average)
                score += idf * frequency * 2.2 / (frequency + norm)
        found.append(score)
    return found


TEXTS = ["the cat sat", "the dog", None, "cat cat CAT!", "", "a bird and a cat and a dog in the garden"]


@pytest.mark.parametrize("query", ["cat", "the cat", "cat cat dog", "missing", "", "Dog, bird"])
@pytest.mark.parametrize("partition", [1, 4, 100])
def test_bm25(query: str, partition: int) -> None:
    got = bm25(TEXTS, query, partition)
    np.testing.assert_allclose(got, expected_scores(TEXTS, query), rtol=1e-12)


def test_the_score_of_a_row_does_not_depend_on_what_was_filtered() -> None:
    has_bird = Code({"x": text(TEXTS)})
    has_bird.add("contains_text", has_bird.column("x"), has_bird.constant("bird", "text"))
    assert bm25(TEXTS, "cat dog", 4, has_bird) == [pytest.approx(expected_scores(TEXTS, "cat dog")[5])]


def test_bm25_of_no_rows_and_of_nothing_but_null() -> None:
    assert bm25([], "cat", 1) == []
    assert bm25([None, None], "cat", 1) == [0.0, 0.0]


def test_bm25_needs_a_text_column() -> None:
    source = MemorySource({"x": Column.dense(np.arange(3))})
    root = {"id": 7, "op": "bm25", "input": scan(), "computes": "score", "column": "x", "query": "a"}
    with pytest.raises(EngineError, match="gave column 'x' as int64, the plan says text"):
        run(root, source, ["score"])
