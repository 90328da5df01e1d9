"""Fresh seeds: another with every draw, and in every process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tql.loader.seeds import resolve_seed

FORKING = """
import os
from tql.loader.seeds import resolve_seed

end, start = os.pipe()
child = os.fork()
if child == 0:
    os.write(start, str(resolve_seed(None)).encode())
    os._exit(0)
os.waitpid(child, 0)
print(int(os.read(end, 100)) != resolve_seed(None))
"""


def test_no_two_fresh_seeds_are_the_same() -> None:
    seeds = [resolve_seed(None) for _ in range(1000)]
    assert len(set(seeds)) == 1000 and all(0 <= seed < 1 << 63 for seed in seeds)


def test_fresh_seeds_do_not_follow_the_seed_of_python() -> None:
    import random

    random.seed(1)
    first = resolve_seed(None)
    random.seed(1)
    assert resolve_seed(None) != first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_has_other_seeds() -> None:
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
