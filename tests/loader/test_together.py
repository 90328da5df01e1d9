"""Small batches that are read together are those that would be read one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tql
from tql.loader.dataloader import DataLoader


def loader(rows: int = 1003, **output: Any) -> DataLoader:
    rng = np.random.default_rng(0)
    ds = tql.from_numpy({"x": rng.integers(0, 255, (rows, 5, 3), np.uint8), "y": np.arange(rows)})
    return ds.dataloader(seed=2).shuffle().batch(8).numpy(return_index=True, **output)


def content(batches: Any) -> list[Any]:
    return [{name: value.tolist() for name, value in batch.items()} for batch in batches]


@pytest.mark.parametrize("share", [{}, {"rank": 1, "world_size": 3}])
def test_together_or_one_by_one(share: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = loader(**share)
    assert chain._config.recipe().together == 64
    together = content(chain)
    monkeypatch.setattr("tql.loader.config._TOGETHER_BATCHES", 1)
    assert content(loader(**share)) == together
    assert len(together) == len(chain)
    whole = loader()._config.view
    for batch in together:
        assert batch["y"] == batch["index"]
        assert np.array_equal(batch["x"], np.asarray(whole["x"])[batch["y"]])


def test_the_bytes_that_are_read_together_are_bounded() -> None:
    def together(shape: tuple[int, ...], batch: int) -> int:
        ds = tql.from_numpy({"x": np.zeros((100, *shape), np.uint8)})
        return ds.dataloader().batch(batch)._config.recipe().together

    assert together((28, 28), 256) == 20
    assert together((1 << 20,), 4) == 1
    assert together((1 << 20,), 1) == 4


def test_what_is_done_to_single_rows_is_done_one_by_one() -> None:
    assert loader().transform(lambda s: s)._config.recipe().together == 1
    ragged = tql.from_numpy({"x": [np.zeros(n) for n in range(4)]}).dataloader().numpy()
    assert ragged._config.recipe().together == 1


def test_a_write_to_one_batch_does_not_reach_another() -> None:
    expected = content(loader())
    for batch, other in zip(loader(), expected, strict=True):
        assert batch["x"].tolist() == other["x"]
        batch["x"][:] = 0
        batch["index"][:] = 0


def test_tensors_of_batches_that_share_memory_are_no_views_of_each_other() -> None:
    torch = pytest.importorskip("torch")
    ds = tql.from_numpy({"x": np.ones((20, 3), np.float32)})
    chain = ds.dataloader().batch(8).pytorch()
    assert chain._config.recipe().together > 2
    first, second, last = (batch["x"] for batch in chain)
    assert [len(first), len(second), len(last)] == [8, 8, 4]
    weight = torch.ones(3, requires_grad=True)
    loss = (first * weight).sum()  # keeps `first` for the way back
    second.add_(weight)
    last.zero_()
    loss.backward()
    assert weight.grad.tolist() == [8, 8, 8]
    assert first.eq(1).all() and second.eq(2).all() and last.eq(0).all()


@pytest.mark.parametrize("face", ["numpy", "pytorch"])
def test_rows_of_a_view_and_their_numbers(face: str) -> None:
    if face == "pytorch":
        pytest.importorskip("torch")
    x = np.arange(500, dtype=np.uint8).repeat(6).reshape(500, 3, 2)
    ds = tql.from_numpy({"x": x, "y": np.arange(500)})
    for view in (ds, ds[100:400], ds[::7], ds.query("select * where y % 3 == 1")[10:90]):
        seen: list[int] = []
        for batch in getattr(view.dataloader(seed=3).shuffle().batch(16), face)(return_index=True):
            index = np.asarray(batch["index"]).copy()
            assert np.array_equal(np.asarray(batch["y"]), index)
            assert np.array_equal(np.asarray(batch["x"]), x[index])
            batch["index"][:] = 0  # nobody else has it
            seen += index.tolist()
        assert sorted(seen) == view.indices.tolist()


def test_batches_before_a_damaged_one_come(tmp_path: Any) -> None:
    rows = 200
    with tql.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x", dtype="uint8", max_chunk_size=4096)
        ds.extend({"x": np.arange(rows * 1000, dtype=np.uint32).astype(np.uint8).reshape(rows, 1000)})
    chunks = sorted((tmp_path / "ds" / "x" / "chunks").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert len(chunks) > 10
    view = tql.load(tmp_path / "ds")
    chain = view.dataloader().batch(4).numpy(num_threads=1)
    assert chain._config.recipe().together > 4
    last = view.chunk_name("x", 100)
    (tmp_path / "ds" / "x" / "chunks" / str(last)).unlink()
    iterator = iter(tql.load(tmp_path / "ds").dataloader().batch(4).numpy())
    seen = []
    with pytest.raises(tql.TQLError):
        for batch in iterator:
            seen.append(batch)
    assert 10 < len(seen) <= 25
