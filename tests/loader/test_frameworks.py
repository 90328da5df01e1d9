"""A loader in Lightning, Accelerate and the Trainer of transformers, where these are installed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql

torch = pytest.importorskip("torch")

ROWS = 24


def loader(**output: Any) -> tql.DataLoader:
    rng = np.random.default_rng(0)
    ds = tql.from_numpy({"x": rng.normal(size=(ROWS, 3)).astype(np.float32), "y": np.arange(ROWS) % 2})
    return ds.dataloader(seed=1).shuffle().batch(4).pytorch(**output)


@pytest.fixture(autouse=True)
def their_own_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_lightning(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch")
    seen: list[list[int]] = []

    class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 2)

        def training_step(self, batch: Any, number: int) -> Any:
            seen.append(batch["index"].tolist())
            return torch.nn.functional.cross_entropy(self.layer(batch["x"]), batch["y"])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    def trainer(**options: Any) -> Any:
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        return lightning.Trainer(accelerator="cpu", devices=1, default_root_dir=tmp_path, **quiet, **options)

    trainer(max_epochs=2, enable_checkpointing=False).fit(Model(), train_dataloaders=loader())
    chain = loader()
    assert seen == [batch["index"].tolist() for _ in range(2) for batch in chain]

    whole, seen[:] = list(seen), []
    every = lightning.callbacks.ModelCheckpoint(tmp_path, every_n_train_steps=8, filename="{step}")
    trainer(max_epochs=2, callbacks=[every]).fit(Model(), train_dataloaders=loader())
    assert seen == whole
    seen.clear()
    last = tmp_path / "step=8.ckpt"
    trainer(max_epochs=2).fit(Model(), train_dataloaders=loader(), ckpt_path=last, weights_only=False)
    assert seen == whole[8:]


def test_accelerate() -> None:
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    chain = loader()
    model, prepared = accelerator.prepare(torch.nn.Linear(3, 2), chain)
    assert prepared is chain
    for batch in prepared:
        accelerator.backward(model(batch["x"]).sum())
    accelerator.register_for_checkpointing(chain)


def test_the_trainer_of_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    seen: list[list[int]] = []

    class Model(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 2)

        def forward(self, x: Any, y: Any, index: Any) -> Any:
            seen.append(index.tolist())
            return {"loss": torch.nn.functional.cross_entropy(self.layer(x), y)}

    class Trainer(transformers.Trainer):  # type: ignore[misc, name-defined]
        def get_train_dataloader(self) -> Any:
            return loader()

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=2, report_to=[], use_cpu=True, save_strategy="no"
    )
    Trainer(model=Model(), args=arguments).train()
    chain = loader()
    assert seen == [batch["index"].tolist() for _ in range(2) for batch in chain]
