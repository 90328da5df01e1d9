"""V1 to V3: norms and distances of vectors, and late interaction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tql
from query.line import THREADS, Contender, Faster, Line, NearLimit
from query.ordering import first_of
from query.peers import Peers

_WIDTH = 256
_FIRST = 10


def _vectors(rows: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((max(_FIRST, rows // 40), _WIDTH), dtype=np.float32)


def _first(scores: np.ndarray) -> np.ndarray:
    """The rows of the lowest scores, in order."""
    first = np.argpartition(scores, _FIRST - 1)[:_FIRST]
    return first[np.argsort(scores[first])]


def _ours(dataset: tql.Dataset, query: str, *params: np.ndarray) -> Contender:
    return Contender(lambda: dataset.query(query, params=params, threads=THREADS).indices)


def longest(rows: int) -> Iterator[Line]:
    vectors = _vectors(rows)
    peers = Peers({"embedding": vectors})
    exact = np.linalg.norm(vectors.astype(np.float64), axis=1)
    yield Line(
        "largest 10 by l2_norm, vectors of 256 float32",
        _ours(tql.from_numpy({"embedding": vectors}), "select * order by l2_norm(embedding) desc limit 10"),
        first_of(np.sort(exact)[::-1][:_FIRST], exact),
        (Faster(1), NearLimit(1.5)),
        {
            "numpy": peers.numpy(lambda: _first(-np.einsum("ij,ij->i", vectors, vectors))),
            "torch": peers.torch(
                lambda torch, columns: torch.topk(columns["embedding"].norm(dim=1), _FIRST).indices
            ),
        },
        vectors.nbytes,
    )


def closest(rows: int) -> Iterator[Line]:
    for dtype in ("float32", "float16"):
        vectors = _vectors(rows).astype(dtype)
        wanted = np.random.default_rng(8).standard_normal(_WIDTH).astype(dtype)
        peers = Peers({"embedding": vectors})
        exact = np.linalg.norm(vectors.astype(np.float64) - wanted.astype(np.float64), axis=1)

        def by_numpy(vectors=vectors, wanted=wanted) -> np.ndarray:
            difference = vectors.astype(np.float32) - wanted.astype(np.float32)
            return _first(np.einsum("ij,ij->i", difference, difference))

        def by_torch(torch, columns, wanted=wanted):
            table = columns["embedding"].float()
            return torch.topk(
                torch.cdist(table, torch.from_numpy(wanted).float()[None, :])[:, 0], _FIRST, largest=False
            ).indices

        yield Line(
            f"closest 10 by l2_norm(embedding - ?), vectors of 256 {dtype}",
            _ours(
                tql.from_numpy({"embedding": vectors}),
                "select * order by l2_norm(embedding - ?) limit 10",
                wanted,
            ),
            first_of(np.sort(exact)[:_FIRST], exact),
            (Faster(1), NearLimit(1.5)),
            {"numpy": peers.numpy(by_numpy), "torch": peers.torch(by_torch)},
            vectors.nbytes,
        )


def late_interaction(rows: int) -> Iterator[Line]:
    tokens, width = 32, 128
    count = max(_FIRST, rows // 1000)
    random = np.random.default_rng(9)
    documents = random.standard_normal((count, tokens, width), dtype=np.float32)
    dataset, peers = tql.from_numpy({"tokens": documents}), Peers({"tokens": documents})
    for words in (4, 32):
        wanted = random.standard_normal((words, width), dtype=np.float32)

        def scores(dtype, wanted=wanted) -> np.ndarray:
            table, query = documents.reshape(-1, width).astype(dtype, copy=False), wanted.astype(dtype)
            query = query / np.linalg.norm(query, axis=1, keepdims=True)
            cosines = table @ query.T / np.sqrt(np.einsum("ij,ij->i", table, table))[:, None]
            return cosines.reshape(count, tokens, -1).max(1).sum(1)

        def by_torch(torch, columns, wanted=wanted):
            normalize = torch.nn.functional.normalize
            query = normalize(torch.from_numpy(wanted), dim=1)
            cosines = normalize(columns["tokens"], dim=2) @ query.T
            return torch.topk(cosines.amax(1).sum(1), _FIRST).indices

        exact = scores(np.float64)
        yield Line(
            f"best 10 by maxsim, 32 vectors of 128 float32 per row, {words} in the query",
            _ours(dataset, "select * order by maxsim(tokens, ?) desc limit 10", wanted),
            first_of(np.sort(exact)[::-1][:_FIRST], exact),
            (Faster(1),),
            {
                "numpy": peers.numpy(lambda scores=scores: _first(-scores(np.float32))),
                "torch": peers.torch(by_torch),
            },
            documents.nbytes,
        )
