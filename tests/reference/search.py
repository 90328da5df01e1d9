"""Section 12: BM25_SIMILARITY, a key of `ORDER BY BM25_SIMILARITY(...) DESC LIMIT k` and nothing else."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from reference.constants import constant, is_constant
from reference.scope import Column, Row, Scope
from reference.words import bm25
from tql import ast
from tql.errors import ArityError, QueryTypeError, UnsupportedError


def is_search(keys: Sequence[ast.OrderKey]) -> bool:
    """Whether rows are ordered by how well they fit a search."""
    return any(isinstance(k.expr, ast.Call) and k.expr.function == "bm25_similarity" for k in keys)


def check_search(statement: ast.Statement, scope: Scope) -> None:
    """Raise where BM25 does not stand as it must."""
    key = statement.order_by[0]
    assert isinstance(key.expr, ast.Call)
    limited = statement.limit is not None and statement.limit.count is not None
    if len(statement.order_by) > 1 or not key.descending or not limited:
        raise UnsupportedError("bm25_similarity needs ORDER BY ... DESC LIMIT", span=key.span)
    if len(key.expr.args) != 2:
        raise ArityError("bm25_similarity takes 2 arguments", span=key.span)
    column, text = key.expr.args
    if not isinstance(column, ast.Name) or scope.resolve(column).index != "bm25":
        raise UnsupportedError("bm25_similarity needs a column with a BM25 index", span=column.span)
    if not is_constant(text) or constant(text, scope.parameters).dtype != object:
        raise QueryTypeError("bm25_similarity needs a text", span=text.span)


def search_order(rows: Sequence[Row], keys: Sequence[ast.OrderKey], scope: Scope) -> list[Row]:
    """The rows with the best first; equals keep their order."""
    call = keys[0].expr
    assert isinstance(call, ast.Call)
    assert isinstance(call.args[0], ast.Name)
    column = scope.resolve(call.args[0])
    scores = _scores(column, str(constant(call.args[1], scope.parameters).item()))
    return sorted(rows, key=lambda row: -scores[row.source_row])


def _scores(column: Column, query: str) -> dict[Hashable, float]:
    assert column.dataset is not None
    texts = [cell.item() if isinstance(cell, np.ndarray) else None for cell in column.dataset]
    return dict(enumerate(bm25(texts, query)))
