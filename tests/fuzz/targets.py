"""What the fuzzers call with bytes of their own invention, and the seeds they begin with.

A target returns for input that is handled as it must be, and raises for a finding. Nothing here needs a
fuzzer, so the ordinary tests run the targets over the seeds and over simple mutations of them.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.engine_plans import MemorySource
from tql._engine import Column, EngineError, Plan, execute
from tql.errors import InternalError, TQLError
from tql.parser import parse
from tql.planner import plan
from tql.printer import to_text
from tql.schema import Schema
from tql.types import Type

GOLDEN = Path(__file__).parent.parent / "golden"
ROWS = 12
SCHEMA = Schema(
    {
        "a": Type("int64"),
        "b": Type("bool"),
        "x": Type("float32"),
        "labels": Type("int32", class_names=("cat", "dog", "bird")),
        "name": Type("text"),
        "v": Type("float32", (3,)),
    }
)
COLUMNS = {
    "a": Column.dense(np.arange(ROWS)),
    "b": Column.dense(np.arange(ROWS) % 2 == 0),
    "x": Column.dense(np.linspace(-1, 1, ROWS, dtype=np.float32)),
    "labels": Column.dense(np.arange(ROWS, dtype=np.int32) % 3),
    "v": Column.dense(np.arange(3.0 * ROWS, dtype=np.float32).reshape(ROWS, 3)),
}
QUERIES = (
    "select *, a + 1 as d where b and x > 0.5 order by a desc limit 3",
    "select a where labels in ('cat', 'dog') union select a where any(v > 2)",
    "(select * where a % 3 = 1 limit 2) except (select * where not b)",
    "select l2_norm(v - array[1, 2, 3]) as d, v[0] as f order by d limit 4 offset 1",
    "select distinct b where a between 2 and 9",
    "select * sample by max_weight(a = 1: 5, true: 1) replace false limit 3",
    "select a where v[a] is null or sqrt(x) > 0",
    "select * expand by 1, 2 overlap false",
    "select b, sum(a) as s group by b having count(*) > 2",
    "select a from (select * where b limit 5) where a > 2 limit 50 percent",
)


def check_text(data: bytes) -> None:
    """Any text is a query that survives printing, or an error of the package with a place in the text."""
    text = data.decode("utf-8", "replace")
    try:
        statement = parse(text)
    except InternalError:
        raise
    except TQLError as error:
        assert error.message and str(error)
        assert error.span is None or 0 <= error.span.start <= error.span.end <= len(text)
        return
    assert parse(to_text(statement)) == statement
    with contextlib.suppress(TQLError):
        plan(text, SCHEMA)


def check_plan(data: bytes) -> None:
    """Any JSON is a plan that runs or ends in an error of the engine, or is refused."""
    try:
        described = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(described, dict) or _asks_for_much(described):
        return
    with contextlib.suppress(EngineError, KeyError):
        execute(Plan(described), MemorySource(COLUMNS), threads=1)


def _asks_for_much(value: Any) -> bool:
    """Whether a number in it may be one of rows to draw or to make: that is honest work, no hang."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
        elif isinstance(item, int | float) and not abs(item) < 1e6:
            return True
    return False


def texts() -> list[bytes]:
    """Queries of the golden corpus: what stands between the title of a case and its answer."""
    found = set(QUERIES)
    for path in sorted(GOLDEN.rglob("*.test")):
        for case in path.read_text(encoding="utf-8").split("\n=== "):
            lines = case.split("\n---")[0].split("\n")[1:]
            found.add("\n".join(line for line in lines if not line.startswith(("table:", "params:"))))
    return [text.strip().encode() for text in sorted(found) if text.strip()]


def plans() -> list[bytes]:
    """Plans that the planner makes."""
    return [json.dumps(plan(text, SCHEMA).physical).encode() for text in QUERIES]


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "parser": (check_text, texts),
    "plans": (check_plan, plans),
}


def mutations(seeds: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Seeds with pieces dropped, repeated, swapped between them, or overwritten."""
    generator = random.Random(seed)
    for _ in range(count):
        data = bytearray(generator.choice(seeds))
        for _ in range(generator.randint(1, 4)):
            other = generator.choice(seeds)
            start = generator.randrange(len(data) + 1)
            end = min(len(data), start + generator.randint(0, 12))
            origin = generator.randrange(len(other))
            piece = other[origin : origin + generator.randint(0, 12)]
            noise = bytes(generator.choices(b"0123456789-()[]{},.:;'\"*%?abc\\\n\xff", k=2))
            data[start:end] = generator.choice([b"", piece, bytes(data[start:end]) * 2, noise])
        yield bytes(data)
