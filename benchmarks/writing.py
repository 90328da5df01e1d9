"""How fast are datasets written, beside the format's own package?

Each case runs in turn with the other package (set TQL_INTEROP_PYTHON, as `make bench-writing` does); CPU
seconds, the least of some rounds, so that a busy machine and its disk count little.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import tql

PICTURES, CLASSES, ROUNDS = 3_000, 10, 3


@dataclass(frozen=True)
class Case:
    """One way of writing.

    Attributes:
        what: for the table.
        run: writes a dataset to a folder.
        rows: how many it writes, those of the other package apart: it is given fewer where it is slow.
        bytes: of the values.
    """

    what: str
    run: Callable[[Path], object]
    rows: int
    their_rows: int
    bytes: int


def main() -> None:
    peer = os.environ.get("TQL_INTEROP_PYTHON")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = make_pictures(root / "pictures")
        print("| | rows/s | MB/s | deeplake rows/s | ratio |\n| --- | ---: | ---: | ---: | ---: |")
        for name, case in cases(size).items():
            ours = min(_seconds(case, root) for _ in range(ROUNDS))
            speed = case.rows / ours
            theirs, ratio = "", ""
            if peer:
                command = [
                    peer,
                    str(Path(__file__).with_name("writing_peer.py")),
                    name,
                    folder,
                    str(case.their_rows),
                ]
                seconds = min(
                    float(
                        subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
                    )
                    for _ in range(ROUNDS)
                )
                theirs = f"{case.their_rows / seconds:,.0f}"
                ratio = f"{speed / (case.their_rows / seconds):.1f}"
            print(f"| {case.what} | {speed:,.0f} | {case.bytes / ours / 1e6:,.0f} | {theirs} | {ratio} |")
            sys.stdout.flush()


def make_pictures(root: Path) -> int:
    """Class folders of JPEGs of about 16 kB; the bytes of all."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)
    size = 0
    for number in range(PICTURES):
        path = root / f"class{number % CLASSES}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        out = io.BytesIO()
        Image.fromarray(np.roll(noise, number, 0)).resize((256 + number % 32, 224)).save(
            out, "jpeg", quality=85
        )
        path.write_bytes(out.getvalue())
        size += len(out.getvalue())
    return size


def cases(size: int) -> dict[str, Case]:
    rows, column = 20_000, 1_000_000
    return {
        "folder": Case("class folders of JPEGs, `tql.ingest_folder`", _folder, PICTURES, PICTURES, size),
        "pictures": Case("JPEGs and labels, `append` in `with ds:`", _pictures, PICTURES, PICTURES, size),
        "rows": Case(
            "a number and a text, `append` in `with ds:`", lambda p: _rows(p, rows), rows, 5_000, 14 * rows
        ),
        "column": Case("numbers and embeddings [64], `extend`", _column, column, 100_000, 260 * column),
    }


def _folder(root: Path) -> None:
    tql.ingest_folder(root / "pictures", root / "ours", overwrite=True)


def _pictures(root: Path) -> None:
    files = sorted(root.glob("pictures/*/*.jpg"))
    ds = tql.empty(root / "ours", overwrite=True)
    ds.create_tensor("images", htype="image", sample_compression="jpeg")
    ds.create_tensor("labels", htype="class_label", class_names=sorted({path.parent.name for path in files}))
    with ds:
        for path in files:
            ds.append({"images": tql.read(path), "labels": path.parent.name})
    ds.close()


def _rows(root: Path, rows: int) -> None:
    ds = tql.empty(root / "ours", overwrite=True)
    ds.create_tensor("x", dtype="float32")
    ds.create_tensor("t", htype="text")
    with ds:
        for number in range(rows):
            ds.append({"x": number, "t": f"row {number}"})
    ds.close()


def _column(root: Path) -> None:
    ds = tql.empty(root / "ours", overwrite=True)
    ds.create_tensor("x", dtype="float32")
    ds.create_tensor("e", htype="embedding")
    count = 1_000_000
    ds.extend({"x": np.arange(count, dtype=np.float32), "e": np.zeros((count, 64), np.float32)})
    ds.close()


def _seconds(case: Case, root: Path) -> float:
    start = time.process_time()
    case.run(root)
    return time.process_time() - start


if __name__ == "__main__":
    main()
