"""Rows of numbers that are copied from chunks in memory are the rows that are read otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tql
from tql._engine import DecodePool
from tql.errors import FormatError
from tql.loader.sources.v3.source import V3Source

ROWS = 500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many small chunks of every kind."""
    root = tmp_path_factory.mktemp("fixed") / "ds"
    rng = np.random.default_rng(0)
    with tql.empty(root) as ds:
        ds.create_tensor("pixels", dtype="uint8", max_chunk_size=4096)
        ds.create_tensor("label", dtype="int64", max_chunk_size=1024)
        ds.create_tensor("packed", dtype="float32", chunk_compression="lz4", max_chunk_size=4096)
        ds.create_tensor("flag", dtype="bool", max_chunk_size=4096)
        ds.create_tensor("ragged", dtype="int16", max_chunk_size=4096)
        ds.create_tensor("wide", dtype="uint8", max_chunk_size=1 << 19)
        ds.create_tensor("large", dtype="uint8", max_chunk_size=1 << 20)
        ds.extend(
            {
                "pixels": rng.integers(0, 256, (ROWS, 7, 5), np.uint8),
                "label": np.arange(ROWS),
                "packed": rng.integers(0, 9, (ROWS, 11)).astype(np.float32),
                "flag": rng.integers(0, 2, (ROWS, 3)).astype(bool),
                "ragged": [np.arange(row % 4, dtype=np.int16) for row in range(ROWS)],
                "wide": rng.integers(0, 256, (ROWS, 3000), np.uint8),
                "large": np.ones((ROWS, 5000), np.uint8),
            }
        )
    return root


def copied(source: V3Source, column: str, rows: NDArray[np.int64]) -> Any:
    found = source.fixed(column, rows)
    if found is None:
        return None
    pool = DecodePool(2)
    values = pool.submit(found).wait()
    pool.close()
    return values


@pytest.mark.parametrize("column", ["pixels", "label", "packed", "wide"])
def test_rows_are_those_that_are_read(column: str, folder: Path) -> None:
    source = V3Source(folder)
    assert source.tensor(column).num_chunks() > 3
    rng = np.random.default_rng(1)
    orders = [
        np.arange(ROWS),
        rng.permutation(ROWS),
        rng.integers(0, ROWS, 2 * ROWS),
        np.array([ROWS - 1, 0]),
    ]
    for rows in (*orders, np.array([17])):
        values = copied(source, column, rows)
        expected = source.take(column, "values", rows).values
        assert values.dtype == expected.dtype
        assert np.array_equal(values, expected)
    for row in (-1, ROWS):
        with pytest.raises(IndexError):
            source.fixed(column, np.array([0, row]))


@pytest.mark.parametrize("column", ["flag", "ragged", "large"])
def test_rows_that_need_a_closer_look_are_left_to_others(column: str, folder: Path) -> None:
    assert V3Source(folder).fixed(column, np.arange(3)) is None


def test_chunks_that_do_not_all_fit_are_not_held(folder: Path) -> None:
    rows = np.arange(0, ROWS, 50)
    assert V3Source(folder).fixed("wide", rows) is not None
    source = V3Source(folder, cache_bytes=ROWS * 3000 - 1)
    assert source.fixed("wide", rows) is None
    end = source.lease_cache(ROWS * 6000)
    assert source.fixed("wide", rows) is not None
    end()
    assert source.fixed("wide", rows) is None


def test_a_damaged_chunk_is_named_by_the_rows_in_it_alone(folder: Path, tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="uint8", max_chunk_size=1024)
        ds.extend({"x": np.arange(300, dtype=np.uint16).astype(np.uint8).repeat(20).reshape(300, 20)})
    source = V3Source(tmp_path / "ds")
    name = source.chunk_name("x", 200)
    (tmp_path / "ds" / "x" / "chunks" / str(name)).write_bytes(b"nonsense")
    assert np.array_equal(copied(source, "x", np.array([1, 0]))[:, 0], [1, 0])
    with pytest.raises(FormatError):
        source.fixed("x", np.array([1, 200]))


def test_the_loader_gives_the_rows_of_the_arrays(folder: Path) -> None:
    view = tql.load(folder)
    names = ["pixels", "label", "packed", "flag"]
    expected = {name: np.asarray(view[name]) for name in names}
    loader = view.dataloader(seed=1).shuffle().batch(7).numpy(tensors=names, return_index=True)
    rows: list[int] = []
    for batch in loader:
        for name in names:
            assert np.array_equal(batch[name], expected[name][batch["index"]])
        rows += batch["index"].tolist()
    assert sorted(rows) == list(range(ROWS))
