"""Line L2: does the ImageNet recipe run as fast as the decoder allows?

Photographs of 500 x 375, batch 64, shuffled, 2 threads: RandomResizedCrop(224), flip, normalise to float32
NCHW; and the recipe of validation, Resize(256) and CenterCrop(224). Beside them a bare libjpeg-turbo loop
over the same bytes, which only decodes, torch's DataLoader with Pillow in 2 workers, and Grain with Pillow
on 2 threads.

    python benchmarks/transforms.py [--images 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import io
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import epochs
import jpeg_dataset
import limits
import loader_peers as peers
import numpy as np
from PIL import Image

import tql
from tql.transforms import (
    CenterCrop,
    Compose,
    Normalize,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToFloat,
)

WIDTH, HEIGHT, BATCH, THREADS = 500, 375, 64, 2
FLOATS = [ToFloat(), Normalize(peers.MEAN, peers.STD)]
TRAINING = Compose([RandomResizedCrop(peers.SIZE), RandomHorizontalFlip(), *FLOATS])
VALIDATION = Compose([Resize(256), CenterCrop(peers.SIZE), *FLOATS])
BARE = "bare libjpeg-turbo, decoding only"


class Photographs:
    """Landscapes as a dataset, as files in memory, and as the pack that the bare loop reads."""

    def __init__(self, folder: Path, count: int) -> None:
        self.files = [_landscape(file) for file in jpeg_dataset.photographs(count, WIDTH)]
        jpeg_dataset.write(folder / "landscapes", self.files, (HEIGHT, WIDTH, 3), np.arange(count) % 10)
        self.dataset = tql.load(folder / "landscapes")
        self.pack = folder / "packed"
        head = struct.pack(f"<I{count}I", count, *map(len, self.files))
        self.pack.write_bytes(head + b"".join(self.files))

    def loader(self, recipe: Compose = TRAINING) -> tql.DataLoader:
        chain = self.dataset.dataloader().shuffle().batch(BATCH)
        return chain.transform({"images": recipe, "labels": None}).numpy(num_threads=THREADS)


def _landscape(file: bytes) -> bytes:
    """The upper part of a square photograph."""
    out = io.BytesIO()
    Image.open(io.BytesIO(file)).crop((0, 0, WIDTH, HEIGHT)).save(out, "jpeg", quality=90)
    return out.getvalue()


def compare(photographs: Photographs, rounds: int) -> None:
    """Print the table."""
    training, validation = photographs.loader(), photographs.loader(VALIDATION)
    contenders: dict[str, Callable[[], epochs.Epoch | float]] = {
        BARE: lambda: limits.jpeg_seconds(photographs.pack, THREADS),
        "tql": lambda: epochs.run(training),
        "tql, validation": lambda: epochs.run(validation),
    }
    count = len(photographs.files)
    files = peers.Files(photographs.files, [row % 10 for row in range(count)], peers.imagenet_recipe)
    if not peers.missing("torch"):
        torch = peers.torch_loader(files, BATCH, THREADS)
        contenders["torch + Pillow"] = lambda: epochs.run(torch)
    if not peers.missing("grain"):
        grain = peers.GrainEpochs(files, BATCH, THREADS)
        contenders["Grain + Pillow"] = lambda: epochs.run(grain)
    epochs.compare(
        f"L2: the ImageNet recipe on {count:,} photographs of {WIDTH} x {HEIGHT}",
        count,
        contenders,
        BARE,
        rounds,
    )
    for name in peers.missing("torch", "grain"):
        print(f"  {name} is not installed")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(Photographs(Path(folder), arguments.images), arguments.rounds)


if __name__ == "__main__":
    main()
