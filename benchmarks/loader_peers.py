"""Other loaders for the benchmarks of ours. Each needs its package; `missing` says which are not there.

FFCV is not among them: it has no wheels, and builds only beside the headers of OpenCV and libjpeg-turbo.
"""

from __future__ import annotations

import importlib.util
import io
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE = 224


def missing(*packages: str) -> list[str]:
    """Those of these packages that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


class Files:
    """JPEG files as a map-style dataset: `decode` is done to the file of a row."""

    def __init__(self, files: Sequence[bytes], labels: Sequence[int], decode: Callable[[bytes], Any]) -> None:
        self.files, self.labels, self.decode = files, labels, decode

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        return self.decode(self.files[row]), self.labels[row]


def decoded_by_simplejpeg(file: bytes) -> NDArray[np.uint8]:
    import simplejpeg

    return simplejpeg.decode_jpeg(file)  # type: ignore[no-any-return]


def decoded_by_pillow(file: bytes) -> NDArray[np.uint8]:
    return np.array(Image.open(io.BytesIO(file)))


def imagenet_recipe(file: bytes) -> NDArray[np.float32]:
    """RandomResizedCrop, flip and normalise by Pillow and NumPy, float32 [3, SIZE, SIZE].

    Pillow decodes at half the size where that is enough, and only the part is resized.
    """
    image = Image.open(io.BytesIO(file))
    width, height = image.size
    left, top, right, bottom = 0, 0, width, height
    for _ in range(10):
        area, ratio = random.uniform(0.08, 1) * width * height, 2 ** random.uniform(-0.415, 0.415)
        w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < w <= width and 0 < h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            right, bottom = left + w, top + h
            break
    part = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR, (left, top, right, bottom))
    if random.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(part, np.float32).transpose(2, 0, 1) / np.float32(255)
    normalised = (pixels - np.float32(MEAN)[:, None, None]) / np.float32(STD)[:, None, None]
    return np.ascontiguousarray(normalised, np.float32)


def torch_loader(dataset: Files, batch: int, workers: int, rows: Sequence[int] | None = None) -> Any:
    """torch's DataLoader on worker processes that stay; `rows` are the draws of an epoch."""
    import torch

    return torch.utils.data.DataLoader(
        dataset,  # type: ignore[arg-type]
        batch,
        shuffle=rows is None,
        sampler=rows,
        num_workers=workers,
        persistent_workers=True,
    )


def torch_rows(images: Any, labels: Any, batch: int) -> Any:
    """torch's DataLoader over tensors, by the way of using it that is fastest: a batch of rows at a time."""
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

    dataset = TensorDataset(images, labels)
    sampler = BatchSampler(RandomSampler(dataset), batch, drop_last=False)
    return DataLoader(dataset, sampler=sampler, batch_size=None)


class GrainEpochs:
    """Grain's dataset on reading threads, one epoch per iteration."""

    def __init__(self, dataset: Files, batch: int, threads: int) -> None:
        import grain

        options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=4 * batch)
        rows = grain.MapDataset.source(dataset)  # type: ignore[arg-type]
        self._epoch = lambda seed: rows.seed(seed).shuffle().to_iter_dataset(options).batch(batch)
        self._next = 0

    def __iter__(self) -> Iterator[Any]:
        self._next += 1
        return iter(self._epoch(self._next))
