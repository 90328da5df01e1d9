"""Loaders over rows that are compressed together, in buffers that hold few chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import RowWarning

ROWS = 300
PIXELS = np.random.default_rng(3).integers(0, 256, (ROWS, 16, 16, 3), np.uint8)
BUFFER = 0.05  # megabytes: 65 rows
CHUNKED = {"lz4": "lz4", "png": "png", "jpeg": "jpeg"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("chunks")
    forms = {name: {"chunk_compression": codec} for name, codec in CHUNKED.items()}
    for name, how in (forms | {"samples": {"sample_compression": "jpeg"}}).items():
        with tql.empty(root / name) as ds:
            ds.create_tensor("images", htype="image", max_chunk_size=20_000, **how)
            ds.extend({"images": list(PIXELS)})
    return root


def rows_of(loader: Any) -> tuple[np.ndarray, np.ndarray]:
    batches = list(loader)
    return tuple(np.concatenate([batch[name] for batch in batches]) for name in ("index", "images"))


@pytest.mark.parametrize(("name", "mode"), [*((name, "windows") for name in CHUNKED), ("samples", "exact")])
def test_rows_that_are_compressed_together_are_shuffled_in_windows(root: Path, name: str, mode: str) -> None:
    loader = tql.load(root / name).dataloader().shuffle(buffer_size=BUFFER).batch(20).numpy()
    assert loader.state_dict()["order"]["shuffle"].startswith(mode)


@pytest.mark.parametrize("name", CHUNKED)
@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_has_the_rows_of_the_dataset(root: Path, name: str, drawn: bool, workers: int) -> None:
    view = tql.load(root / name)
    wanted = PIXELS if name != "jpeg" else view["images"]
    loader = view.dataloader()
    if drawn:
        loader = loader.sample_by(np.arange(ROWS, dtype=np.float64))
    loader = loader.shuffle(buffer_size=BUFFER).batch(32)
    index, images = rows_of(loader.numpy(return_index=True, num_workers=workers))
    assert np.array_equal(images, wanted[index])
    assert drawn or np.array_equal(np.sort(index), np.arange(ROWS))


@pytest.mark.parametrize("name", CHUNKED)
def test_batches_are_the_callers(root: Path, name: str) -> None:
    """What is written to one is seen in no other batch, nor in a later epoch."""
    view = tql.load(root / name)
    loader = view.dataloader().shuffle(buffer_size=BUFFER).batch(32).numpy(return_index=True)
    wanted = view["images"].copy()
    for _ in range(2):
        for batch in loader:
            assert np.array_equal(batch["images"], wanted[batch["index"]])
            batch["images"][:] = 0


@pytest.mark.parametrize("name", CHUNKED)
def test_a_damaged_chunk_costs_its_own_rows(root: Path, tmp_path: Path, name: str) -> None:
    with tql.empty(tmp_path / name) as ds:
        how = {"chunk_compression": CHUNKED[name], "max_chunk_size": 20_000}
        ds.create_tensor("images", htype="image", **how)
        ds.extend({"images": list(PIXELS)})
    chunk = sorted((tmp_path / name / "images" / "chunks").iterdir())[0]
    chunk.write_bytes(chunk.read_bytes()[:-200])
    view = tql.load(tmp_path / name)
    loader = view.dataloader().shuffle(buffer_size=BUFFER).batch(32).numpy(return_index=True, on_error="skip")
    with pytest.warns(RowWarning):
        index, images = rows_of(loader)
    bad = {error.row for error in loader.errors}
    assert 0 < len(bad) < ROWS and not bad & set(index.tolist())
    assert bad | set(index.tolist()) == set(range(ROWS))
    assert np.array_equal(images, tql.load(root / name)["images"][index])
