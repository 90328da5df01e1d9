"""The main job on real data: a query and a weighted sample over Fashion-MNIST, explained, run, and streamed.

Shirts are the class that a classifier confuses most, so the training set shows them three times as often.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np

import tql

DATA = Path(__file__).parent / "data" / "fashion-mnist"
QUERY = "select * where labels != 'Sandal'"
WEIGHTS = "max_weight(labels == 'Shirt': 3, true: 1)"
BATCH = 64


def main() -> None:
    dataset = tql.load(DATA)
    train, test = dataset[:4000], dataset[4000:].query(QUERY)
    print(
        f"{len(dataset):,} rows: "
        + ", ".join(f"{name} {field.type}" for name, field in dataset.schema.items())
    )

    print(f'\n$ tql explain "{QUERY} sample by {WEIGHTS}" --analyze\n')
    print(train.explain(f"{QUERY} sample by {WEIGHTS}", analyze=True))

    names = dataset.schema.type_of("labels").class_names or ()
    queried = train.query(QUERY)
    sampled = queried.sample_by(WEIGHTS, seed=0)
    print_histogram(names, queried["labels"], sampled["labels"])

    chain = train.dataloader(seed=0).query(QUERY).sample_by(WEIGHTS).shuffle().batch(BATCH)
    if importlib.util.find_spec("torch"):
        import torch  # noqa: F401  (what importing it takes is not the epoch's)

        stream(chain.pytorch(), "torch")
        train_classifier(chain, test, len(names))
    else:
        stream(chain.numpy(), "NumPy")
        print("\ninstall torch to see the demo train a classifier on these batches")


def print_histogram(names: tuple[str, ...], before: np.ndarray, after: np.ndarray) -> None:
    """The share of each class, before and after sampling."""
    print("\nclass histogram: before and after sampling")
    counts = [np.bincount(labels.reshape(-1), minlength=len(names)) for labels in (before, after)]
    scale = 30 / max(count.max() for count in counts)
    for index, name in enumerate(names):
        for count, bar, label in ((counts[0], "░", name), (counts[1], "█", "")):
            print(f"  {label:<12} {count[index]:5d} {bar * round(count[index] * scale)}")


def stream(loader: tql.DataLoader, kind: str) -> None:
    """Run one epoch and print what comes out."""
    print(f"\none epoch of {len(loader)} {kind} batches")
    start = time.perf_counter()
    rows = 0
    for number, batch in enumerate(loader):
        rows += len(batch["labels"])
        if number < 2:
            shapes = ", ".join(
                f"{name} {batch[name].dtype} {tuple(batch[name].shape)}" for name in ("images", "labels")
            )
            print(f"  batch {number}: {shapes}")
    seconds = time.perf_counter() - start
    rates = f"{rows / seconds:,.0f} rows/s, {len(loader) / seconds:,.0f} batches/s"
    print(f"  {rows:,} rows in {seconds * 1e3:.0f} ms: {rates}")


def train_classifier(chain: tql.DataLoader, test: tql.View, classes: int) -> None:
    """Train a small network for one epoch on the stream; print its accuracy on rows that it never saw."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 128), nn.ReLU(), nn.Linear(128, classes))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def inputs(batch: dict[str, Any]) -> tuple[Any, Any]:
        return batch["images"].float() / 255, batch["labels"].reshape(-1).long()

    for batch in chain.pytorch():
        images, labels = inputs(batch)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    right = rows = 0
    with torch.no_grad():
        for batch in test.dataloader().batch(256).pytorch():
            images, labels = inputs(batch)
            right += int((model(images).argmax(1) == labels).sum())
            rows += len(labels)
    guess = 1 / (classes - 1)  # the query leaves one class out
    accuracy = f"{right / rows:.1%} right on {rows} unseen rows (guessing: {guess:.1%})"
    print(f"\na classifier after one epoch: {accuracy}")


if __name__ == "__main__":
    main()
