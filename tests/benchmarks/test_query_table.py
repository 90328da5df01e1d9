"""The table of `make bench-query`: every contender gives the right answer, and a wrong one is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="an installed package has no benchmarks")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: peers bring thread pools, and Polars reads its settings when it is imported."""
    env = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    return subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True)


def test_all_contenders_give_the_same_answers() -> None:
    done = python("-m", "query", "--check", "--rows", "20000")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("Q", "V"))]
    assert {line.split(":")[0] for line in lines} == {
        *(f"Q{number}" for number in range(1, 13)),
        "Q8r",
        "Q8n",
        *(f"V{number}" for number in range(1, 4)),
    }
    assert [line for line in lines if not line.endswith(": equal answers")] == []


WRONG = """
import numpy as np
from query import table
from query.line import Contender, Line, equal_rows
right, wrong = Contender(lambda: np.array([3, 1])), Contender(lambda: np.array([3, 2]))
table.check(Line("odd rows", right, equal_rows([1, 3]), (), {"fine": right, "missing": None}))
table.check(Line("odd rows", right, equal_rows([1, 3]), (), {"fine": right, "bad": wrong}))
"""


def test_a_wrong_answer_is_an_error_that_says_whose() -> None:
    done = python("-c", WRONG.strip())
    assert done.returncode != 0
    assert "bad on: odd rows" in done.stderr
    assert "line 6" in done.stderr and "line 5" not in done.stderr


VERDICTS = """
from query.line import Faster, NearLimit, Within
from query.table import Row
row = Row("Q0", "", 0.010, 0.009, {"a": 0.030, "b": 0.020, "c": None}, 0.008, ())
for demand in (Faster(2), Faster(2.5, ("a",)), Faster(3.5), Faster(1, ("c",)), NearLimit(1.2), NearLimit(1.3),
               Within(0.02)):
    print(row.verdict(demand))
"""


def test_demands_are_judged_by_the_best_of_the_peers_they_name() -> None:
    assert python("-c", VERDICTS).stdout.splitlines() == [
        "2.00 of 2x the best: yes",
        "3.00 of 2.5x a: yes",
        "2.00 of 3.5x the best: no",
        "? of 1x c",
        "1.25 of 1.2x the limit: no",
        "1.25 of 1.3x the limit: yes",
        "10 of 20 ms: yes",
    ]
