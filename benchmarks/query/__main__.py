"""`python -m query`, with benchmarks/ on the path: the table, or with --check only its answers."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Iterator

import page

import tql
from query import draws, filters, groups, joins, ordering, planning, ragged, table, vectors
from query.line import Line

LINES: dict[str, Callable[[int], Iterator[Line]]] = {
    "Q1": filters.not_equal,
    "Q2": filters.disjunction,
    "Q3": filters.one_of_twenty,
    "Q4": ragged.contains_label,
    "Q5": ragged.any_box,
    "Q6": ordering.top_hundred,
    "Q7": filters.union_of_firsts,
    "Q8": draws.weight_array,
    "Q8r": draws.with_replacement,
    "Q8n": draws.without_replacement,
    "Q9": ordering.nearest,
    "Q10": planning.text_to_plan,
    "Q11": groups.count_per_label,
    "Q12": ragged.like_word,
    "V1": vectors.longest,
    "V2": vectors.closest,
    "V3": vectors.late_interaction,
    "G1": groups.thousand_keys,
    "G2": groups.many_keys,
    "G3": groups.two_keys,
    "G4": groups.text_keys,
    "G5": groups.almost_unique_keys,
    "S1": ordering.sorted_floats,
    "S2": ordering.sorted_int32,
    "S3": ordering.sorted_int64,
    "S4": ordering.sorted_texts,
    "S5": ordering.sorted_by_two,
    "J1": joins.large_sides,
    "J2": joins.far_keys,
    "J3": joins.small_side,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-query", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=LINES, default=list(LINES), help="lines of the table")
    parser.add_argument("--rows", type=int, default=20_000_000, help="of the scalar columns")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--check", action="store_true", help="compare the answers and time nothing")
    parser.add_argument("--markdown", action="store_true", help=f"write {page.PAGE.name} too")
    options = parser.parse_args()
    measured = []
    for name in options.only:
        for line in LINES[name](options.rows):
            if options.check:
                refusal = table.check(line)
                print(f"{name}: {line.workload}: {refusal or 'equal answers'}", flush=True)
            else:
                measured.append(table.measure(name, line, options.rounds))
                print(table.text(measured[-1]), flush=True)
            del line
            _free()
    if options.markdown and measured:
        page.write_section("timings", table.markdown(measured, options.rows))


def _free() -> None:
    """The columns of a line and their copies are large: nothing of one is left when the next begins."""
    gc.collect()
    tql.release_memory()


if __name__ == "__main__":
    main()
