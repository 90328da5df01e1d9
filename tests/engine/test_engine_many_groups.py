"""Keys by number, rows alone in their group, and joins of every multiplicity, beside slow loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tql
from engine.engine_plans import MemorySource, rows_of, text
from engine.made_plans import group_of, join_of, key_of, run_made, scan_of, source_of, values_of
from tql._engine import Column

WORDS = ["cat", "", "dog", "a text that is longer than eight bytes", "grüße", "ca"]
DICTIONARY = [*WORDS, "cat", "unused", ""]  # the same text twice, and one that no row has


def coded(texts: Sequence[str | None], dtype: Any = np.int8, words: Sequence[str] = DICTIONARY) -> Column:
    """The texts as codes: of equal texts any one; of NULL one that is out of range."""
    random = np.random.default_rng(len(texts))
    places = {word: [i for i, other in enumerate(words) if other == word] for word in words}
    codes = [-7 if word is None else random.choice(places[word]) for word in texts]
    valid = np.array([word is not None for word in texts], bool)
    return Column.dictionary(np.array(codes, dtype), text(list(words)), None if valid.all() else valid)


def texts_in(source: Any, name: str) -> list[str | None]:
    return rows_of(source.read(name, "values", 0, source.num_rows).plain())


def groups_of(keys: Sequence[Any]) -> list[list[int]]:
    found: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return list(found.values())


texts_ = st.lists(st.one_of(st.none(), st.sampled_from(WORDS)), min_size=1, max_size=60)


@settings(max_examples=80, deadline=None)
@given(texts_, st.sampled_from([np.int8, np.int16, np.int32]))
def test_groups_by_number_are_those_by_text(texts: list[str | None], dtype: Any) -> None:
    columns = {"k": coded(texts, dtype), "x": Column.dense(np.arange(len(texts)))}
    source = source_of(run_made(group_of(columns, ["k"]), MemorySource(columns)))
    assert values_of(source, "x") == groups_of(texts)
    counted = {**group_of(columns, ["k"])}
    counted["columns"] = [column for column in counted["columns"] if column["id"] == "n"]
    sizes = values_of(source_of(run_made(counted, MemorySource(columns))), "n")
    assert sizes == [len(rows) for rows in groups_of(texts)]
    distinct = {"id": 1, "op": "distinct", "input": scan_of(), "keys": [key_of(columns, "k")]}
    found = run_made(distinct, MemorySource(columns)).selection.indices.tolist()
    assert found == [rows[0] for rows in groups_of(texts)]


@settings(max_examples=80, deadline=None)
@given(texts_, texts_, st.booleans())
def test_a_join_by_number_is_one_by_text(
    left: list[str | None], right: list[str | None], plain: bool
) -> None:
    """Each side has a dictionary of its own, or one of them none."""
    sides = {
        "l": {"k": coded(left)},
        "r": {"k": text(right) if plain else coded(right, np.int32, list(reversed(DICTIONARY)))},
    }
    sources = {key: MemorySource(columns) for key, columns in sides.items()}
    result = run_made(join_of(sides["l"], sides["r"], "left"), sources=sources)
    expected = []
    for word in left:
        partners = [other for other in right if word is not None and other == word]
        expected += [(word, other) for other in partners or [None]]
    made = source_of(result)
    assert list(zip(texts_in(made, "l.k"), texts_in(made, "r.k"), strict=True)) == expected


def test_a_dictionary_of_more_texts_than_rows() -> None:
    words = [f"word {i}" for i in range(5000)]
    columns = {
        "k": coded(["word 7", "word 4000", "word 7"], np.int32, words),
        "x": Column.dense(np.arange(3)),
    }
    source = source_of(run_made(group_of(columns, ["k"]), MemorySource(columns)))
    assert values_of(source, "x") == [[0, 2], [1]]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("far", [1, 1_000_003])
@pytest.mark.parametrize("distinct", [30_000, 200_000, 100_000_000])
def test_many_groups_of_one_row_and_of_several(distinct: int, far: int, threads: int) -> None:
    """From ten rows each to almost none that has two."""
    random = np.random.default_rng(distinct)
    rows = 150_000
    key = random.integers(0, distinct, rows) * far
    maybe = np.ma.array(random.integers(-5, 5, rows), mask=random.random(rows) < 0.5)
    score = random.random(rows).astype(np.float32)
    data = tql.from_numpy({"key": key, "maybe": maybe, "score": score})
    view = data.query(
        "select key[0] as key, count(*) as n, sum(maybe) as total, min(maybe) as least, avg(score) as mean"
        " group by key",
        threads=threads,
    )
    first, codes, counts = np.unique(key, return_inverse=True, return_counts=True)
    opens = np.full(len(first), rows)
    np.minimum.at(opens, codes, np.arange(rows))
    order = np.argsort(opens)
    np.testing.assert_array_equal(view["key"], first[order])
    np.testing.assert_array_equal(view["n"], counts[order])
    total = np.zeros(len(first), np.int64)
    np.add.at(total, codes, maybe.filled(0))
    np.testing.assert_array_equal(np.ma.getdata(view["total"]), total[order])
    least = np.full(len(first), 99)
    np.minimum.at(least, codes, maybe.filled(99))
    found = np.ma.array(view["least"])
    np.testing.assert_array_equal(np.ma.filled(found, 99), least[order])
    mean = np.bincount(codes, score.astype(np.float64)) / counts
    np.testing.assert_allclose(view["mean"], mean[order], rtol=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["inner", "left", "right", "full"])
@pytest.mark.parametrize(
    ("right_rows", "distinct"), [(50, 80), (50, 20), (90_000, 200_000), (90_000, 30_000)]
)
def test_joins_of_every_multiplicity(right_rows: int, distinct: int, kind: str, threads: int) -> None:
    """Right sides of few rows and of many, whose keys are alone or come again, some on one side only."""
    random = np.random.default_rng(right_rows + distinct)
    unique = distinct > right_rows
    right = random.permutation(distinct)[:right_rows] if unique else random.integers(0, distinct, right_rows)
    left = random.integers(0, distinct, 20_000)
    sides = {"l": {"k": Column.dense(left)}, "r": {"k": Column.dense(right)}}
    sources = {key: MemorySource(columns) for key, columns in sides.items()}
    result = run_made(join_of(sides["l"], sides["r"], kind), sources=sources, threads=threads)
    partners: dict[int, list[int]] = {}
    for key in right.tolist():
        partners.setdefault(key, []).append(key)
    expected: list[tuple[Any, Any]] = []
    for key in left.tolist():
        found: list[Any] = partners.get(key, [])
        expected += [(key, other) for other in found or ([None] if kind in ("left", "full") else [])]
    if kind in ("right", "full"):
        paired = set(left.tolist())
        expected += [(None, key) for key in right.tolist() if key not in paired]
    made = source_of(result)
    assert list(zip(values_of(made, "l.k"), values_of(made, "r.k"), strict=True)) == expected


@pytest.mark.parametrize("in_memory", [False, True])
def test_made_rows_of_filtered_sides_and_texts(in_memory: bool) -> None:
    """Of sides that are no run of their source, read in pieces and by position."""
    random = np.random.default_rng(3)
    rows = 5000
    words = [f"w{i % 37}" for i in range(rows)]
    data = tql.from_numpy({"k": random.integers(0, 900, rows), "w": words, "x": np.arange(rows)})
    if not in_memory:
        data._source.__class__ = type("Stored", (type(data._source),), {"in_memory": False})
    right_side = "select * where x % 7 < 2 order by x desc"
    sides = f"(select * where x % 3 == 0) as l join ({right_side}) as r"
    query = f"select l.x as a, r.w as b from {sides} on l.k == r.k"
    view = data.query(query)
    left = [row for row in range(rows) if row % 3 == 0]
    right = [row for row in range(rows - 1, -1, -1) if row % 7 < 2]
    keys = data["k"]
    expected = [(row, words[other]) for row in left for other in right if keys[row] == keys[other]]
    assert list(zip(view["a"].tolist(), list(view["b"]), strict=True)) == expected
