"""Words of an indexed text (section 7), and how well a text fits some words: BM25 (section 12)."""

from __future__ import annotations

import math
from collections.abc import Sequence

_K1, _B = 1.2, 0.75


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, without regard to case."""
    return "".join(char if char.isalnum() else " " for char in text.casefold()).split()


def contains_words(text: str, wanted: str) -> bool:
    """Whether every word of `wanted` is a word of `text`."""
    return set(words_of(wanted)) <= set(words_of(text))


def bm25(texts: Sequence[str | None], query: str) -> list[float]:
    """The score of every text among all that are not NULL; a NULL text scores 0."""
    documents = [[] if text is None else words_of(text) for text in texts]
    number = sum(text is not None for text in texts)
    average = sum(map(len, documents)) / max(1, number)
    scores = [0.0] * len(documents)
    for word in words_of(query):
        having = sum(word in document for document in documents)
        rarity = math.log(1 + (number - having + 0.5) / (having + 0.5))
        for place, document in enumerate(documents):
            often = document.count(word)
            if often:
                length = 1 - _B + _B * len(document) / average
                scores[place] += rarity * often * (_K1 + 1) / (often + _K1 * length)
    return scores
