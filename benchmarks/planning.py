"""How long from query text to plan, for `import tql`, and for `tql explain` as a whole process?"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import timing

from tql import planner
from tql.schema import Schema
from tql.types import Type

DATA = Path(__file__).parent.parent / "examples" / "data" / "fashion-mnist"
UNION = (
    "(select * where contains(categories, 'car') limit {}) union "
    "(select * where contains(categories, 'motorcycle') limit 1000)"
)


def process(*command: str) -> float:
    """Wall seconds of a whole process, with the bytecode caches that an installed package has."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    return time.perf_counter() - start


def main() -> None:
    schema = Schema(
        {
            "images": Type("uint8", (None, None, 3)),
            "categories": Type("uint32", (None,), class_names=("car", "motorcycle", "dog")),
            "boxes": Type("float32", (None, 4)),
        }
    )
    limits = itertools.count(1000)  # every text is new, so no cache can answer
    plans = timing.interleave(
        {"text to plan": lambda: planner.plan(UNION.format(next(limits)), schema)}, rounds=200, warmup=5
    )
    timing.report(
        "parse + bind + optimise + lower the two-way union, text not seen before (target: 2 ms)",
        plans,
        "text to plan",
    )

    python = sys.executable
    starts = timing.interleave(
        {
            "python -c pass": lambda: process(python, "-c", "pass"),
            "import tql": lambda: process(python, "-c", "import tql"),
            "import tql; tql.load": lambda: process(python, "-c", "import tql; tql.load"),
            "tql explain": lambda: process(
                python, "-m", "tql.cli", "explain", "select * where labels != 5", "--dataset", str(DATA)
            ),
        },
        rounds=9,
    )
    timing.report("whole processes (targets: import 150 ms, explain 300 ms)", starts, "tql explain")


if __name__ == "__main__":
    main()
