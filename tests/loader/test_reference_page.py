"""The examples of the Deep Lake v3 reference page, letter by letter, on local data.

`deeplake` is this package, and its `load` opens a local dataset in place of the one on the hub.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "data"
HUB = {
    "hub://activeloop/fashion-mnist-train": EXAMPLES / "fashion-mnist",
    "hub://activeloop/coco-train": EXAMPLES / "coco-mini",
}


@pytest.fixture(autouse=True)
def deeplake(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = tql.load
    monkeypatch.setattr(tql, "load", lambda path: opened(HUB.get(path, path)))
    monkeypatch.setitem(sys.modules, "deeplake", tql)


def run(example: str, **names: Any) -> dict[str, Any]:
    """Execute an example; returns its variables."""
    exec(textwrap.dedent(example), names)
    return names


def test_query() -> None:
    names = run(
        """
        import deeplake
        ds = deeplake.load('hub://activeloop/fashion-mnist-train')
        query_ds_train = ds.dataloader().query("select * where labels != 5")
        """
    )
    labels = names["ds"]["labels"].ravel()
    assert len(names["query_ds_train"]) == np.count_nonzero(labels != 5) > 0


def test_union() -> None:
    names = run(
        """
        import deeplake
        ds_train = deeplake.load('hub://activeloop/coco-train')
        query_ds_train = ds_train.dataloader().query(
            "(select * where contains(categories, 'car') limit 1000) "
            "union (select * where contains(categories, 'motorcycle') limit 1000)")
        """
    )
    view = names["query_ds_train"].view
    classes = view.schema.type_of("categories").class_names
    wanted = {classes.index("car"), classes.index("motorcycle")}
    rows = [row for row, ids in enumerate(names["ds_train"]["categories"]) if wanted & set(ids.tolist())]
    assert view.indices.tolist() == rows and rows


def test_sample_by_classes() -> None:
    names = run(
        """
        import deeplake
        ds_train = deeplake.load('hub://activeloop/fashion-mnist-train')
        sampled_ds = ds_train.dataloader().sample_by("max_weight(labels == 5: 10, labels == 6: 5)")
        """
    )
    labels = np.concatenate([batch["labels"].ravel() for batch in names["sampled_ds"].batch(500)])
    assert len(labels) == len(names["ds_train"])
    assert set(labels.tolist()) == {5, 6}
    assert 0.6 < np.mean(labels == 5) < 0.73


def test_sample_by_a_column() -> None:
    names = run(
        """
        import deeplake
        ds_train = deeplake.load('hub://activeloop/fashion-mnist-train')
        sampled_ds = ds_train.dataloader().sample_by("labels")
        """
    )
    labels = np.concatenate([batch["labels"].ravel() for batch in names["sampled_ds"].batch(500)])
    assert 0 not in labels and np.count_nonzero(labels == 9) > 5 * np.count_nonzero(labels == 1)


def test_sample_by_a_list() -> None:
    with pytest.warns(UserWarning, match=r"^only 4000 of 5000 rows have a positive weight"):
        names = run(
            """
            import deeplake
            ds_train = deeplake.load('hub://activeloop/fashion-mnist-train')
            weights = list()
            for i in range(len(ds_train)):
                weights.append(i % 5)
            sampled_ds = ds_train.dataloader().sample_by(weights, replace=False)
            """
        )
    loader = names["sampled_ds"]
    assert len(loader) == 4000
    positions = loader.query("select * where true").view.indices
    assert len(set(positions.tolist())) == 4000 and not (positions % 5 == 0).any()


def test_numpy() -> None:
    names = run(
        """
        import deeplake
        ds_train = deeplake.load('hub://activeloop/coco-train')
        train_loader = ds_train.dataloader().numpy()
        batches = 0
        for i, sample in enumerate(train_loader):
            # custom logic on sample
            batches += 1
        """
    )
    assert names["batches"] == len(names["ds_train"]) == len(names["train_loader"])
    assert sorted(names["sample"]) == ["boxes", "categories", "images", "masks"]
    assert names["sample"]["images"].shape[0] == 1


def test_transform_with_pillow_images_into_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    received: set[str] = set()

    def tform(image: Any) -> Any:
        received.add(type(image).__module__.split(".")[0])
        return torch.tensor(np.asarray(image.resize((28, 28))), dtype=torch.float32) / 255

    # On the hub the samples are stored as image files; the local dataset of that kind is another one.
    photos = tql.load("hub://activeloop/coco-train").query("select images, categories as labels")
    monkeypatch.setattr(tql, "load", lambda path: photos)
    names = run(
        """
        import deeplake
        ds_train = deeplake.load('hub://activeloop/fashion-mnist-train')
        batch_size = 32
        train_loader = ds_train.dataloader()\\
            .transform({'images': tform, 'labels': None})\\
            .batch(batch_size)\\
            .shuffle()\\
            .pytorch(decode_method={'images': 'pil'}) # return samples as PIL images for transforms
        sizes = []
        for i, sample in enumerate(train_loader):
            sizes.append(len(sample['labels']))
        """,
        tform=tform,
    )
    assert received == {"PIL"}
    assert names["sizes"] == [32, 28]
    assert names["sample"]["images"].shape == (28, 28, 28, 3)
    assert sorted(names["sample"]) == ["images", "index", "labels"]


def test_query_into_pytorch() -> None:
    pytest.importorskip("torch")
    names = run(
        """
        import deeplake
        ds_train = deeplake.load('hub://activeloop/coco-train')
        train_loader = ds_train.dataloader()\\
            .query("(select * where contains(categories, 'car') limit 1000) union "
                   "(select * where contains(categories, 'motorcycle') limit 1000)")\\
            .pytorch()
        rows = []
        for i, sample in enumerate(train_loader):
            rows += sample['index'].tolist()
        """
    )
    assert names["rows"] == names["train_loader"].view.indices.tolist() and names["rows"]
