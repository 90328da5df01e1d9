"""Random changes of Deep Lake v3 files: `run_format.py [SECONDS] [SEED]`.

Prints how many files were read and how many of them were refused. What else happens than rows or a `TQLError`
ends the run with the seed, the number of the run and the file, by which it can be run again.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from fuzz.format_files import cases, check, mutated

_SLOW = 20  # seconds
_MEMORY = 6 << 30


def main(seconds: float, seed: int) -> None:
    """Change and read until the time is over."""
    if "ASAN_OPTIONS" not in os.environ:  # which reserves terabytes of addresses, and has a limit of its own
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, _hangs)
    every, end, runs, refused = cases(), time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        rng = random.Random(seed * (1 << 40) + runs)
        number = rng.randrange(8 * len(every))
        case = every[number % len(every)]
        data = mutated(case.folder.files[case.file], rng)
        signal.alarm(_SLOW)
        try:
            refused += check(number, data)
        except BaseException:
            print(f"seed {seed}, run {runs}, case {number}, file '{case.file}': {data.hex()}")
            raise
        signal.alarm(0)
        runs += 1
        if runs % 50_000 == 0:
            print(f"{runs} files read, {refused} refused", flush=True)
    print(f"{runs} files read, {refused} refused, seed {seed}")


def _hangs(*_: object) -> None:
    raise TimeoutError(f"a file takes more than {_SLOW} seconds")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 180, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
