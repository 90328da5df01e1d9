"""Set operations over plans: by source row, with and without ALL, ordered or in storage order."""

from collections import Counter

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, run
from tql._engine import Column

ROWS = 40
LEFT, RIGHT = {1, 2, 3, 20, 21, 39}, {0, 2, 3, 4, 21}
SOURCE = MemorySource(
    {
        "x": Column.dense(np.arange(ROWS)),
        "left": Column.dense(np.isin(np.arange(ROWS), list(LEFT))),
        "right": Column.dense(np.isin(np.arange(ROWS), list(RIGHT))),
    }
)
SETS = {"union": LEFT | RIGHT, "intersect": LEFT & RIGHT, "except": LEFT - RIGHT}


def scan():
    return {"op": "scan"}


def nothing():
    return {"op": "limit", "input": scan(), "offset": 0, "count": 0, "percent": None}


def where(flag):
    code = Code(SOURCE.data)
    code.column(flag)
    return {"op": "filter", "input": scan(), "conjuncts": [code.program], "fetch": None}


def descending(node):
    code = Code(SOURCE.data)
    code.column("x")
    keys = [{"program": code.program, "descending": True}]
    return {"op": "sort", "input": node, "keys": keys, "fetch": None}


def set_op(kind, left, right, *, repeats=False, ordered=False):
    members = {"kind": kind, "all": repeats, "ordered": ordered}
    return {"op": "set_op", "left": left, "right": right, **members}


def numbered(node, numbers):
    inputs = {name: numbered(node[name], numbers) for name in ("input", "left", "right") if name in node}
    return {**node, **inputs, "id": next(numbers)}


def rows_of(node):
    return run(numbered(node, iter(range(100))), SOURCE).selection.indices.tolist()


@pytest.mark.parametrize("kind", SETS)
def test_rows_come_in_storage_order(kind):
    for left in (where("left"), descending(where("left"))):
        assert rows_of(set_op(kind, left, where("right"))) == sorted(SETS[kind])


def test_ordered_operands_keep_their_order():
    left, right = descending(where("left")), descending(where("right"))
    assert rows_of(set_op("union", left, right, ordered=True)) == [39, 21, 20, 3, 2, 1, 4, 0]
    assert rows_of(set_op("intersect", left, right, ordered=True)) == [21, 3, 2]
    assert rows_of(set_op("except", left, right, ordered=True)) == [39, 20, 1]


def test_all_counts_repeats():
    twice = set_op("union", where("left"), where("left"), repeats=True)
    assert rows_of(twice) == sorted([*LEFT, *LEFT])
    right = where("right")
    assert rows_of(set_op("intersect", twice, right, repeats=True)) == sorted(LEFT & RIGHT)
    left_over = Counter([*LEFT, *LEFT]) - Counter(RIGHT)
    assert rows_of(set_op("except", twice, right, repeats=True)) == sorted(left_over.elements())
    assert rows_of(set_op("except", twice, right)) == sorted(LEFT - RIGHT)
    assert rows_of(set_op("union", twice, twice)) == sorted(LEFT)


@pytest.mark.parametrize("kind", SETS)
def test_empty_operands(kind):
    some = where("left")
    assert rows_of(set_op(kind, nothing(), nothing())) == []
    assert rows_of(set_op(kind, some, nothing())) == ([] if kind == "intersect" else sorted(LEFT))
    assert rows_of(set_op(kind, nothing(), some)) == (sorted(LEFT) if kind == "union" else [])
