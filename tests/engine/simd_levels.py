"""What the tests of loops with several forms share: the comparisons, and the run on each instruction set."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

COMPARE = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}
NARROWER_LEVELS = ["base", "avx2"]

outermost = pytest.mark.skipif(
    "TQL_SIMD" in os.environ, reason="this is one of the runs that the test starts"
)
"""Marks a test that runs its own file again."""


def run_file_at(level: str, file: str) -> None:
    """Run the tests of a file in a process whose instruction set is narrowed to `level`."""
    environment = os.environ | {"TQL_SIMD": level}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
