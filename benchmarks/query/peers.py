"""The peers, each optional: one that is not installed is None wherever it would take part."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from query.line import THREADS, Contender

os.environ.setdefault("POLARS_MAX_THREADS", str(THREADS))  # read when Polars is imported

_BATCH_ROWS = 1 << 16
_DEEPLAKE_ROWS = 1_000_000


def module(name: str) -> Any | None:
    """A peer's module, None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def versions() -> dict[str, str]:
    """Peer to its version, or to "missing"."""
    names = ("numpy", "numexpr", "polars", "datafusion", "duckdb", "torch", "pyarrow", "deeplake")
    return {name: str(getattr(module(name), "__version__", "missing")) for name in names}


class Peers:
    """Each peer with the same columns in its own form, made on first use.

    Args:
        columns: name to a NumPy array, or to a function that makes an Arrow array, for columns that NumPy
            has no form for.
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = dict(columns)

    def numpy(self, run: Callable[[], Any]) -> Contender:
        return Contender(run)

    def numexpr(self, condition: str) -> Contender | None:
        """The rows where a condition holds."""
        numexpr = module("numexpr")
        if numexpr is None:
            return None
        numexpr.set_num_threads(THREADS)
        return Contender(lambda: np.flatnonzero(numexpr.evaluate(condition, local_dict=self._columns)))

    def duckdb(self, sql: str) -> Contender | None:
        """A query on table t; its first column is the answer. Rows have a number `rowid`."""
        connection = self._duckdb
        if connection is None:
            return None

        def run() -> Any:
            return connection.execute(sql).fetchnumpy()

        return Contender(run, lambda answer: np.ma.getdata(next(iter(answer.values()))))

    def duckdb_statement(self, text: Callable[[], str]) -> Contender | None:
        """A statement whose text is made anew each time."""
        connection = self._duckdb
        return None if connection is None else Contender(lambda: connection.execute(text()).fetchall(), bool)

    def datafusion(self, sql: str) -> Contender | None:
        """A query on table t; its first column is the answer. Rows have a number `id`."""
        context = self._datafusion
        if context is None:
            return None
        frame = context.sql(sql)
        return Contender(frame.collect_partitioned, _first_column)

    def polars(self, build: Callable[[Any, Any], Any]) -> Contender | None:
        """`build(polars, frame)` does the work and returns a Series or a frame of one column."""
        polars, frame = module("polars"), self._polars
        if polars is None or frame is None:
            return None
        return Contender(lambda: build(polars, frame), lambda answer: np.asarray(answer).reshape(-1))

    def torch(self, build: Callable[[Any, dict[str, Any]], Any]) -> Contender | None:
        """`build(torch, tensors)` does the work."""
        torch = module("torch")
        if torch is None:
            return None
        torch.set_num_threads(THREADS)
        tensors = {name: torch.from_numpy(array) for name, array in self._columns.items()}
        return Contender(lambda: build(torch, tensors))

    def deeplake(self, condition: str, expected: np.ndarray) -> Contender | None:
        """The view of the rows where a condition holds.

        It takes seconds for a million rows, so it gets no more, and its time per row counts for all of them.
        Instead of its rows their number is compared with that of the `expected` ones.
        """
        deeplake = module("deeplake")
        if deeplake is None:
            return None
        rows = len(next(iter(self._columns.values())))
        few = min(rows, _DEEPLAKE_ROWS)
        found = int(np.searchsorted(expected, few))
        dataset = deeplake.create(f"mem://{'-'.join(self._columns)}-{id(self)}")
        for name, column in self._columns.items():
            dataset.add_column(name, getattr(deeplake.types, column.dtype.name.capitalize())())
        dataset.append({name: column[:few] for name, column in self._columns.items()})
        dataset.commit()

        def run() -> float:
            start = time.perf_counter()
            view = dataset.query(f"select * where {condition}")
            passed = time.perf_counter() - start
            assert len(view) == found, (len(view), found)
            return passed * rows / few

        return Contender(run, lambda _: expected)

    @cached_property
    def _arrow(self) -> Any | None:
        arrow = module("pyarrow")
        if arrow is None:
            return None
        made = {name: c() if callable(c) else arrow.array(c) for name, c in self._columns.items()}
        return arrow.table(made)

    @cached_property
    def _duckdb(self) -> Any | None:
        duckdb, table = module("duckdb"), self._arrow
        if duckdb is None or table is None:
            return None
        connection = duckdb.connect()
        connection.execute(f"set threads = {THREADS}")
        connection.register("arrow_table", table)
        connection.execute("create table t as select * from arrow_table")
        return connection

    @cached_property
    def _datafusion(self) -> Any | None:
        datafusion, table = module("datafusion"), self._arrow
        if datafusion is None or table is None:
            return None
        ids = np.arange(table.num_rows, dtype=np.int64)
        # A batch for every thread at least: fewer would be dealt out in an order of their own.
        batch_rows = max(1, min(_BATCH_ROWS, table.num_rows // THREADS))
        batches = table.append_column("id", [ids]).to_batches(max_chunksize=batch_rows)
        share = (len(batches) + THREADS - 1) // THREADS
        partitions = [batches[i : i + share] for i in range(0, len(batches), share)]
        context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(THREADS))
        context.register_record_batches("t", partitions)
        return context

    @cached_property
    def _polars(self) -> Any | None:
        polars, table = module("polars"), self._arrow
        return None if polars is None or table is None else polars.from_arrow(table)


def _first_column(partitions: list[list[Any]]) -> Any:
    columns = [b.column(0).to_numpy(zero_copy_only=False) for batches in partitions for b in batches]
    return np.concatenate(columns) if columns else np.zeros(0, np.int64)
