"""How long from query text to plan, for `import tql`, and for `tql explain` as a whole process?"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timing

import tql
from tql import planner
from tql.errors import TQLError
from tql.loader.plan_cache import prepare
from tql.schema import Schema
from tql.types import Type

DATA = Path(__file__).parent.parent / "examples" / "data" / "fashion-mnist"
SCHEMA = Schema(
    {
        "images": Type("uint8", (None, None, 3)),
        "categories": Type("uint32", (None,), class_names=("car", "motorcycle", "dog")),
        "boxes": Type("float32", (None, 4)),
        "labels": Type("int32"),
        "findings": Type("text"),
        "meta": Type("json"),
    }
)
REFERENCE = {  # each with a number that changes, so that no cache can answer
    "filter": "select * where labels != {}",
    "union": "(select * where contains(categories, 'car') limit {}) union "
    "(select * where contains(categories, 'motorcycle') limit 1000)",
    "weights": "select * sample by max_weight(contains(findings, 'Hernia'): 20, "
    "contains(findings, 'Edema'): 5, true: 1) replace true limit {}",
    "order": "select images, labels where any(boxes[:, 2] > 100) order by labels desc limit {}",
    "group": "select labels, count(*) as size group by labels having count(*) > {}",
    "keys": "select labels as x where meta['size']['width'] > {} and meta['tags'] is not null",
}
GROWING: dict[str, tuple[int, Callable[[int], str]]] = {  # the size at 1x, and the query of a size
    "IN list": (100, lambda n: f"select * where labels in ({', '.join(map(str, range(n)))})"),
    "IN list of sums": (
        10,
        lambda n: f"select * where labels in ({', '.join(f'{i} + 1' for i in range(n))})",
    ),
    "OR chain": (33, lambda n: "select * where " + " or ".join(f"labels = {i}" for i in range(n))),
    "AND chain": (33, lambda n: "select * where " + " and ".join(f"labels != {i}" for i in range(n))),
    "select list": (20, lambda n: "select " + ", ".join(f"labels + {i} as c{i}" for i in range(n))),
    "union": (20, lambda n: " union ".join(f"select * where labels = {i}" for i in range(n))),
    "limited union": (
        20,
        lambda n: " union ".join(f"(select * where labels = {i} limit 1)" for i in range(n)),
    ),
    "sub-queries": (5, lambda n: "select * from (" * n + "select *" + " where labels > 0 limit 9)" * n),
}
LONG = 1_000_000
MISTAKES = {  # of a megabyte
    "open parentheses": "select * where " + "(labels or " * (LONG // 11),
    "a comma at the end": "select " + "a, " * (LONG // 3) + ",",
    "a word in a chain": "select * where a = 1" + " and b = 2" * (LONG // 10) + " adn c = 3",
    "a word at the start": "selct * where a = 1" + " and b = 2" * (LONG // 10),
    "an open string": "select * where a in (" + "'x', " * (LONG // 5) + "'x",
}


def process(*command: str) -> float:
    """Wall seconds of a whole process, with the bytecode caches that an installed package has."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    return time.perf_counter() - start


def report_reference_queries() -> None:
    numbers = itertools.count(1000)
    contenders = {
        name: lambda text=text: planner.plan(text.format(next(numbers)), SCHEMA)
        for name, text in REFERENCE.items()
    }
    timings = timing.interleave(contenders, rounds=100, warmup=5)
    timing.report("text to plan, texts not seen before (target: 2 ms)", timings, "filter")

    texts = tql.from_numpy({"labels": np.arange(8, dtype=np.int32)})
    text = REFERENCE["filter"].format(5)
    cached = timing.interleave(
        {"view.query": lambda: texts.query(text), "prepare": lambda: prepare(text, texts)}, rounds=500
    )
    timing.report("a query that was planned before (target: 50 us to plan)", cached, "prepare", unit="us")


def report_growth() -> None:
    print("\ntext to plan, ms, at 1x, 10x and 100x (target: 100 ms for 10,000 items of an IN list)")
    sizes = (1, 10, 100)
    contenders = {
        (name, size): lambda make=make, count=count * size: planner.plan(make(count), SCHEMA)
        for name, (count, make) in GROWING.items()
        for size in sizes
    }
    timings = timing.interleave(contenders, rounds=5)
    for name, (count, _) in GROWING.items():
        medians = [f"{timings[name, size].median * 1e3:10.2f}" for size in sizes]
        print(f"  {name:<16} {count:>4} x {''.join(medians)}")


def report_mistakes() -> None:
    timings = timing.interleave(
        {name: lambda text=text: refused(text) for name, text in MISTAKES.items()}, rounds=3
    )
    timing.report(
        "a megabyte with a mistake, or that is too long to plan (target: 1 s)", timings, "an open string"
    )


def refused(text: str) -> None:
    try:
        planner.plan(text, SCHEMA)
    except TQLError:
        return
    raise AssertionError("the mistake was not found")


def main() -> None:
    report_reference_queries()
    report_growth()
    report_mistakes()

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
