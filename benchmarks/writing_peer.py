"""What `writing.py` measures, done by deeplake 3.9 in its own environment; prints CPU seconds."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import deeplake  # noqa: E402
import numpy as np  # noqa: E402


def main() -> None:
    case, root, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    files = sorted(root.glob("pictures/*/*.jpg"))
    names = sorted({path.parent.name for path in files})
    dest = str(root / "theirs")
    start = time.process_time()
    if case == "folder":
        deeplake.ingest_classification(
            str(root / "pictures"), dest, progressbar=False, summary=False, overwrite=True
        )
        print(time.process_time() - start)
        return
    with deeplake.empty(dest, overwrite=True, verbose=False) as ds:
        if case == "pictures":
            ds.create_tensor("images", htype="image", sample_compression="jpeg")
            ds.create_tensor("labels", htype="class_label", class_names=names)
            for path in files:
                ds.append({"images": deeplake.read(str(path)), "labels": path.parent.name})
        elif case == "rows":
            ds.create_tensor("x", dtype="float32")
            ds.create_tensor("t", htype="text")
            for number in range(rows):
                ds.append({"x": np.float32(number), "t": f"row {number}"})
        else:
            ds.create_tensor("x", dtype="float32")
            ds.create_tensor("e", htype="embedding")
            ds.extend({"x": np.arange(rows, dtype=np.float32), "e": np.zeros((rows, 64), np.float32)})
    print(time.process_time() - start)


if __name__ == "__main__":
    main()
