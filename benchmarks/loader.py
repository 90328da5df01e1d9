"""Lines L1 to L5 of the dataloader: epochs and first batches beside a bare decode loop and other loaders.

    python benchmarks/loader.py [--only L1 L3] [--rounds 5] [--images 5000]

L1: 250 x 250 JPEGs, batch 64, shuffled, uint8. L2: photographs of 500 x 375, RandomResizedCrop(224), flip,
normalised to float32 NCHW (see transforms.py; a quarter as many images). L3: 60,000 rows of 28 x 28 uint8
and a label, batch 256, shuffled. L4: L1 after a query and a weighted draw with replacement. L5: the first
batch after iter(), warm. All on two threads, every contender once per round; what counts is the fastest
round. A share is that of a whole epoch; a steady one leaves out its start and its end.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import epochs
import jpeg_dataset
import limits
import loader_peers as peers
import numpy as np
import timing
import transforms
from transforms import THREADS, Photographs

import tql

Contenders = dict[str, Callable[[], epochs.Epoch | float]]

BARE = "bare libjpeg-turbo"
WEIGHTS = "max_weight(labels == 5: 10, labels == 6: 5, true: 1)"


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
        """torch's DataLoader; `rows` are the draws of an epoch."""
        files = peers.Files(self.files, self.labels.tolist(), peers.decoded_by_simplejpeg)
        return peers.torch_loader(files, 64, THREADS, None if rows is None else rows.tolist())


def with_peer(contenders: Contenders, jpegs: Jpegs, rows: np.ndarray | None = None) -> Contenders:
    """The contenders, and torch with simplejpeg where both are there."""
    lacking = peers.missing("torch", "simplejpeg")
    for name in lacking:
        print(f"  {name} is not installed")
    if lacking:
        return contenders
    peer = jpegs.peer(rows)
    return {**contenders, "torch + simplejpeg": lambda: epochs.run(peer)}


def l1(jpegs: Jpegs, rounds: int) -> None:
    loader = jpegs.dataset.dataloader().shuffle().batch(64).pytorch(num_threads=THREADS)
    contenders: Contenders = {
        BARE: lambda: limits.jpeg_seconds(jpegs.pack, THREADS),
        "tql": lambda: epochs.run(loader),
    }
    epochs.compare(
        f"L1: {len(jpegs.files):,} JPEGs", len(jpegs.files), with_peer(contenders, jpegs), BARE, rounds
    )
    print(f"  {loader.stats()}")


def fashion() -> tuple[np.ndarray, np.ndarray]:
    """Rows of the shape of Fashion-MNIST; what is in them makes no difference."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60_000, 28, 28), np.uint8), rng.integers(0, 10, 60_000)


def l3(folder: Path, rounds: int) -> None:
    import torch

    pixels, labels = fashion()
    images, targets = torch.from_numpy(pixels), torch.from_numpy(labels)

    def indexing(threads: int) -> epochs.Epoch:
        torch.set_num_threads(threads)
        order = torch.randperm(len(images))
        batches = (order[first : first + 256] for first in range(0, len(order), 256))
        return epochs.run((images[rows], targets[rows]) for rows in batches)

    def loader(ds: tql.Dataset) -> tql.DataLoader:
        return ds.dataloader().shuffle().batch(256).pytorch(num_threads=THREADS)

    memory, disk = (
        loader(tql.from_numpy({"images": pixels, "labels": labels})),
        loader(raw(folder, pixels, labels)),
    )
    theirs = peers.torch_rows(images, targets, 256)
    contenders: Contenders = {
        "torch indexing": lambda: indexing(THREADS),
        "torch indexing, 1 thread": lambda: indexing(1),  # better where the cores are not free
        "torch DataLoader": lambda: epochs.run(theirs),
        "tql, in memory": lambda: epochs.run(memory),
        "tql, a dataset on disk": lambda: epochs.run(disk),
    }
    epochs.compare("L3: small raw rows", len(pixels), contenders, "torch indexing", rounds)


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

    def ours() -> epochs.Epoch:
        loader.set_epoch(0)
        return epochs.run(loader)

    contenders: Contenders = {
        "bare loop, distinct rows": lambda: limits.jpeg_seconds(distinct, THREADS),
        "tql": ours,
    }
    title = f"L4: L1 after a query and a draw, {len(drawn):,} draws of {len(np.unique(drawn)):,} rows"
    everything = with_peer(contenders, jpegs, drawn)
    epochs.compare(title, len(drawn), everything, "bare loop, distinct rows", rounds)


def l5(jpegs: Jpegs, photographs: Photographs, folder: Path, rounds: int) -> None:
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
    loaders["L2"] = photographs.loader()
    timings = timing.interleave(
        {
            name: (lambda loader=loader: epochs.first_batch(loader))
            for name, loader in sorted(loaders.items())
        },
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
        photographs = Photographs(folder, wanted.images // 4) if {"L2", "L5"} & set(wanted.only) else None
        if "L2" in wanted.only and photographs:
            transforms.compare(photographs, wanted.rounds)
        if "L3" in wanted.only:
            l3(folder, wanted.rounds)
        if "L4" in wanted.only and small:
            l4(small, wanted.rounds)
        if "L5" in wanted.only and small and photographs:
            l5(small, photographs, folder, wanted.rounds)


if __name__ == "__main__":
    main()
