"""Instructions per row of the main kernels, counted by valgrind's callgrind: `make bench-instructions`.

Each query is planned here, and run by build/instructions/tql_instructions on columns that it makes, with one
thread. Callgrind knows no AVX-512, so the loops for AVX2 and those for any processor are counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import page

from tql.planner import plan
from tql.planner.serialize import to_json
from tql.schema import Schema
from tql.types import Type

PROGRAM = Path(__file__).resolve().parents[1] / "build" / "instructions" / "tql_instructions"
LEVELS = ("avx2", "base")
CLASSES = tuple(["person", "bicycle", "car"] + [f"class {i}" for i in range(3, 80)])
SCHEMA = Schema(
    {
        "labels": Type("int32"),
        "hundred": Type("int32"),
        "score": Type("float32"),
        "categories": Type("int32", (None,), class_names=CLASSES),
        "boxes": Type("float32", (None, 4)),
        "vector": Type("float32", (64,)),
        "caption": Type("text"),
    }
)
VECTOR = ", ".join(f"{i % 7 / 10}" for i in range(64))
WEIGHT = "max_weight(labels == 5: 10, labels == 6: 5)"


@dataclass(frozen=True)
class Kernel:
    """A query whose instructions are counted.

    Attributes:
        what: as the page says it.
        query: the text.
        mode: "rows" lists the rows of the answer, "count" only counts them.
        rows: how many are read.
    """

    what: str
    query: str
    mode: str = "rows"
    rows: int = 1_000_000


KERNELS = {
    "Q1": Kernel("labels != 5, row ids", "select * where labels != 5"),
    "Q1 len": Kernel("labels != 5, how many", "select * where labels != 5", "count"),
    "Q2": Kernel(
        "(labels > 2 and labels < 7) or score >= 0.9",
        "select * where (labels > 2 and labels < 7) or score >= 0.9",
    ),
    "Q3": Kernel(
        "hundred in (20 values)", f"select * where hundred in ({', '.join(map(str, range(3, 100, 5)))})"
    ),
    "Q4": Kernel(
        "contains(categories, 'car'), 3 labels per row",
        "select * where contains(categories, 'car')",
        rows=250_000,
    ),
    "Q5": Kernel(
        "any(boxes[:,2] > 100), 10 boxes per row", "select * where any(boxes[:,2] > 100)", rows=100_000
    ),
    "Q6": Kernel("order by score desc limit 100", "select * order by score desc limit 100"),
    "Q8n": Kernel("5% without replacement", f"select * sample by {WEIGHT} replace false limit 50000"),
    "Q8r": Kernel("as many draws as rows", f"select * sample by {WEIGHT}"),
    "Q9": Kernel(
        "cosine top-10, 64 float32 per row",
        f"select * order by cosine_similarity(vector, array[{VECTOR}]) desc limit 10",
        rows=50_000,
    ),
    "Q11": Kernel("count per label", "select labels[0] as label, count(*) as n group by labels", "count"),
    "Q12": Kernel("caption like '*word*', 13 bytes per row", "select * where caption like '*word*'",
                  rows=250_000),
}  # fmt: skip


def count(kernel: Kernel, level: str) -> int:
    """Instructions of one run.

    Raises:
        RuntimeError: if the program or valgrind fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        text, counts = Path(folder, "plan.json"), Path(folder, "counts")
        text.write_text(to_json(plan(kernel.query, SCHEMA).physical))
        command = [
            "valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={counts}",
            str(PROGRAM), str(text), str(kernel.rows), kernel.mode,
        ]  # fmt: skip
        done = subprocess.run(
            command, env={**os.environ, "TQL_SIMD": level}, capture_output=True, text=True, check=False
        )
        found = re.search(r"^totals: (\d+)", counts.read_text() if counts.exists() else "", re.M)
        if done.returncode != 0 or found is None:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return int(found[1])


def markdown(table: dict[str, dict[str, int]]) -> str:
    """The section of the page."""
    lines = [
        f"| | kernel | rows | {' | '.join(LEVELS)} |",
        f"| --- | --- | ---: |{' ---: |' * len(LEVELS)}",
    ]
    for name, counts in table.items():
        kernel = KERNELS[name]
        cells = [f"{counts[level] / kernel.rows:.2f}" for level in LEVELS]
        lines.append(f"| {name} | {kernel.what} | {kernel.rows:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-instructions", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=KERNELS, default=list(KERNELS), help="lines of the table"
    )
    parser.add_argument("--markdown", action="store_true", help=f"write {page.PAGE.name} too")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("bench-instructions needs valgrind")
    table: dict[str, dict[str, int]] = {}
    for name in options.only:
        kernel = KERNELS[name]
        table[name] = {level: count(kernel, level) for level in LEVELS}
        shown = "  ".join(f"{level} {table[name][level] / kernel.rows:9.2f}" for level in LEVELS)
        print(f"{name:<7}{kernel.what:<48}{shown}", flush=True)
    if options.markdown:
        page.write_section("instructions", markdown(table))


if __name__ == "__main__":
    main()
