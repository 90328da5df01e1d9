"""Reading Deep Lake v3 datasets: a million scalars in large and in small chunks, and what opening costs.

    python benchmarks/v3.py [FOLDER]

Every time is the best of several runs with the files in the page cache; a fresh dataset object each time.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tql

ROWS = 1_000_000
RUNS = 15
CHUNKS = {"in chunks of 8 MB": 16_000_000, "in chunks of 64 kB": 128_000}


def best(run: Callable[[], object]) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def main(folder: Path) -> None:
    """Write the datasets, then time reading them beside a plain read of as many bytes."""
    values = np.random.default_rng(0).random(ROWS)
    (folder / "plain").write_bytes(values.tobytes())
    plain = best(lambda: np.fromfile(folder / "plain", np.float64))
    print(f"{'np.fromfile':32} {values.nbytes / plain / 1e9:6.1f} GB/s")
    for name, size in CHUNKS.items():
        path = folder / name
        with tql.empty(path) as ds:
            ds.create_tensor("x", dtype="float64", max_chunk_size=size)
            ds.extend({"x": values})
        ds.close()
        assert np.array_equal(tql.load(path)["x"][:, 0], values)
        seconds = best(lambda path=path: tql.load(path)["x"])
        opening = best(lambda path=path: tql.load(path))
        speed = values.nbytes / (seconds - opening) / 1e9
        print(f"{name:32} {speed:6.1f} GB/s, opened in {1e3 * opening:.1f} ms")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
