"""Explain for people: a tree with columns of numbers beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tql.byte_size import byte_text
from tql.planner.rendering.expression_text import expression_text, name_text
from tql.planner.rendering.tree import Line, peak_bytes
from tql.planner.zones import zone_conditions

if TYPE_CHECKING:
    from tql.planner import PlannedQuery

_MOST_OUTPUT = 12
_MEASURES = ["", "rows", "estimated", "time", "read", "partitions", "memory"]


def render_text(planned: PlannedQuery, root: Line) -> str:
    """The tree, what comes out, and the rules that fired; after a run also what was measured."""
    measured = root.measured is not None
    rows = list(_rows(root, "", ""))
    header = _MEASURES if measured else ["", "estimated rows"]
    lines = _aligned([header, *rows])
    lines.append("")
    if measured:
        lines.append(f"peak memory: {byte_text(peak_bytes(root))}")
    lines.append(f"output: {_output(planned)}")
    pruning = list(dict.fromkeys(expression_text(x) for x in zone_conditions(planned.optimized.input)))
    if pruning:
        lines.append(f"zone maps: {', '.join(pruning)}")
    lines.append(f"rules: {', '.join(fired.rule for fired in planned.fired) or 'none fired'}")
    return "\n".join(lines)


def _total_rows(line: Line) -> int | None:
    """Rows of the source that a node's rows belong to, where a run has measured them."""
    while not line.is_source:
        line = line.children[0]
    return None if line.measured is None else int(line.measured["rows_out"])


def _rows(line: Line, first: str, rest: str) -> Iterator[list[str]]:
    """One row per node, and one more per further detail; `first` and `rest` draw the branches."""
    single = len(line.details) == 1
    title = f"{line.operator}: {line.details[0]}" if single else line.operator
    yield [first + title, *_numbers(line)]
    trunk = rest + ("│    " if line.children else "     ")
    if not single:
        yield from ([trunk + detail, *numbers] for detail, numbers in _details(line))
    zones = None if line.measured is None else line.measured.get("zones")
    if zones is not None:
        counts = f"{zones['read']:,} read, {zones['skipped']:,} skipped, {zones['accepted']:,} accepted whole"
        yield [f"{trunk}zone maps: blocks of rows {counts}"]
    for index, child in enumerate(line.children):
        is_last = index == len(line.children) - 1
        yield from _rows(child, rest + ("└─ " if is_last else "├─ "), rest + ("   " if is_last else "│  "))


def _details(line: Line) -> list[tuple[str, list[str]]]:
    """The expressions of a node; the conditions of a filter that ran in the order of evaluation, with the
    rows that each let through and its time on all threads.
    """
    measured = [] if line.measured is None else line.measured.get("conjuncts", [])
    if len(measured) != len(line.details):
        return [(detail, []) for detail in line.details]
    conjuncts = sorted(zip(line.details, measured, strict=True), key=lambda pair: int(pair[1]["place"]))
    return [
        (detail, [f"{entry['rows_out']:,}", "", duration(entry["nanoseconds"]), "", "", ""])
        for detail, entry in conjuncts
    ]


def _numbers(line: Line) -> list[str]:
    if line.measured is None:
        return [_estimate(line)]
    measured = line.measured
    made = line.is_source and line.children
    estimated = None if made else line.estimate.rows(_total_rows(line))
    return [
        f"{measured['rows_out']:,}",
        _estimate(line) if estimated is None else f"{estimated:,}",
        duration(measured["nanoseconds"]),
        byte_text(measured["bytes_read"]) if measured["bytes_read"] else "",
        f"{measured['partitions_read']:,}" if measured["partitions_read"] else "",
        byte_text(measured["peak_bytes"]) if measured["peak_bytes"] else "",
    ]


def _estimate(line: Line) -> str:
    """A share of the rows of the source; how many rows a source has that the plan makes is not known."""
    estimate = line.estimate
    if line.is_source and line.children:
        return "unknown" if estimate.most is None else f"at most {estimate.most:,}"
    if estimate.share >= 1.0:
        share = "all"
    else:
        percent = 100 * estimate.share
        share = f"~{percent:.2g}%" if percent else "none"
    if estimate.most is None:
        return share
    return f"at most {estimate.most:,}" if share == "all" else f"{share}, at most {estimate.most:,}"


def _aligned(rows: list[list[str]]) -> list[str]:
    numbered = [row for row in rows if len(row) > 1]
    widths = [max(len(row[i]) for row in numbered) for i in range(len(numbered[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)
        ]
        lines.append("   ".join(cells).rstrip())
    return lines


def _output(planned: PlannedQuery) -> str:
    columns = [f"{name_text(field.name)} {field.type}" for field in planned.schema.fields]
    shown = ", ".join(columns[:_MOST_OUTPUT])
    return f"{shown}, ... {len(columns)} columns" if len(columns) > _MOST_OUTPUT else shown


def duration(nanoseconds: int) -> str:
    """With a unit that keeps the number short."""
    for unit, scale in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= scale:
            return f"{nanoseconds / scale:.1f} {unit}"
    return f"{nanoseconds} ns"
