"""Plans that make sources, any one member replaced: refused, run, or ended by an error, never a crash."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import numpy as np
import pytest

from engine.engine_plans import MemorySource, plan_of, ragged, text
from engine.made_plans import group_of, join_of
from engine.test_engine_append import FLAGS, append_of, expand_of
from engine.test_engine_hostile_plans import JUNK, places
from engine.test_engine_ungroup import ungroup_of
from tql._engine import Column, EngineError, MadeSource, Plan, execute

COLUMNS = {
    **FLAGS,
    "k": Column.dense(np.arange(6) % 4),
    "v": ragged([[1], [], [2, 3], [4], [5], [6, 7]], "int8", 1),
    "t": text(["a", "b", None, "c", "d", "e"]),
    "x": Column.dense(np.arange(6)),
    "y": Column.dense(np.arange(6)),
}
SOURCE = MemorySource(COLUMNS, 4)
NODES = {
    "join": join_of(COLUMNS, COLUMNS, "full"),
    "group": group_of(COLUMNS, ["k"]),
    "ungroup": ungroup_of(COLUMNS, {"v": "element", "t": "repeat"}, split=True),
    "parts": ungroup_of(COLUMNS, {"v": "part"}, lengths=[1, 0]),
    "append": append_of(),
    "expand": expand_of(FLAGS, 1, 1, True),
}


def survive(root: dict[str, Any]) -> None:
    with contextlib.suppress(EngineError, KeyError, AssertionError):
        result = execute(Plan(plan_of(root)), SOURCE, sources={"l": SOURCE, "r": SOURCE})
        if not isinstance(result.source, MadeSource) or result.source.num_rows > 1000:
            return
        for column in root["columns"]:
            for facet in ("values", "shape"):
                with contextlib.suppress(EngineError, KeyError):
                    result.source.read(column["id"], facet, 0, result.source.num_rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NODES)
def test_any_one_member_replaced_or_missing(name: str) -> None:
    for index in range(len(places(NODES[name]))):
        for junk in [*JUNK, "computed", "part", "element", "int8", "k", "v", "t"]:
            root = copy.deepcopy(NODES[name])
            holder, key = places(root)[index]
            holder[key] = junk
            survive(root)
        root = copy.deepcopy(NODES[name])
        holder, key = places(root)[index]
        del holder[key]
        survive(root)
