"""The bound source and named ones: which rows an answer counts, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, filter_of, plan_of, project_of, run, scan
from tql._engine import Column, EngineError, Plan, execute

SMALL = {"x": Column.dense(np.arange(5))}
LARGE = {"x": Column.dense(np.arange(100, 120))}


def named(key: str, ident: int = 1) -> dict[str, Any]:
    return {"id": ident, "op": "scan", "source": key}


def at_least(value: int) -> Code:
    code = Code(SMALL)
    code.add("greater_equal", code.column("x"), code.constant(value, "int64"))
    return code


def test_a_named_source_is_read_instead_of_the_bound_one() -> None:
    small, large = MemorySource(SMALL), MemorySource(LARGE, 7)
    twice = Code(SMALL)
    twice.add("add", twice.column("x"), twice.column("x"), type="int64")
    root = project_of({"d": twice}, filter_of(at_least(118), node=named("b")))
    result = run(root, small, ["d"], sources={"a": small, "b": large})
    assert result.source == "b"
    assert result.selection.indices.tolist() == [18, 19]
    assert result.columns["d"].values.tolist() == [236, 238]
    assert small.reads == [] and small.takes == []


def test_the_bound_source_has_no_key() -> None:
    assert run(scan(), MemorySource(SMALL), sources={"a": MemorySource(LARGE)}).source is None
    assert run(named("a"), None, sources={"a": MemorySource(LARGE)}).source == "a"


def test_sources_that_are_not_there() -> None:
    with pytest.raises(EngineError, match="there is no source 'b'"):
        run(named("b"), MemorySource(SMALL), sources={"a": MemorySource(LARGE)})
    with pytest.raises(EngineError, match="there is no bound source"):
        run(scan(), None, sources={"a": MemorySource(LARGE)})
    with pytest.raises(EngineError, match="'source' must be a string"):
        Plan(plan_of({"id": 0, "op": "scan", "source": 5}))


def test_set_operations_need_rows_of_one_source() -> None:
    union = {"id": 5, "op": "set_op", "left": named("a", 1), "right": named("b", 2)}
    union |= {"kind": "union", "all": False, "ordered": False}
    sources = {"a": MemorySource(SMALL), "b": MemorySource(LARGE)}
    with pytest.raises(EngineError, match="rows of two sources"):
        run(union, None, sources=sources)
    result = run({**union, "right": named("a", 2)}, None, sources=sources)
    assert result.source == "a" and len(result.selection) == 5


def test_a_negative_number_of_rows() -> None:
    class Negative(MemorySource):
        num_rows = -1

        def __init__(self) -> None:
            self.data = SMALL

    with pytest.raises(EngineError, match="negative number of rows"):
        execute(Plan(plan_of(scan())), Negative())
