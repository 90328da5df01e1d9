"""Does an epoch over JPEGs run as fast as libjpeg-turbo can decode them?

5,000 images of 250 x 250, batch 64, shuffled, 2 threads, against a bare libjpeg-turbo loop on 2 threads over
the same bytes.
"""

from __future__ import annotations

import struct
import tempfile
import time
from pathlib import Path

import jpeg_dataset
import limits
import numpy as np
import timing

import tql

IMAGES, SIZE, BATCH, THREADS = 5_000, 250, 64, 2


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = jpeg_dataset.photographs(IMAGES, SIZE)
        labels = np.random.default_rng(0).integers(0, 10, IMAGES)
        jpeg_dataset.write(Path(folder) / "dataset", files, (SIZE, SIZE, 3), labels)
        packed = Path(folder) / "packed"
        packed.write_bytes(struct.pack(f"<I{IMAGES}I", IMAGES, *map(len, files)) + b"".join(files))
        run(Path(folder) / "dataset", packed)


def run(dataset: Path, packed: Path) -> None:
    chain = tql.load(str(dataset)).dataloader().shuffle().batch(BATCH)
    numpy_loader = chain.numpy(num_threads=THREADS)
    torch_loader = chain.pytorch(num_threads=THREADS)

    def epoch(loader: tql.DataLoader) -> float:
        start = time.perf_counter()
        rows = sum(len(batch["images"]) for batch in loader)
        assert rows == IMAGES
        return time.perf_counter() - start

    timings = timing.interleave(
        {
            "bare libjpeg-turbo": lambda: limits.jpeg_seconds(packed, THREADS),
            "tql .numpy()": lambda: epoch(numpy_loader),
            "tql .pytorch()": lambda: epoch(torch_loader),
        },
        rounds=5,
    )
    timing.report(
        f"an epoch over {IMAGES:,} JPEGs of {SIZE} x {SIZE}, batch {BATCH}, {THREADS} threads",
        timings,
        "tql .numpy()",
        "s",
    )
    bare = timings["bare libjpeg-turbo"].median
    for name in ("tql .numpy()", "tql .pytorch()"):
        rate = IMAGES / timings[name].median
        share = bare / timings[name].median
        print(f"  {name}: {rate:,.0f} images/s = {share:.0%} of the bare loop (target: 80%)")


if __name__ == "__main__":
    main()
