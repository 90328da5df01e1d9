"""What workers that are not forked get: arrays in shared memory, everything else as it was."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tql
from tql.loader.dataloader import DataLoader
from tql.loader.packed_rows import PackedRows
from worker_functions import Counted, Scratch, brighter, shared_bytes

STARTED = [method for method in multiprocessing.get_all_start_methods() if method != "fork"]


def content(loader: DataLoader) -> list[Any]:
    return [{name: value.tolist() for name, value in batch.items()} for batch in loader]


@given(st.lists(st.integers(0, 2**40), max_size=20), st.booleans())
def test_rows_are_packed_and_unpacked(rows: list[int], in_order: bool) -> None:
    numbers = np.array(sorted(rows) if in_order else rows, np.int64)
    packed = pickle.loads(pickle.dumps(PackedRows.of(numbers)))
    assert packed.unpacked().tolist() == numbers.tolist()
    assert packed.unpacked().dtype == np.int64


def test_a_filtered_view_of_files_pickles_in_a_byte_a_row(tmp_path: Path) -> None:
    rows = 200_000
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="int64", chunk_compression="lz4")
        ds.extend({"x": np.arange(rows)})
    view = tql.load(tmp_path / "ds").query("select * where x % 7 != 3")
    pickled = pickle.dumps(view)
    assert len(pickled) < 1.05 * len(view) + 5000
    restored = pickle.loads(pickled)
    assert np.array_equal(restored.indices, view.indices)
    mixed = view[np.random.default_rng(0).permutation(len(view))]
    assert len(pickle.dumps(mixed)) < 4.05 * len(view) + 5000
    assert np.array_equal(pickle.loads(pickle.dumps(mixed)).indices, mixed.indices)


@pytest.mark.skipif(sys.platform != "linux", reason="shared in files without a name, which Linux has")
@pytest.mark.parametrize("method", STARTED)
def test_rows_in_memory_are_written_once_for_all_workers(method: str) -> None:
    rows = 400_000
    ds = tql.from_numpy({"x": np.arange(rows), "y": np.arange(float(rows))})
    chain = ds.dataloader(seed=1).transform(shared_bytes).batch(1000)
    with chain.numpy(num_workers=2, multiprocessing_context=method) as loader:
        sizes = np.array([next(iterator) for iterator in [iter(loader)] for _ in range(2)])
    # Both columns, in one mapping that is the same file for both workers; neither has them a second time.
    assert 16 * rows <= sizes[:, 0, 0].min() and sizes[:, 0, 0].max() < 17 * rows
    assert len(set(sizes[:, 0, 1].tolist())) == 1


@pytest.mark.parametrize("method", STARTED)
def test_the_starting_process_makes_no_copy_for_each_worker(method: str) -> None:
    if sys.platform != "linux":
        pytest.skip("shared in files without a name, which Linux has")
    rows = 1_000_000
    loader = tql.from_numpy({"x": np.arange(rows)}).dataloader().batch(1000)
    chain = loader.numpy(num_workers=2, multiprocessing_context=method, tensors=["x"])
    tracemalloc.start()
    try:
        iterator = iter(chain)
        first = next(iterator)["x"]
        assert first.tolist() == list(range(1000))
        assert tracemalloc.get_traced_memory()[1] < 8 * rows // 4
    finally:
        tracemalloc.stop()
        chain.close()


@pytest.mark.parametrize("method", STARTED)
def test_a_worker_that_writes_into_an_array_of_its_function_changes_its_own(method: str) -> None:
    scratch = Scratch(np.zeros(100_000, np.int64))
    ds = tql.from_numpy({"x": np.arange(8)})
    chain = ds.dataloader().transform(scratch).batch(1)
    with chain.numpy(num_workers=2, multiprocessing_context=method, persistent_workers=True) as loader:
        # Batches go to the workers in turn, and each counts its own.
        assert [int(batch[0]) for batch in loader] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert not scratch.counts.any()


@pytest.mark.parametrize("method", STARTED)
def test_what_multiprocessing_hands_to_its_processes_still_travels(method: str) -> None:
    counter = multiprocessing.get_context(method).Value("i", 0)
    ds = tql.from_numpy({"x": np.arange(10)})
    chain = ds.dataloader().transform(Counted(counter)).batch(2)
    assert sorted(
        int(x) for batch in chain.numpy(num_workers=2, multiprocessing_context=method) for x in batch
    )
    assert counter.value == 10


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("PIL")
    folder = tmp_path_factory.mktemp("photos") / "ds"
    coarse = np.random.default_rng(0).integers(0, 256, (24, 5, 6, 3), np.uint8)
    with tql.empty(folder) as ds:
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("labels", dtype="int64")
        ds.extend({"images": list(coarse.repeat(8, 1).repeat(8, 2)), "labels": np.arange(24) % 4})
    return folder


def trained_on(folder: Path, steps: Any) -> DataLoader:
    chain = tql.load(folder).query("select * where labels != 2").dataloader(seed=3)
    chain = chain.sample_by("max_weight(labels == 1: 4, true: 1)").shuffle()
    return chain.transform({"images": steps, "labels": None}).batch(4)


@pytest.mark.parametrize("kind", ["native", "python", "mixed"])
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_image_transforms_give_the_same_however_workers_start(method: str, kind: str, photos: Path) -> None:
    native = [
        tql.transforms.RandomResizedCrop(16),
        tql.transforms.RandomHorizontalFlip(),
        tql.transforms.ColorJitter(0.3),
    ]
    steps: Any = {"native": native, "python": brighter, "mixed": [*native, brighter]}[kind]
    if kind == "python":
        steps = [tql.transforms.CenterCrop(16), brighter]
    alone = trained_on(photos, steps).numpy(return_index=True)
    expected = [content(alone) for _ in range(2)]
    with trained_on(photos, steps).numpy(
        return_index=True, num_workers=2, multiprocessing_context=method, persistent_workers=True
    ) as loader:
        assert [content(loader) for _ in range(2)] == expected
    assert expected[0] != expected[1]
