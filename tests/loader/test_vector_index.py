"""Indexes of columns of vectors: what they find, how they are declared, kept and explained."""

from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, FormatError, MissingDependencyError, UnknownColumnError

ROWS, WIDTH = 3000, 24
QUERIES = {
    "cosine": "select * order by cosine_similarity(e, ?) desc limit 10",
    "dot": "select * order by dot(?, e) desc limit 10",
    "l2": "select * order by l2_norm(e - ?) limit 10",
}


def clustered(element: str = "float32") -> np.ndarray:
    rng = np.random.default_rng(4)
    centres = rng.standard_normal((20, WIDTH)) * 3
    return (centres[rng.integers(0, 20, ROWS)] + rng.standard_normal((ROWS, WIDTH)) * 0.5).astype(element)


def wanted(seed: int) -> np.ndarray:
    rng = np.random.default_rng(100 + seed)
    return (clustered()[rng.integers(ROWS)] + rng.standard_normal(WIDTH) * 0.3).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "l2", "dot"])
@pytest.mark.parametrize("element", ["float32", "float16", "float64"])
def test_finds_nearly_all_of_the_nearest_in_the_order_of_their_exact_scores(
    metric: str, element: str
) -> None:
    plain = tql.from_numpy({"e": clustered(element)})
    indexed = plain.with_index("e", metric)
    found = 0
    for seed in range(10):
        vector = wanted(seed).astype(element)
        exact = plain.query(QUERIES[metric], params=[vector]).indices
        given = indexed.query(QUERIES[metric], params=[vector]).indices
        assert len(given) == 10
        found += len(np.intersect1d(exact, given))
        everywhere = plain.query(QUERIES[metric].replace("limit 10", ""), params=[vector]).indices
        place = np.argsort(everywhere)
        assert (np.diff(place[given]) > 0).all()
    assert found >= 0.9 * 100


def test_is_asked_only_for_what_it_can_tell() -> None:
    dataset = tql.from_numpy({"e": clustered(), "n": np.arange(ROWS)}).with_index("e")
    vector = [wanted(0)]
    near = "order by cosine_similarity(e, ?) desc limit 3"

    def is_searched(data: tql.View, query: str) -> bool:
        return "vector search, usearch index, approximate" in data.explain(query, params=vector)

    assert is_searched(dataset, f"select * {near}")
    assert is_searched(dataset, f"select n {near} offset 2")
    assert is_searched(dataset, f"select * from (select * {near}) where n > 5")
    for other in (
        f"select * where n > 5 {near}",
        "select * order by cosine_similarity(e, ?) limit 3",
        "select * order by cosine_similarity(e, ?) desc",
        "select * order by dot(e, ?) desc limit 3",
        "select * order by l2_norm(e - ?) limit 3",
        "select * order by cosine_similarity(e, ?) desc, n limit 3",
    ):
        assert not is_searched(dataset, other)
    assert not is_searched(dataset[10:2000], f"select * {near}")
    assert not is_searched(dataset.query("select * limit 900"), f"select * {near}")
    assert not is_searched(tql.from_numpy({"e": clustered()}), f"select * {near}")


def test_a_condition_is_met_before_the_search() -> None:
    plain = tql.from_numpy({"e": clustered(), "n": np.arange(ROWS)})
    query = "select * where n < 50 order by cosine_similarity(e, ?) desc limit 10"
    given = plain.with_index("e").query(query, params=[wanted(1)]).indices
    np.testing.assert_array_equal(given, plain.query(query, params=[wanted(1)]).indices)


def test_declared_with_the_column() -> None:
    schema = {"e": tql.embedding(WIDTH, index="usearch", metric="l2")}
    dataset = tql.from_pydict({"e": clustered().tolist()}, schema)
    assert dataset.schema["e"].index == "usearch/l2"
    assert "vector search" in dataset.explain(QUERIES["l2"], params=[wanted(2)])
    assert len(dataset.query(QUERIES["l2"], params=[wanted(2)])) == 10
    assert tql.from_pydict({"e": [[1.0, 2.0]]}, {"e": tql.embedding(2)}).schema["e"].index is None


def test_rows_without_a_vector_come_last() -> None:
    vectors = clustered()[:200].copy()
    vectors[7] = np.nan
    masked = np.ma.masked_array(vectors, np.zeros_like(vectors, bool))
    masked[9] = np.ma.masked
    dataset = tql.from_numpy({"e": masked}).with_index("e")
    query = "select * order by cosine_similarity(e, ?) desc limit {}"
    first = dataset.query(query.format(20), params=[wanted(3)]).indices
    assert not {7, 9} & set(first.tolist())
    everything = dataset.query(query.format(1000), params=[wanted(3)]).indices
    assert everything.tolist()[-2:] == [7, 9] and len(everything) == 200


def test_an_empty_and_a_tiny_dataset() -> None:
    for rows in (0, 1, 3):
        dataset = tql.from_numpy({"e": clustered()[:rows]}).with_index("e")
        assert len(dataset.query(QUERIES["cosine"], params=[wanted(0)])) == rows


def test_the_same_graph_each_time_and_on_every_thread() -> None:
    answers: list[list[int]] = []
    dataset = tql.from_numpy({"e": clustered()}).with_index("e")
    expected = dataset.query(QUERIES["cosine"], params=[wanted(5)]).indices.tolist()
    again = tql.from_numpy({"e": clustered()}).with_index("e")  # made by the first of these threads

    def ask() -> None:
        answers.append(again.query(QUERIES["cosine"], params=[wanted(5)]).indices.tolist())

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 6


def test_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "e.usearch"
    made = tql.from_numpy({"e": clustered()}).with_index("e", path=path)
    assert path.exists()
    written = path.stat().st_mtime_ns
    read = tql.from_numpy({"e": clustered()}).with_index("e", path=path)
    assert path.stat().st_mtime_ns == written
    assert [p.name for p in tmp_path.iterdir()] == ["e.usearch"]
    for seed in range(3):
        answers = [d.query(QUERIES["cosine"], params=[wanted(seed)]).indices.tolist() for d in (made, read)]
        assert answers[0] == answers[1]


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "e.usearch"
    dataset = tql.from_numpy({"e": clustered()})
    dataset.with_index("e", path=path)
    others = {
        "another vector for row": (tql.from_numpy({"e": clustered() + 1}), "cosine"),
        "vectors of another length": (tql.from_numpy({"e": clustered()[:, :5]}), "cosine"),
        "another metric": (dataset, "l2"),
        "more rows": (tql.from_numpy({"e": clustered()[:100]}), "cosine"),
    }
    for reason, (other, metric) in others.items():
        with pytest.raises(FormatError, match=reason):
            other.with_index("e", metric, path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FormatError, match="no usearch index"):
        dataset.with_index("e", path=path)


def test_pickled(tmp_path: Path) -> None:
    dataset = tql.from_numpy({"e": clustered(), "n": np.arange(ROWS)}).with_index("e", path=tmp_path / "e")
    view = dataset.query("select n order by cosine_similarity(e, ?) desc limit 5", params=[wanted(6)])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(view))["n"], view["n"])
    copy = pickle.loads(pickle.dumps(dataset))
    assert "vector search" in copy.explain(QUERIES["cosine"], params=[wanted(6)])
    given = [d.query(QUERIES["cosine"], params=[wanted(6)]).indices.tolist() for d in (copy, dataset)]
    assert given[0] == given[1]


def test_a_named_source() -> None:
    dataset = tql.from_numpy({"e": clustered()}).with_index("e")
    query = QUERIES["cosine"].replace("select *", "select * from near")
    given = tql.query(query, sources={"near": dataset}, params=[wanted(7)]).indices
    np.testing.assert_array_equal(given, dataset.query(QUERIES["cosine"], params=[wanted(7)]).indices)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    dataset = tql.from_numpy({"e": clustered()[:100]}).with_index("e")
    with pytest.raises(MissingDependencyError, match="usearch") as error:
        dataset.query(QUERIES["cosine"], params=[wanted(0)])
    assert error.value.hint is not None and "tql[usearch]" in error.value.hint
    with pytest.raises(MissingDependencyError):
        dataset.with_index("e", path=tmp_path / "e")
    assert len(tql.from_numpy({"e": clustered()[:100]}).query(QUERIES["cosine"], params=[wanted(0)])) == 10


def test_what_cannot_have_an_index() -> None:
    dataset = tql.from_numpy({"e": clustered()[:9], "n": np.arange(9), "m": np.zeros((9, 2, 2))})
    with pytest.raises(UnknownColumnError):
        dataset.with_index("f")
    for column in ("n", "m"):
        with pytest.raises(ArgumentError, match="vectors of one length"):
            dataset.with_index(column)
    with pytest.raises(ArgumentError, match="metric"):
        dataset.with_index("e", "euclid")
    for bad in ({"width": 0}, {"element": "text"}, {"index": "bm25"}, {"metric": "euclid"}):
        with pytest.raises(ArgumentError):
            tql.embedding(**{"width": 3, **bad})  # type: ignore[arg-type]
