"""How much a loader holds at most: measured over all its processes, against what its arguments allow."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import tql

ROLLUP = Path("/proc/self/smaps_rollup")
pytestmark = pytest.mark.skipif(
    not ROLLUP.exists() or "Pss_Anon" not in ROLLUP.read_text(), reason="reads /proc/PID/smaps_rollup"
)

ROWS, BATCH = 1024, 128
BATCH_BYTES = BATCH * 250 * 250 * 3
SHAPES_BYTES = 128 * 219 * 250 * 3  # of rows of different shapes
CROPPED_BYTES = BATCH * 224 * 224 * 3 * 4
BUFFER = 48 * 10**6
PREFETCH = 2
ALONE = PREFETCH + 2  # those under way, the one that is made, and the one that the consumer has
WORKERS = 2 * (PREFETCH + 1) + 2  # those of each worker, the one that came, and the one that the consumer has
CALLED = ALONE + 3  # the rows before the function, what it made of them, and that as one array

DRAWN = "view.dataloader().sample_by(np.arange(1024.0)).shuffle(buffer_size=48)"
SHUFFLED = "view.dataloader().shuffle()"
WINDOWS = "chunked.dataloader().shuffle(buffer_size=48)"
NATIVE = "[tql.transforms.RandomResizedCrop(224), tql.transforms.ToFloat()]"

# What is asked for, and how many bytes it may hold.
MODES: dict[str, tuple[str, int]] = {
    "in order": ("view.dataloader().batch(128).numpy(num_threads=2)", ALONE * BATCH_BYTES),
    "exact": (f"{SHUFFLED}.batch(128).numpy(num_threads=2)", ALONE * BATCH_BYTES),
    "skip": (f"{SHUFFLED}.batch(128).numpy(num_threads=2, on_error='skip')", ALONE * BATCH_BYTES),
    "drawn": (f"{DRAWN}.batch(128).numpy(num_threads=2)", BUFFER + ALONE * BATCH_BYTES),
    "native": (
        f"{SHUFFLED}.transform({NATIVE}).batch(128).numpy(num_threads=2)",
        ALONE * CROPPED_BYTES,
    ),
    "python": (f"{SHUFFLED}.transform(halve).batch(128).numpy(num_threads=2)", CALLED * BATCH_BYTES),
    "chunks": ("chunked.dataloader().batch(128).numpy(num_threads=2)", 256 * 10**6 + ALONE * BATCH_BYTES),
    "exact from chunks": (
        f"{SHUFFLED.replace('view', 'chunked')}.batch(128).numpy(num_threads=2)",
        ROWS // 128 * BATCH_BYTES + ALONE * BATCH_BYTES,  # less than its buffer
    ),
    "windows of chunks": (f"{WINDOWS}.batch(128).numpy(num_threads=2)", BUFFER + ALONE * BATCH_BYTES),
    "windows of black chunks": (
        f"{WINDOWS.replace('chunked', 'black')}.batch(128).numpy(num_threads=2)",
        BUFFER + ALONE * BATCH_BYTES,
    ),
    "windows of strips": (
        f"{WINDOWS.replace('chunked', 'strips')}.batch(128).numpy(num_threads=2)",
        BUFFER + ALONE * BATCH_BYTES,
    ),
    "windows of different shapes": (
        f"{WINDOWS.replace('chunked', 'shapes')}.batch(128).numpy(num_threads=2)",
        BUFFER + ALONE * SHAPES_BYTES,
    ),
    "drawn from chunks": (
        f"{DRAWN.replace('view', 'chunked')}.batch(128).numpy(num_threads=2)",
        BUFFER + ALONE * BATCH_BYTES,
    ),
    "windows of chunks, workers": (
        f"{WINDOWS}.batch(128).numpy(num_workers=2, num_threads=1)",
        BUFFER + WORKERS * BATCH_BYTES,
    ),
    "workers": (f"{SHUFFLED}.batch(128).numpy(num_workers=2, num_threads=1)", WORKERS * BATCH_BYTES),
    "drawn, workers": (
        f"{DRAWN}.batch(128).numpy(num_workers=2, num_threads=1)",
        BUFFER + WORKERS * BATCH_BYTES,
    ),
}
PROCESS_BYTES = 12 * 10**6  # what the interpreter grows

SCRIPT = """
    import json, multiprocessing, os, sys
    import numpy as np
    import tql

    def halve(sample):
        return {**sample, "images": sample["images"] // 2}

    def held():
        total = 0
        for process in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
            with open(f"/proc/{process}/smaps_rollup") as file:
                lines = [line.split() for line in file]
            total += sum(int(line[1]) for line in lines if line[0] in ("Pss_Anon:", "Pss_Shmem:"))
        return total * 1024

    view = tql.load(sys.argv[1])
    root = sys.argv[1].removesuffix("view")
    chunked, black, strips = (tql.load(root + name) for name in ("chunked", "black", "strips"))
    shapes = tql.load(root + "shapes")
    loader = eval(sys.argv[2])
    next(iter(tql.from_numpy({"x": np.arange(3)}).dataloader().numpy()))
    before, most = held(), []
    for epoch in range(3):
        most.append(max(held() - before for batch in loader))
    print(json.dumps(most))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("PIL")
    root: Path = tmp_path_factory.mktemp("bound") / "view"
    coarse = np.random.default_rng(0).integers(0, 256, (32, 10, 10, 3), np.uint8)
    with tql.empty(root) as ds:
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        for _ in range(ROWS // 32):
            ds.extend({"images": list(coarse.repeat(25, 1).repeat(25, 2))})
    noise = np.random.default_rng(1).integers(0, 256, (32, 250, 250, 3), np.uint8)  # nothing compresses it
    for name, compression, rows in (
        ("chunked", "lz4", noise),
        ("black", "lz4", np.zeros_like(noise)),
        ("strips", "jpeg", coarse.repeat(25, 1).repeat(25, 2)),
    ):
        with tql.empty(root.with_name(name)) as ds:
            ds.create_tensor("images", htype="image", chunk_compression=compression)
            for _ in range(ROWS // 32):
                ds.extend({"images": list(rows)})
    with tql.empty(root.with_name("shapes")) as ds:
        ds.create_tensor("images", htype="image", chunk_compression="lz4")
        for _ in range(ROWS // 32):
            ds.extend({"images": [row[: 188 + 2 * number] for number, row in enumerate(noise)]})
    return root


@pytest.mark.parametrize("mode", MODES)
def test_no_more_is_held_than_buffer_and_batches_and_a_fifth(mode: str, folder: Path) -> None:
    chain, allowed = MODES[mode]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder), chain],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    most = json.loads(done.stdout)
    processes = 3 if "workers" in mode else 1
    assert max(most) < 1.2 * allowed + processes * PROCESS_BYTES, most
    assert max(most) > 2 * BATCH_BYTES  # it measures
