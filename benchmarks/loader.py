"""Lines L1 to L5 of the dataloader: epochs and first batches beside a bare decode loop and torch's loader.

    python benchmarks/loader.py [--only L1 L3] [--rounds 5] [--images 5000]

L1: 250 x 250 JPEGs, batch 64, shuffled, uint8. L2: photographs of as many pixels as 500 x 375 have,
RandomResizedCrop(224), flip, normalised to float32 NCHW. L3: 60,000 rows of 28 x 28 uint8 and a label, batch
256, shuffled. L4: L1 after a query and a weighted draw with replacement. L5: the first batch after iter(),
warm. All on two threads, every contender once per round; what counts is the fastest round.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jpeg_dataset
import limits
import numpy as np
import timing

import tql

THREADS = 2
WEIGHTS = "max_weight(labels == 5: 10, labels == 6: 5, true: 1)"


class Files:
    """JPEG files as torch's map-style dataset, decoded by what is installed."""

    def __init__(self, files: list[bytes], labels: np.ndarray) -> None:
        self.files, self.labels = files, labels
        self.decode = _decoder()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        return self.decode(self.files[row]).copy(), int(self.labels[row])


def _decoder() -> Callable[[bytes], np.ndarray]:
    try:
        import simplejpeg

        return simplejpeg.decode_jpeg  # type: ignore[no-any-return]
    except ImportError:
        import io

        from PIL import Image

        return lambda data: np.asarray(Image.open(io.BytesIO(data)))


def decoder_name() -> str:
    return "simplejpeg" if "simplejpeg" in _decoder().__module__ else "Pillow"


def epoch_seconds(batches: Iterable[Any]) -> float:
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


def first_seconds(loader: Iterable[Any]) -> float:
    start = time.perf_counter()
    iterator = iter(loader)
    next(iterator)
    taken = time.perf_counter() - start
    del iterator
    return taken


class Jpegs:
    """One set of JPEGs as a dataset, as files in memory, and as the pack that the bare loop reads."""

    def __init__(self, folder: Path, count: int, size: int) -> None:
        self.files = jpeg_dataset.photographs(count, size)
        self.labels = np.random.default_rng(0).integers(0, 10, count)
        jpeg_dataset.write(folder / f"ds{size}", self.files, (size, size, 3), self.labels)
        self.dataset = tql.load(folder / f"ds{size}")
        self.folder = folder
        self.pack = self.packed(range(count))

    def packed(self, rows: Iterable[int]) -> Path:
        """These rows for the bare loop."""
        chosen = [self.files[row] for row in rows]
        path = self.folder / f"pack{len(chosen)}"
        head = struct.pack(f"<I{len(chosen)}I", len(chosen), *map(len, chosen))
        path.write_bytes(head + b"".join(chosen))
        return path

    def peer(self, rows: np.ndarray | None = None) -> Any:
        """torch's DataLoader on two workers; `rows` are the draws of an epoch."""
        import torch

        sampler = None if rows is None else rows.tolist()
        dataset = Files(self.files, self.labels)
        return torch.utils.data.DataLoader(
            dataset, 64, shuffle=sampler is None, sampler=sampler, num_workers=THREADS
        )


def line(name: str, rows: int, contenders: dict[str, Callable[[], float]], bare: str, rounds: int) -> None:
    timings = timing.interleave(contenders, rounds=rounds)
    print(f"\n{name}")
    base = timings[bare].fastest
    width = max(map(len, timings))
    for contender, taken in timings.items():
        spread = f"[{taken.fastest * 1e3:,.1f} .. {taken.slowest * 1e3:,.1f} ms]"
        rate, share = rows / taken.fastest, base / taken.fastest
        print(f"  {contender:<{width}}  {rate:12,.0f} rows/s  {share:6.0%} of {bare}  {spread}")


def l1(jpegs: Jpegs, rounds: int) -> None:
    loader = jpegs.dataset.dataloader().shuffle().batch(64).pytorch(num_threads=THREADS)
    peer = jpegs.peer()
    rows = len(jpegs.files)
    contenders = {
        "bare libjpeg-turbo": lambda: limits.jpeg_seconds(jpegs.pack, THREADS),
        "tql": lambda: epoch_seconds(loader),
        f"torch + {decoder_name()}": lambda: epoch_seconds(peer),
    }
    line("L1: an epoch of JPEGs", rows, contenders, "bare libjpeg-turbo", rounds)
    print(f"  {loader.stats()}")


def l2(jpegs: Jpegs, rounds: int) -> None:
    transforms = getattr(tql, "transforms", None)
    if transforms is None:
        print("\nL2: this build has no image transforms")
        return
    steps = [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToFloat(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    chain = jpegs.dataset.dataloader().shuffle().batch(64).transform({"images": steps, "labels": None})
    loader = chain.pytorch(num_threads=THREADS)
    contenders = {
        "bare libjpeg-turbo": lambda: limits.jpeg_seconds(jpegs.pack, THREADS),
        "tql": lambda: epoch_seconds(loader),
    }
    line("L2: the ImageNet recipe", len(jpegs.files), contenders, "bare libjpeg-turbo", rounds)


def fashion() -> tuple[np.ndarray, np.ndarray]:
    """Rows of the shape of Fashion-MNIST; what is in them makes no difference."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60_000, 28, 28), np.uint8), rng.integers(0, 10, 60_000)


def l3(folder: Path, rounds: int) -> None:
    import torch

    pixels, labels = fashion()
    images, targets = torch.from_numpy(pixels), torch.from_numpy(labels)

    def indexing(threads: int) -> float:
        torch.set_num_threads(threads)
        order = torch.randperm(len(images))
        start = time.perf_counter()
        for first in range(0, len(order), 256):
            rows = order[first : first + 256]
            _ = images[rows], targets[rows]
        return time.perf_counter() - start

    def loader(ds: tql.Dataset) -> tql.DataLoader:
        return ds.dataloader().shuffle().batch(256).pytorch(num_threads=THREADS)

    memory, disk = (
        loader(tql.from_numpy({"images": pixels, "labels": labels})),
        loader(raw(folder, pixels, labels)),
    )
    contenders = {
        "torch indexing": lambda: indexing(THREADS),
        "torch indexing, 1 thread": lambda: indexing(1),  # better where the cores are not free
        "tql, in memory": lambda: epoch_seconds(memory),
        "tql, a dataset on disk": lambda: epoch_seconds(disk),
    }
    line("L3: small raw rows", len(pixels), contenders, "torch indexing", rounds)


def raw(folder: Path, pixels: np.ndarray, labels: np.ndarray) -> tql.Dataset:
    """The rows as a dataset without compression."""
    path = folder / "raw"
    if not path.exists():
        with tql.empty(path) as ds:
            ds.create_tensor("images", dtype="uint8")
            ds.create_tensor("labels", dtype="int64")
            ds.extend({"images": pixels, "labels": labels})
    return tql.load(path)


def l4(jpegs: Jpegs, rounds: int) -> None:
    view = jpegs.dataset.query("select * where labels != 3")
    chain = view.dataloader(seed=1).sample_by(WEIGHTS).shuffle().batch(64)
    loader = chain.pytorch(num_threads=THREADS)
    drawn = view.sample_by(WEIGHTS, seed=1).indices
    distinct = jpegs.packed(np.unique(drawn).tolist())
    peer = jpegs.peer(drawn)

    def ours() -> float:
        loader.set_epoch(0)
        return epoch_seconds(loader)

    contenders = {
        "bare loop, distinct rows": lambda: limits.jpeg_seconds(distinct, THREADS),
        "tql": ours,
        f"torch + {decoder_name()}": lambda: epoch_seconds(peer),
    }
    rows = f"{len(drawn):,} draws of {len(np.unique(drawn)):,} rows"
    line(
        f"L4: L1 after a query and a draw, {rows}", len(drawn), contenders, "bare loop, distinct rows", rounds
    )


def l5(jpegs: Jpegs, folder: Path, rounds: int) -> None:
    pixels, labels = fashion()
    chains = {
        "L1": jpegs.dataset.dataloader().shuffle().batch(64),
        "L3, in memory": tql.from_numpy({"images": pixels, "labels": labels})
        .dataloader()
        .shuffle()
        .batch(256),
        "L3, on disk": raw(folder, pixels, labels).dataloader().shuffle().batch(256),
    }
    loaders = {name: chain.pytorch(num_threads=THREADS) for name, chain in chains.items()}
    timings = timing.interleave(
        {name: (lambda loader=loader: first_seconds(loader)) for name, loader in loaders.items()},
        rounds=rounds * 3,
    )
    print("\nL5: the first batch after iter()")
    for name, taken in timings.items():
        print(f"  {name:<14}  {taken.fastest * 1e3:6.1f} ms  [median {taken.median * 1e3:.1f}]")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", default=["L1", "L2", "L3", "L4", "L5"], metavar="LINE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=5_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = Jpegs(folder, wanted.images, 250) if {"L1", "L4", "L5"} & set(wanted.only) else None
        if "L1" in wanted.only and small:
            l1(small, wanted.rounds)
        if "L2" in wanted.only:
            l2(Jpegs(folder, wanted.images // 2, 432), wanted.rounds)  # as many pixels as 500 x 375
        if "L3" in wanted.only:
            l3(folder, wanted.rounds)
        if "L4" in wanted.only and small:
            l4(small, wanted.rounds)
        if "L5" in wanted.only and small:
            l5(small, folder, wanted.rounds)


if __name__ == "__main__":
    main()
