"""Dictionary columns: texts by number give what the same texts in full give, in every place."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tql
from engine.engine_plans import rows_of
from tql._engine import Column
from tql.loader.arrays import ArrayRows, DictionaryRows, Rows, TextRows, rows_of_column, text_rows
from tql.loader.dataset import Dataset
from tql.loader.sources.numpy import MemoryColumn, NumpySource
from tql.types import Type

WORDS = ["cat", "Cat", "", "dog", "grüße", "日本", "a\nb", "ca", "a cat and a dog", "12", "x" * 40]
# The same text twice, and texts that no row has.
DICTIONARY = [*WORDS, "cat", "unused", "", "*"]
CODES = [np.int8, np.int16, np.int32]

CONDITIONS = [
    "t == 'cat'", "t != 'cat'", "'dog' = t", "t < 'ca'", "t >= 'cat'", "t between 'a' and 'cb'",
    "t in ('cat', 'dog', '')", "t in ('nowhere', 'cat')", "t not in ('cat', 'ca')",
    "t like '*a*'", "t like 'ca?'", "t like 'c%'", "t like '*t'", "t ilike 'CAT'", "t like '[a-c]?t'",
    "t like '*'", "t like ''", "not t like '*a*'", "contains(t, 'cat')", "contains(t, '')",
    "t is null", "t is not null", "t == u", "t < u", "contains(t, u)",
    "t == 'cat' or n > 3", "not (t == 'cat' and n < 5)", "t == 'cat' or t like '*d*' or t is null",
    "t == t", "not t > 'b'",
]  # fmt: skip


def plain_rows(texts: Sequence[str | None]) -> TextRows:
    return text_rows(texts)


def coded_rows(texts: Sequence[str | None], dtype: Any, random: np.random.Generator) -> DictionaryRows:
    """The texts as codes into DICTIONARY, of equal texts any one; of NULL anything."""
    places: dict[str, list[int]] = {}
    for code, text in enumerate(DICTIONARY):
        places.setdefault(text, []).append(code)
    codes = np.array(
        [random.integers(-128, 128) if text is None else random.choice(places[text]) for text in texts], dtype
    )
    validity = np.array([text is not None for text in texts], bool)
    return DictionaryRows(codes, text_rows(DICTIONARY), None if validity.all() else validity)


def dataset(rows: Rows, texts: Sequence[str | None]) -> Dataset:
    nullable = rows.validity is not None
    other = [text or "" for text in reversed(texts)]
    numbers = np.arange(len(texts)) % 7
    return Dataset(
        NumpySource(
            {
                "t": MemoryColumn(rows, Type("text", nullable=nullable)),
                "u": MemoryColumn(text_rows(other), Type("text")),
                "n": MemoryColumn(ArrayRows(numbers, np.zeros((len(texts), 0), np.int64)), Type("int64")),
            }
        )
    )


def both(texts: Sequence[str | None], dtype: Any = np.int8, seed: int = 0) -> tuple[Dataset, Dataset]:
    coded = coded_rows(texts, dtype, np.random.default_rng(seed))
    return dataset(plain_rows(texts), texts), dataset(coded, texts)


def some_texts(count: int, nulls: bool, seed: int = 1) -> list[str | None]:
    random = np.random.default_rng(seed)
    texts: list[str | None] = [WORDS[i] for i in random.integers(0, len(WORDS), count)]
    return [None if nulls and random.random() < 0.2 else text for text in texts]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("nulls", [False, True])
def test_conditions_are_those_of_plain_texts(condition: str, nulls: bool) -> None:
    for count in (1, 63, 64, 65, 4097):
        plain, coded = both(some_texts(count, nulls), CODES[count % 3])
        query = f"select * where {condition}"
        assert coded.query(query).indices.tolist() == plain.query(query).indices.tolist()


QUERIES = [
    "select * order by t, n desc",
    "select * order by t desc limit 5",
    "select t, count(n) as c group by t",
    "select distinct t",
    "select * where n == 1 limit 3",
    "select t, n * 2 as d where t != 'cat'",
    "(select * where t == 'cat') union (select * where t == 'dog')",
    "select * order by max_weight(t == 'cat': 2, t like '*o*': 3) desc",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("nulls", [False, True])
def test_queries_are_those_of_plain_texts(query: str, nulls: bool) -> None:
    plain, coded = both(some_texts(200, nulls), np.int16)
    expected, found = plain.query(query), coded.query(query)
    assert list(found.schema) == list(expected.schema)
    for name in expected.schema:
        assert list(found[name][:]) == list(expected[name][:])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.sampled_from(WORDS)), min_size=1, max_size=80),
    st.sampled_from(CODES),
    st.integers(0, 2**32),
    st.data(),
)
def test_rows_by_position(texts: list[str | None], dtype: Any, seed: int, data: st.DataObject) -> None:
    column = coded_rows(texts, dtype, np.random.default_rng(seed)).to_column()
    assert (len(column), column.layout, column.element, column.rank) == (len(texts), "dictionary", "text", 0)
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    part = column.slice(start, stop)
    assert rows_of(part.plain()) == texts[start:stop]
    rows = np.array(data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=20)), np.int64)
    assert rows_of(column.take(rows).plain()) == [texts[row] for row in rows]
    mixed = Column.concat([part, column, text_rows(["new", None]).to_column()])
    assert rows_of(mixed.plain()) == [*texts[start:stop], *texts, "new", None]
    same = Column.concat([part, column])
    assert rows_of(same.plain()) == [*texts[start:stop], *texts]
    again = pickle.loads(pickle.dumps(rows_of_column(part))).to_column()
    assert again.layout == "dictionary"
    assert rows_of(again.plain()) == texts[start:stop]


def test_codes_of_one_dictionary_stay_codes() -> None:
    column = coded_rows(["cat", "dog"], np.int8, np.random.default_rng(0)).to_column()
    assert Column.concat([column.slice(0, 1), column]).layout == "dictionary"


@pytest.mark.parametrize("codes", [[0, 2], [-1, 0], [0, 127]])
def test_codes_out_of_range_are_refused(codes: list[int]) -> None:
    texts = text_rows(["a", "b"]).to_column()
    with pytest.raises(ValueError, match="outside of 2 texts"):
        Column.dictionary(np.array(codes, np.int8), texts)
    assert rows_of(Column.dictionary(np.array(codes, np.int8), texts, np.array([False, False])).plain()) == [
        None,
        None,
    ]


def test_what_is_no_dictionary_is_refused() -> None:
    texts = text_rows(["a", "b"]).to_column()
    codes = np.zeros(2, np.int8)
    with pytest.raises(ValueError, match="must not be NULL"):
        Column.dictionary(codes, text_rows(["a", None]).to_column())
    with pytest.raises(ValueError, match="must be a text column"):
        Column.dictionary(codes, Column.dense(codes))
    with pytest.raises(ValueError, match="must be a text column"):
        Column.dictionary(codes, Column.dictionary(codes, texts))
    with pytest.raises(ValueError, match="int8, int16 or int32, not uint8"):
        Column.dictionary(codes.astype(np.uint8), texts)
    with pytest.raises(ValueError, match="validity has 1 entries for 2 rows"):
        Column.dictionary(codes, texts, np.array([True]))
    with pytest.raises(ValueError, match="one axis"):
        Column.dictionary(codes[:, None], texts)


def test_a_dictionary_without_texts_has_only_null() -> None:
    column = Column.dictionary(np.zeros(3, np.int32), text_rows([]).to_column(), np.zeros(3, bool))
    assert rows_of(column.plain()) == [None, None, None]
    empty = Column.dictionary(np.zeros(0, np.int8), text_rows([]).to_column())
    assert len(empty) == 0


def test_texts_that_repeat_become_a_dictionary() -> None:
    texts = some_texts(5000, nulls=True)
    column = text_rows(texts).to_column().encode()
    assert column is not None
    assert column.values.dtype == np.int8
    assert rows_of(column.plain()) == texts
    assert text_rows([str(i) for i in range(5000)]).to_column().encode() is None
    assert text_rows([str(i % 1000) for i in range(5000)]).to_column().encode().values.dtype == np.int16
    assert Column.dense(np.zeros(10)).encode() is None


@pytest.mark.parametrize("make", [tql.from_numpy, tql.from_pydict])
def test_memory_sources_make_dictionaries_by_themselves(make: Any) -> None:
    texts = some_texts(1000, nulls=True)
    made = make({"t": texts, "n": list(range(1000))})
    assert made._source.read("t", "values", 0, 1000).layout == "dictionary"
    assert list(made["t"][:]) == texts
    expected = [row for row, text in enumerate(texts) if text == "cat"]
    assert made.query("select * where t == 'cat'").indices.tolist() == expected
    again = pickle.loads(pickle.dumps(made))
    assert list(again["t"][:]) == texts
    assert make({"t": [str(i) for i in range(1000)]})._source.read("t", "values", 0, 9).layout == "text"


def test_categories_come_as_they_are() -> None:
    categorical = SimpleNamespace(codes=np.array([1, 0, -1, 1], np.int8), categories=["a", "b"])
    for given_column in (categorical, SimpleNamespace(array=categorical)):
        for make in (tql.from_numpy, tql.from_pydict):
            made = make({"t": given_column})
            assert list(made["t"][:]) == ["b", "a", None, "b"]
            assert made._source.read("t", "values", 0, 4).layout == "dictionary"


def test_a_dictionary_that_is_longer_than_its_column() -> None:
    many = text_rows([f"text {i}" for i in range(10_000)])
    rows = DictionaryRows(np.array([5, 9_999, 5], np.int32), many)
    made = Dataset(NumpySource({"t": MemoryColumn(rows, Type("text"))}))
    assert made.query("select * where t == 'text 5'").indices.tolist() == [0, 2]
    assert list(made["t"][:]) == ["text 5", "text 9999", "text 5"]
