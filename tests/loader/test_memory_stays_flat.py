"""Memory over ten epochs, in each mode: measured in a process of its own, after the first epochs."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc/self/statm")

MODES: dict[str, str] = {
    "order": "view.dataloader().batch(16).numpy()",
    "exact": "view.dataloader().shuffle().batch(16).numpy()",
    "windows": "packed.dataloader().shuffle(buffer_size=2).batch(16).numpy()",
    "drawn": "view.dataloader().sample_by(np.arange(200.0)).shuffle(buffer_size=8).batch(16).numpy()",
    "transform": "view.dataloader().shuffle().transform(halve).batch(16).numpy()",
    "workers": "view.dataloader().shuffle().batch(16).numpy(num_workers=2)",
    "together": "plain.dataloader().shuffle().batch(16).numpy()",
    "skip": "view.dataloader().shuffle().batch(16).numpy(on_error='skip')",
}

SCRIPT = """
    import gc, json, os, sys
    import numpy as np
    import tql

    def halve(sample):
        return {**sample, "images": sample["images"] // 2}

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    view, packed = tql.load(sys.argv[1] + "/view"), tql.load(sys.argv[1] + "/packed")
    plain = tql.from_numpy({"x": np.zeros((1000, 32, 32, 3), np.uint8)})
    loader = eval(sys.argv[2])
    sizes = []
    for epoch in range(10):
        peak = 0
        for batch in loader:
            peak = max(peak, resident()) if len(sizes) % 3 == 2 else peak
        gc.collect()
        sizes.append(max(peak, resident()))
    print(json.dumps(sizes))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    import numpy as np

    import tql

    root: Path = tmp_path_factory.mktemp("memory")
    pixels = np.random.default_rng(0).integers(0, 255, (40, 100, 100, 3), np.uint8)
    for name, compression in (
        ("view", {"sample_compression": "jpeg"}),
        ("packed", {"chunk_compression": "lz4"}),
    ):
        with tql.empty(root / name) as ds:
            ds.create_tensor("images", htype="image", max_chunk_size=1 << 20, **compression)
            for _ in range(5):
                ds.extend({"images": list(pixels)})
    return root


@pytest.mark.parametrize("mode", MODES)
def test_memory_is_flat_over_ten_epochs(mode: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder), MODES[mode]],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    sizes = json.loads(done.stdout)
    # The first epochs fill caches (files that are mapped, the allocator); an epoch is 6 MB of pixels.
    assert sizes[8] - sizes[2] < 3 << 20, sizes


def test_a_smaller_buffer_holds_less(folder: Path) -> None:
    peaks = []
    for buffer in (1, 100):
        drawn = f"view.dataloader().sample_by(np.ones(200), size=400).shuffle(buffer_size={buffer})"
        mode = f"{drawn}.batch(16).numpy()"
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder), mode], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        peaks.append(json.loads(done.stdout)[8])
    # Some 80 pictures of 30 kB are kept with the large one, at most 33 with the small one.
    assert peaks[1] - peaks[0] > 1 << 20
