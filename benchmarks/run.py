"""Run every benchmark, each in a process of its own; `run.py filter loader` runs some."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = ("filter", "planning", "loader")


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        subprocess.run([sys.executable, str(Path(__file__).parent / f"{name}.py")], check=True)


if __name__ == "__main__":
    main()
