"""Plans that no planner writes: each is refused with the place of the mistake, none crashes."""

from __future__ import annotations

import contextlib
import copy
import random
from typing import Any

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, filter_of, plan_of, project_of, scan
from tql._engine import Column, EngineError, Plan, execute, kernel_names

COLUMNS = {"x": Column.dense(np.arange(10)), "v": Column.dense(np.arange(20.0).reshape(10, 2))}
INT = {"element": "int64", "shape": []}


def good() -> dict[str, Any]:
    code = Code(COLUMNS)
    code.add("less", code.column("x"), code.constant(3, "int64"), span=[0, 3])
    other = Code(COLUMNS)
    first = other.add(
        "subscript", other.column("v"), other.constant(0, "int64"), type="float64", items=[{"index": True}]
    )
    other.add("like", other.constant("a", "text"), pattern="[a", ignore_case=False)
    other.add("sum", first, type="float64")
    return plan_of(project_of({"d": other}, filter_of(code)), ["d"])


def refused(plan: Any) -> str:
    with pytest.raises(EngineError) as raised:
        Plan(plan)
    assert raised.value.args[0] == "internal"
    return str(raised.value.args[1])


def instruction(**members: Any) -> dict[str, Any]:
    return plan_of(filter_of_program({"instructions": [members]}))


def filter_of_program(program: Any) -> dict[str, Any]:
    return {"id": 1, "op": "filter", "input": scan(), "conjuncts": [program], "fetch": None}


def test_messages_name_the_place() -> None:
    assert refused({}) == "there is no 'tql_plan'"
    assert refused({"tql_plan": 2, "root": scan(), "output": []}) == "this engine reads plans of version 1"
    assert refused(plan_of({"id": 0, "op": "fly"})) == "node 0 (fly): wrong inputs"
    assert (
        refused(plan_of({"id": 0, "op": "fly", "input": {"id": 1, "op": "scan"}}))
        == "node 0 (fly): there is no such operator"
    )
    assert refused(instruction(kernel="fly", args=[], type=INT)) == (
        "node 1 (filter): instruction 0 (fly): there is no such kernel"
    )
    assert refused(instruction(kernel="not", args=[0], type=INT)) == (
        "node 1 (filter): instruction 0 (not): 'args' must be an integer in range"
    )
    assert refused(instruction(kernel="constant", args=[], type=INT, value="a")) == (
        "node 1 (filter): instruction 0 (constant): a constant is no value of type int64"
    )
    assert refused(instruction(kernel="constant", args=[], type=INT, value=1)) == (
        "node 1 (filter): a conjunct must give one bool per row"
    )
    assert refused(instruction(kernel="row_number", args=[], type={"element": "int8", "shape": []})) == (
        "node 1 (filter): instruction 0 (row_number): gives int64, the plan says int8"
    )
    assert refused(plan_of(scan(), ["d"])) == "no node computes 'd'"


@pytest.mark.parametrize(
    "value",
    [
        [[1], [2, 3]],
        [[1], 2],
        [1, [2]],
        2**63,
        -(2**63) - 1,
        None,
        {},
        1.5,
        [[[]], []],
        "nan",
        b"bytes",
        {1: 2},
        object(),
    ],
)
def test_constants_that_are_none(value: Any) -> None:
    refused(instruction(kernel="constant", args=[], type=INT, value=value))


def test_a_plan_that_contains_itself() -> None:
    plan = plan_of(scan())
    plan["root"] = {"id": 0, "op": "limit", "input": plan, "offset": 0}
    refused(plan)
    deep: Any = scan()
    for ident in range(1, 3000):
        deep = {"id": ident, "op": "limit", "input": deep, "offset": 0}
    refused(plan_of(deep))


def test_two_nodes_of_one_id() -> None:
    refused(plan_of({"id": 0, "op": "limit", "input": scan(), "offset": 0}))


@pytest.mark.parametrize("kernel", kernel_names())
def test_kernels_survive_wrong_arguments(kernel: str) -> None:
    shapes: list[Any] = [[], [2], [None], None]
    for element in ("bool", "int8", "int64", "uint64", "float16", "float32", "float64", "text", "json"):
        for count in range(4):
            code = Code(COLUMNS)
            args = [
                code.constant("a" if element in ("text", "json") else element == "bool" or 1, element)
                for _ in range(count)
            ]
            if element == "bool":
                for given in code.instructions:
                    given["value"] = True
            for result in ("bool", "int64", element):
                for shape in shapes:
                    tried = Code(COLUMNS)
                    tried.instructions = copy.deepcopy(code.instructions)
                    tried.add(
                        kernel,
                        *args,
                        type=result,
                        shape=shape,
                        name="x",
                        facet="values",
                        value=1,
                        values=[1],
                        items=[{"index": True}],
                        weights=[1.0],
                        pattern="a",
                        ignore_case=True,
                        id="q",
                    )
                    survive(plan_of(project_of({"d": tried}), ["d"]))


def survive(plan: Any) -> None:
    """Either the plan is refused, or it runs, or it ends in an error of the engine or the source."""
    with contextlib.suppress(EngineError, KeyError):
        execute(Plan(plan), MemorySource(COLUMNS))


JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    5,
    2**62,
    2**64,
    0.5,
    float("nan"),
    "",
    "x",
    "int64",
    [],
    [0],
    [[1], [2, 3]],
    {},
    {"index": True},
]


def places(data: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found.append((data, key))
        found += places(value)
    return found


def test_plans_with_any_one_member_replaced_or_missing() -> None:
    for index in range(len(places(good()))):
        for junk in JUNK:
            plan = good()
            holder, key = places(plan)[index]
            holder[key] = junk
            survive(plan)
        plan = good()
        holder, key = places(plan)[index]
        del holder[key]
        survive(plan)


def test_plans_with_several_members_replaced() -> None:
    generator = random.Random(7)
    for _ in range(500):
        plan = good()
        for _ in range(3):
            holder, key = generator.choice(places(plan))
            holder[key] = generator.choice(JUNK)
        survive(plan)


@pytest.mark.parametrize(
    "parts",
    [[(0, 5)], [(0, 5), (6, 10)], [(5, 10), (0, 5)], [(0, 20)], [(0, 7), (7, 3), (3, 10)], [(-5, 10)]],
)
def test_partitions_that_do_not_cover_the_rows(parts: list[tuple[int, int]]) -> None:
    class Lying(MemorySource):
        def partitions(self, columns: Any) -> list[tuple[int, int]]:
            return parts

    with pytest.raises(EngineError, match="the source has partitions"):
        execute(Plan(good()), Lying(COLUMNS))


def test_a_source_that_gives_too_few_rows_or_no_column() -> None:
    class Short(MemorySource):
        def read(self, column: str, facet: str, start: int, stop: int) -> Any:
            return super().read(column, facet, start, max(start, stop - 1))

    class Strange(MemorySource):
        def read(self, column: str, facet: str, start: int, stop: int) -> Any:
            return np.arange(stop - start)

    with pytest.raises(EngineError, match="9 rows of column 'x' instead of 10"):
        execute(Plan(good()), Short(COLUMNS))
    with pytest.raises(EngineError, match="no Column"):
        execute(Plan(good()), Strange(COLUMNS))


def test_values_nested_too_deeply_are_refused() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert refused(instruction(kernel="constant", args=[], type=INT, value=deep)) == (
        "the plan is nested too deeply"
    )
    for _ in range(100_000):
        deep = deep[0]  # taking it apart at once would need as deep a stack
    axes: Any = 1
    for _ in range(33):
        axes = [axes]
    assert "a constant has too many axes" in refused(
        instruction(kernel="constant", args=[], type=INT, value=axes)
    )


def test_long_programs_and_lists_are_no_matter() -> None:
    code = Code(COLUMNS)
    last = code.column("x")
    for _ in range(5000):
        last = code.add("add", last, code.constant(1, "int64"), type="int64")
    code.add("in_set", last, values=list(range(5007, 105_007)))
    source = MemorySource(COLUMNS)
    assert list(execute(Plan(plan_of(filter_of(code))), source).selection.indices) == [7, 8, 9]


@pytest.mark.parametrize("kernel", ["column", "cell"])
def test_a_column_of_two_types_is_refused(kernel: str) -> None:
    def reads(element: str, *then: tuple[str, str]) -> Code:
        code = Code()
        members = {"facet": "values"} if kernel == "column" else {"row": 3}
        code.add(kernel, type=element, name="x", **members)
        for name, result in then:
            code.add(name, len(code.instructions) - 1, type=result)
        return code

    number = reads("int64", ("cast", "bool"))
    document = reads("json", ("json_truth", "bool"))
    two = filter_of(number, document), project_of({"a": reads("int64"), "b": reads("json")})
    for root in two:
        with pytest.raises(EngineError, match="gave column 'x' as int64, the plan says text"):
            execute(Plan(plan_of(root)), MemorySource(COLUMNS))
