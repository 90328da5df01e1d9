"""Which datasets keep zone maps, and that none is ever out of date."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

import tql
from tql._engine import Column
from tql.loader.source import Statistics
from tql.loader.sources.numpy import NumpySource
from tql.loader.zones import KeptZones


def frozen(values: Any) -> Any:
    array = np.array(values)
    array.flags.writeable = False
    return array


def known(ds: Any, column: str = "x") -> bool:
    zones = ds.zones(column)
    return zones is not None and zones.covers(0, len(ds))


def test_a_writeable_array_may_change_between_queries() -> None:
    values = np.zeros(1000, np.int32)
    ds = tql.from_numpy({"x": values})
    assert len(ds.query("select * where x == 1")) == 0
    values[500] = 1
    assert ds.query("select * where x == 1").indices.tolist() == [500]
    assert ds.zones("x") is None


def test_a_read_only_view_of_a_writeable_array_may_change_too() -> None:
    values = np.zeros(1000, np.int32)
    ds = tql.from_numpy({"x": frozen_view(values)})
    assert len(ds.query("select * where x == 1")) == 0
    values[500] = 1
    assert ds.query("select * where x == 1").indices.tolist() == [500]


def frozen_view(values: np.ndarray) -> np.ndarray:
    view = values.view()
    view.flags.writeable = False
    return view


def test_an_array_over_a_bytearray_may_change_too() -> None:
    memory = bytearray(4000)
    ds = tql.from_numpy({"x": frozen_view(np.frombuffer(memory, np.int32))})
    assert len(ds.query("select * where x == 1")) == 0
    np.frombuffer(memory, np.int32)[500] = 1
    assert ds.query("select * where x == 1").indices.tolist() == [500]


def test_arrays_that_nobody_writes_to_are_measured() -> None:
    ds = tql.from_numpy(
        {
            "x": frozen(np.arange(1000)),
            "listed": list(range(1000)),
            "turned": np.arange(1000)[::-1],
            "bytes": np.frombuffer(np.arange(1000).tobytes(), np.int64),
        }
    )
    for name in ds.columns:
        assert len(ds.query(f"select * where {name} < 10")) == 10
        assert known(ds, name)
        assert len(ds.query(f"select * where {name} < 10")) == 10
        assert len(ds.query(f"select * where {name} < 0")) == 0


def test_values_of_a_dict_are_measured() -> None:
    ds = tql.from_pydict({"x": [1, None, 3], "f": [1.5, float("nan"), 2.5]})
    assert ds.query("select * where x > 1 and f > 2").indices.tolist() == [2]
    assert known(ds, "x") and known(ds, "f")


def test_views_hand_over_the_zones_of_their_rows() -> None:
    ds = tql.from_numpy({"x": frozen(np.arange(1000))})
    part = ds[100:200]
    assert part.query("select x as y where x >= 150").indices.tolist() == list(range(150, 200))
    assert known(part) and ds.zones("x").covers(100, 200) and not known(ds)
    renamed = ds.query("select x as y")
    assert renamed.query("select * where y < 3").indices.tolist() == [0, 1, 2]
    assert known(ds)
    odd = ds[np.arange(1, 1000, 2)]
    assert odd.zones("x") is None
    assert len(odd.query("select * where x < 10")) == 5


def test_a_computed_column_has_none() -> None:
    ds = tql.from_numpy({"x": frozen(np.arange(100))})
    doubled = ds.query("select x * 2 as y")
    assert doubled.zones("y") is None
    assert len(doubled.query("select * where y < 10")) == 5


def test_a_dataset_that_travelled_starts_anew() -> None:
    ds = tql.from_numpy({"x": frozen(np.arange(100))})
    ds.query("select * where x < 10")
    copy = pickle.loads(pickle.dumps(ds))
    assert len(copy.query("select * where x < 10")) == 10


class SpokenFor(NumpySource):
    """A source whose format has statistics; counts what is read."""

    def __init__(self, columns: Any) -> None:
        super().__init__(columns)
        self.kept = KeptZones(self.statistics)
        self.reads: list[tuple[int, int]] = []

    def statistics(self, column: str) -> Statistics | None:
        edges = np.arange(0, 1001, 100)
        return Statistics(edges, edges[:-1], edges[1:] - 1, np.zeros(10, np.int64))

    def zones(self, column: str) -> Any:
        return self.kept.of(column)

    def partitions(self, columns: Any) -> Any:
        return [(start, start + 100) for start in range(0, 1000, 100)]

    def read(self, column: str, facet: Any, start: int, stop: int) -> Column:
        self.reads.append((start, stop))
        return super().read(column, facet, start, stop)


def test_statistics_of_a_format() -> None:
    stored = tql.from_numpy({"x": np.arange(1000)}).storage
    source = SpokenFor(stored._stored)  # type: ignore[attr-defined]
    ds = tql.Dataset(source)
    assert ds.query("select * where x between 420 and 450").indices.tolist() == list(range(420, 451))
    assert source.reads == [(400, 500)]
