"""Does the ImageNet recipe run as fast as the decoder allows?

1,000 photographs of 500 x 375, batch 64, shuffled, 2 threads: RandomResizedCrop(224), flip, normalise to
float32 NCHW. Beside it a bare libjpeg-turbo loop over the same bytes, which only decodes, and torch's
DataLoader with Pillow, in 2 workers, where torch is installed.
"""

from __future__ import annotations

import argparse
import io
import random
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jpeg_dataset
import limits
import numpy as np
import timing
from PIL import Image

import tql
from tql.transforms import Compose, Normalize, RandomHorizontalFlip, RandomResizedCrop, ToFloat

WIDTH, HEIGHT, BATCH, THREADS = 500, 375, 64, 2
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
RECIPE = Compose([RandomResizedCrop(224), RandomHorizontalFlip(), ToFloat(), Normalize(MEAN, STD)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    files = [landscape(file) for file in jpeg_dataset.photographs(arguments.images, WIDTH)]
    with tempfile.TemporaryDirectory() as folder:
        dataset, packed = Path(folder) / "dataset", Path(folder) / "packed"
        jpeg_dataset.write(dataset, files, (HEIGHT, WIDTH, 3), np.arange(len(files)) % 10)
        packed.write_bytes(struct.pack(f"<I{len(files)}I", len(files), *map(len, files)) + b"".join(files))
        run(files, dataset, packed, arguments.rounds)


def landscape(file: bytes) -> bytes:
    """The upper part of a square photograph."""
    out = io.BytesIO()
    Image.open(io.BytesIO(file)).crop((0, 0, WIDTH, HEIGHT)).save(out, "jpeg", quality=90)
    return out.getvalue()


def run(files: list[bytes], dataset: Path, packed: Path, rounds: int) -> None:
    chain = tql.load(str(dataset)).dataloader().shuffle().batch(BATCH)
    ours = chain.transform({"images": RECIPE, "labels": None}).numpy(num_threads=THREADS)
    contenders: dict[str, Callable[[], object]] = {
        "bare libjpeg-turbo, decoding only": lambda: limits.jpeg_seconds(packed, THREADS),
        "tql": lambda: epoch(ours, "images", len(files)),
    }
    if (peer := torch_loader(files)) is not None:
        contenders["torch + Pillow"] = lambda: epoch(peer, 0, len(files))
    timings = timing.interleave(contenders, rounds=rounds)
    timing.report(
        f"the ImageNet recipe on {len(files):,} photographs of {WIDTH} x {HEIGHT}", timings, "tql", "s"
    )
    share = timings["bare libjpeg-turbo, decoding only"].fastest / timings["tql"].fastest
    rate = len(files) / timings["tql"].fastest
    print(f"  {rate:,.0f} images/s = {share:.0%} of the bare decode rate (target: 60%)")


def epoch(loader: Any, key: Any, count: int) -> float:
    start = time.perf_counter()
    rows = sum(len(batch[key]) for batch in loader)
    assert rows == count
    return time.perf_counter() - start


def torch_loader(files: list[bytes]) -> Any:
    """The usual way, with workers that stay between epochs; None without torch."""
    try:
        import torch
    except ImportError:
        return None
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]

    def recipe(image: Image.Image) -> Any:
        width, height = image.size
        box = (0, 0, width, height)
        for _ in range(10):
            area, ratio = random.uniform(0.08, 1) * width * height, 2 ** random.uniform(-0.415, 0.415)
            w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if 0 < w <= width and 0 < h <= height:
                left, top = random.randint(0, width - w), random.randint(0, height - h)
                box = (left, top, left + w, top + h)
                break
        image = image.crop(box).resize((224, 224), Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        return pixels.float().div_(255).sub_(mean).div_(std)

    class Photographs(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, row: int) -> Any:
            return recipe(Image.open(io.BytesIO(files[row])).convert("RGB")), row % 10

    return torch.utils.data.DataLoader(
        Photographs(), BATCH, shuffle=True, num_workers=THREADS, persistent_workers=True
    )


if __name__ == "__main__":
    main()
