"""Q6, Q9: the first rows in some order; S1 to S5: all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tql
from query.filters import rows_of, scalars
from query.line import THREADS, Contender, Faster, Line
from query.peers import Peers


def first_of(best: np.ndarray, scores: np.ndarray):
    """The check for the rows of the best scores: equal scores may come in any order."""

    def check(answer: Any) -> None:
        rows = np.asarray(answer)
        assert len(np.unique(rows)) == len(best)
        np.testing.assert_allclose(scores[rows], best, rtol=1e-5)

    return check


def top_hundred(rows: int) -> Iterator[Line]:
    score = scalars(rows)["score"]
    peers = Peers({"score": score})

    def by_numpy() -> np.ndarray:
        first = np.argpartition(score, -100)[-100:]
        return first[np.argsort(-score[first])]

    def by_polars(pl, frame):
        return frame.lazy().with_row_index().top_k(100, by="score").select("index").collect()

    yield Line(
        "order by score desc limit 100",
        rows_of(tql.from_numpy({"score": score}), "select * order by score desc limit 100"),
        first_of(score[by_numpy()], score),
        (Faster(7),),
        {
            "numpy": peers.numpy(by_numpy),
            "polars": peers.polars(by_polars),
            "datafusion": peers.datafusion("select id from t order by score desc limit 100"),
            "duckdb": peers.duckdb("select rowid from t order by score desc limit 100"),
            "torch": peers.torch(lambda torch, columns: torch.topk(columns["score"], 100).indices),
        },
        score.nbytes,
    )


def sorted_floats(rows: int) -> Iterator[Line]:
    score = np.random.default_rng(0).random(rows // 4, dtype=np.float32)
    yield _sorted({"score": score}, "score", lambda: np.argsort(score, kind="stable"))


def sorted_int32(rows: int) -> Iterator[Line]:
    key = np.random.default_rng(1).integers(-(1 << 31), 1 << 31, rows // 4, dtype=np.int32)
    yield _sorted({"key": key}, "key", lambda: np.argsort(key, kind="stable"))


def sorted_int64(rows: int) -> Iterator[Line]:
    key = np.random.default_rng(2).integers(-(1 << 63), 1 << 63, rows // 4, dtype=np.int64, endpoint=False)
    yield _sorted({"key": key}, "key", lambda: np.argsort(key, kind="stable"))


def sorted_texts(rows: int) -> Iterator[Line]:
    names = np.char.add("item ", np.random.default_rng(3).integers(0, 1 << 40, rows // 4).astype(np.str_))
    yield _sorted({"name": names}, "name", None)


def sorted_by_two(rows: int) -> Iterator[Line]:
    columns = scalars(rows // 4)
    labels, score = columns["labels"], columns["score"]
    yield _sorted(columns, "labels, score", lambda: np.lexsort((score, labels)))


def _sorted(columns: dict[str, np.ndarray], order: str, by_numpy: Callable[[], np.ndarray] | None) -> Line:
    """All row numbers in an order; equal keys may come in any order."""
    keys = order.split(", ")
    peers = Peers(columns)
    expected = by_numpy() if by_numpy else np.argsort(columns[order], kind="stable")
    in_order = [columns[key][expected] for key in keys]

    def check(answer: Any) -> None:
        rows = np.asarray(answer)
        assert np.bincount(rows, minlength=len(expected)).max() == 1
        for key, values in zip(keys, in_order, strict=True):
            np.testing.assert_array_equal(columns[key][rows], values)

    def by_polars(pl, frame):
        lazy = frame.lazy().select(*keys).with_row_index()
        return lazy.sort(keys).select("index").collect()

    types = ", ".join("text" if columns[key].dtype.kind == "U" else columns[key].dtype.name for key in keys)
    return Line(
        f"all of {len(expected):,} rows order by {order} ({types})",
        rows_of(tql.from_numpy(columns), f"select * order by {order}"),
        check,
        (Faster(1),),
        {
            "numpy": peers.numpy(by_numpy) if by_numpy else None,
            "polars": peers.polars(by_polars),
            "datafusion": peers.datafusion(f"select id from t order by {order}"),
            "duckdb": peers.duckdb(f"select rowid from t order by {order}"),
        },
        sum(columns[key].nbytes for key in keys),
    )


def nearest(rows: int) -> Iterator[Line]:
    count, width = max(10, rows // 40), 256
    random = np.random.default_rng(6)
    vectors = random.standard_normal((count, width), dtype=np.float32)
    wanted = random.standard_normal(width, dtype=np.float32)
    dataset, peers = tql.from_numpy({"embedding": vectors}), Peers({"embedding": vectors})

    def by_numpy() -> np.ndarray:
        scores = vectors @ wanted / np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        first = np.argpartition(scores, -10)[-10:]
        return first[np.argsort(-scores[first])]

    def by_torch(torch, columns):
        table = columns["embedding"]
        scores = torch.nn.functional.cosine_similarity(table, torch.from_numpy(wanted)[None, :])
        return torch.topk(scores, 10).indices

    exact = vectors.astype(np.float64) @ wanted
    exact /= np.linalg.norm(vectors.astype(np.float64), axis=1)
    query = "select * order by cosine_similarity(embedding, ?) desc limit 10"
    yield Line(
        "cosine top-10 of vectors of 256 float32",
        Contender(lambda: dataset.query(query, params=[wanted], threads=THREADS).indices),
        first_of(np.sort(exact)[::-1][:10], exact),
        (Faster(2.5, ("numpy",)),),
        {"numpy": peers.numpy(by_numpy), "torch": peers.torch(by_torch)},
        vectors.nbytes,
    )
