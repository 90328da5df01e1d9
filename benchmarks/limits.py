"""The machine's own limits, measured by a small C++ program that is built on first use."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_HERE = Path(__file__).parent
_PROGRAM = _HERE.parent / "build" / "benchmarks" / "limits"


def _program() -> str:
    source = _HERE / "native" / "limits.cpp"
    if not _PROGRAM.exists() or _PROGRAM.stat().st_mtime < source.stat().st_mtime:
        _PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        compiler = os.environ.get("CXX") or shutil.which("c++") or "g++"
        subprocess.run(
            [
                compiler,
                "-std=c++20",
                "-O3",
                "-march=native",
                str(source),
                "-o",
                str(_PROGRAM),
                "-ljpeg",
                "-lpthread",
            ],
            check=True,
        )
    return str(_PROGRAM)


def read_seconds(nbytes: int, threads: int) -> float:
    """Seconds to read `nbytes` of memory once with `threads` threads (the best of five)."""
    return float(subprocess.check_output([_program(), "read", str(nbytes), str(threads)]))


def jpeg_seconds(packed: Path, threads: int) -> float:
    """Seconds to decode all images of a packed file in a bare libjpeg-turbo loop."""
    return float(subprocess.check_output([_program(), "jpeg", str(packed), str(threads)]))
