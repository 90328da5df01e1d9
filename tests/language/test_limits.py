"""Long, wide and deep queries: each works, or is refused in a sentence; nothing overflows a stack."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tql
from tql import _engine, ast
from tql.errors import QuerySyntaxError, TQLError
from tql.parser import MAX_DEPTH, parse, parse_expression
from tql.planner import explain, plan
from tql.printer import to_text
from tql.room import with_room

DEEP = 500
ROWS = np.arange(6)
SMALL_STACK = 256 * 1024


@pytest.fixture(scope="module")
def data() -> Any:
    return tql.from_numpy({"a": ROWS, "b": ROWS % 2 == 0, "v": np.arange(18.0).reshape(6, 3)})


def nested(before: str, inner: str, after: str = "", depth: int = DEEP) -> str:
    return before * depth + inner + after * depth


NESTED = {  # text to the rows that it selects
    "parentheses": ("select * where " + nested("(", "b", ")"), [0, 2, 4]),
    "not": ("select * where " + nested("not ", "b"), [0, 2, 4]),
    "minus": ("select * where " + nested("- ", "a") + " = 2", [2]),
    "sum": ("select * where a" + " + a" * DEEP + f" = {DEEP + 1}", [1]),
    "sum from the right": ("select * where " + nested("(a + ", "a", ")") + f" = {DEEP + 1}", [1]),
    "and, or": ("select * where " + nested("(a > 9 or a < 4 and ", "b", ")", DEEP // 2), [0, 2]),
    "sub-queries": (nested("select * from (", "select * where b", ")"), [0, 2, 4]),
    "filters": (nested("select * from (", "select *", " where a < 3)"), [0, 1, 2]),
    "limits": (nested("select * from (", "select *", " limit 4)"), [0, 1, 2, 3]),
    "filters and limits": (nested("select * from (", "select *", " where a > 0 limit 3)"), [1, 2, 3]),
    "statements in parentheses": ("(" * DEEP + "select *" + " limit 2)" * DEEP, [0, 1]),
    "unions to the right": (nested("(select * where a = 1 union ", "select * where b", ")"), [0, 1, 2, 4]),
    "unions to the left": (" union ".join(["select * where b"] * DEEP), [0, 2, 4]),
    "limited unions": (" union ".join(["(select * where b limit 2)"] * DEEP), [0, 2]),
    "subscripts": ("select * where v" + "[:]" * DEEP + "[0] = 3", [1]),
    "calls": ("select * where " + nested("abs(", "a", ")") + " = 5", [5]),
    "keys": ("select * order by " + nested("- ", "a") + " desc limit 2", [5, 4]),
}


@pytest.mark.parametrize("name", NESTED)
def test_queries_five_hundred_deep_are_answered(name: str, data: Any) -> None:
    text, rows = NESTED[name]
    assert data.query(text).indices.tolist() == rows


@pytest.mark.parametrize("name", NESTED)
def test_deep_queries_are_printed_compared_and_explained(name: str, data: Any) -> None:
    statement = parse(NESTED[name][0])
    again = parse(to_text(statement))
    assert again == statement
    assert hash(again) == hash(statement)
    assert repr(again) == repr(statement)
    planned = plan(NESTED[name][0], data.schema)
    assert "output:" in explain(planned)
    assert explain(planned, format="json").startswith("{")


@pytest.mark.parametrize("name", NESTED)
def test_deep_queries_run_in_threads_with_small_stacks(name: str, data: Any) -> None:
    """A small stack is enough for the compiler; for the engine it is, or the query is refused."""
    answers: list[list[int] | str] = []

    def ask() -> None:
        try:
            answers.append(data.query(NESTED[name][0] + " -- small").indices.tolist())
        except TQLError as error:
            answers.append(error.message)

    in_thread(ask)
    (answer,) = answers
    assert answer == NESTED[name][1] or "nested too deeply" in answer or "stack of this thread" in answer


def in_thread(function: Callable[[], None]) -> None:
    """Runs it on a small stack."""
    started = threading.Event()

    def work() -> None:
        started.wait()
        function()

    before = threading.stack_size(SMALL_STACK)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    started.set()
    thread.join()


def stack_size() -> int:
    size = threading.stack_size()  # asking sets it to the default
    threading.stack_size(size)
    return size


def test_many_threads_compile_deep_queries_at_once(data: Any) -> None:
    limit = sys.getrecursionlimit()
    wrong: list[object] = []

    def ask(number: int) -> None:
        text, rows = list(NESTED.values())[number % len(NESTED)]
        found = data.query(f"{text} -- {number}").indices.tolist()
        if found != rows:
            wrong.append((text[:50], found))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sys.getrecursionlimit() == limit


def test_a_deep_query_leaves_the_settings_of_the_process_alone(data: Any) -> None:
    before = sys.getrecursionlimit(), stack_size()
    data.query(NESTED["sum"][0] + " ")
    with pytest.raises(TQLError):
        data.query(NESTED["sum"][0] + " and nowhere")
    assert (sys.getrecursionlimit(), stack_size()) == before


def test_a_caller_deep_in_recursion_can_still_compile_a_nested_query(data: Any) -> None:
    def descend(levels: int) -> Any:
        return plan(NESTED["calls"][0], data.schema) if levels == 0 else descend(levels - 1)

    assert descend(600).order_chosen is False


def test_mistakes_in_deep_queries_keep_their_place(data: Any) -> None:
    text = "select * where " + nested("abs(", "missing", ")") + " = 5"
    with pytest.raises(tql.errors.UnknownColumnError, match="no column named 'missing'") as raised:
        data.query(text)
    assert raised.value.span is not None
    assert text[raised.value.span.start : raised.value.span.end] == "missing"
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


# --- beyond the limit ---------------------------------------------------------------------------------------

TOO_DEEP = 10_000
REFUSED = [
    "select * where " + "not " * TOO_DEEP + "b",
    "select * where a" + " + a" * TOO_DEEP + " = 1",
    "select * where " + "f(" * TOO_DEEP + "a" + ")" * TOO_DEEP,
    "select * where v" + "[0]" * TOO_DEEP,
    "select * from (" * TOO_DEEP + "select *" + ")" * TOO_DEEP,
    " union ".join(["select *"] * TOO_DEEP),
    "select * where " + "array[" * TOO_DEEP + "1" + "]" * TOO_DEEP,
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[-40:-28])
def test_deeper_queries_are_refused_with_their_place(text: str, data: Any) -> None:
    with pytest.raises(QuerySyntaxError, match=f"nested too deeply: more than {MAX_DEPTH} levels") as raised:
        data.query(text)
    span = raised.value.span
    assert span is not None
    assert 0 <= span.start < span.end <= len(text)
    assert len(str(raised.value)) < 600
    assert pickle.loads(pickle.dumps(raised.value)).message == raised.value.message


def test_trees_of_any_depth_are_printed_and_compared() -> None:
    def build() -> ast.Expr:
        tree: ast.Expr = ast.Name("a")
        for _ in range(TOO_DEEP):
            tree = ast.Binary("and", ast.Unary("not", ast.Binary("+", ast.Name("b"), tree)), ast.Name("c"))
        return tree

    tree = build()
    assert to_text(tree).count("not") == TOO_DEEP
    assert tree == build()
    assert hash(tree) == hash(build())
    assert repr(tree).count("Unary") == TOO_DEEP


def test_room_is_refused_for_trees_that_no_parser_makes() -> None:
    with pytest.raises(RecursionError):
        with_room(1_000_000, lambda: None)


def test_recursion_without_end_ends_in_an_exception() -> None:
    def endless() -> int:
        return endless() + 1

    limit = sys.getrecursionlimit()
    with pytest.raises(RecursionError):
        with_room(MAX_DEPTH, endless)
    assert sys.getrecursionlimit() == limit


# --- the engine ---------------------------------------------------------------------------------------------


def limits(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"id": 0, "op": "scan"}
    for number in range(1, depth):
        node = {"id": number, "op": "limit", "input": node, "offset": 0, "count": 3, "percent": None}
    return {"tql_plan": 1, "root": node, "output": [], "order_chosen": False}


@pytest.mark.parametrize("depth", [2_600, 10_000, 100_000])
def test_the_engine_refuses_deep_plans(depth: int) -> None:
    with pytest.raises(_engine.EngineError, match="nested too deeply"):
        _engine.Plan(limits(depth))


def test_the_engine_looks_at_the_stack_that_it_has() -> None:
    outcomes: list[str] = []
    deep = limits(2000)
    compiled = _engine.Plan(deep)

    class Source:
        num_rows = 5

    def compile_it() -> None:
        try:
            _engine.Plan(deep)
        except _engine.EngineError as error:
            outcomes.append(error.args[1])

    def execute_it() -> None:
        try:
            _engine.execute(compiled, Source(), threads=1)
        except _engine.EngineError as error:
            outcomes.append(error.args[1])

    in_thread(compile_it)
    in_thread(execute_it)
    assert outcomes == ["the plan is nested too deeply", "the stack of this thread is too small for the plan"]
    assert len(_engine.execute(compiled, Source(), threads=1).selection) == 3


@pytest.mark.parametrize("depth", [100, 100_000])
def test_the_engine_refuses_deep_members(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    broken = copy.copy(limits(1))
    instruction = {
        "kernel": "constant",
        "args": [],
        "type": {"element": "int64", "shape": []},
        "value": value,
    }
    program = {"instructions": [instruction]}
    broken["root"] = {"id": 1, "op": "filter", "input": broken["root"], "conjuncts": [program], "fetch": None}
    with pytest.raises(_engine.EngineError):
        _engine.Plan(broken)


# --- length and width ---------------------------------------------------------------------------------------


def test_a_list_of_a_hundred_thousand_items(data: Any) -> None:
    items = ", ".join(map(str, range(3, 100_003)))
    assert data.query(f"select * where a in ({items})").indices.tolist() == [3, 4, 5]
    assert data.query(f"select * where a in array[{items}]").indices.tolist() == [3, 4, 5]
    assert data.query(f"select * where a not in ({items})").indices.tolist() == [0, 1, 2]


def test_chains_of_ten_thousand_terms(data: Any) -> None:
    either = " or ".join(f"a = {number}" for number in range(4, 10_004))
    both = " and ".join(f"a != {number}" for number in range(4, 10_004))
    assert data.query(f"select * where {either}").indices.tolist() == [4, 5]
    assert data.query(f"select * where {both}").indices.tolist() == [0, 1, 2, 3]


def test_two_thousand_columns() -> None:
    wide = tql.from_numpy({f"column_{number}": ROWS for number in range(2000)})
    assert list(wide.query("select *").schema) == [f"column_{number}" for number in range(2000)]
    items = ", ".join(f"column_{number} + {number} as c{number}" for number in range(2000))
    view = wide.query(f"select {items} where column_1999 > 3")
    assert view["c1999"].tolist() == [2003, 2004]
    with pytest.raises(tql.errors.UnknownColumnError) as raised:
        wide.query("select column_2000")
    assert len(str(raised.value)) < 1000


def test_two_thousand_operands(data: Any) -> None:
    union = " union ".join(f"select * where a = {number}" for number in range(5, 2005))
    assert data.query(union).indices.tolist() == [5]
    limited = " union ".join(f"(select * where a = {number} limit 1)" for number in range(4, 2004))
    assert data.query(limited).indices.tolist() == [4, 5]


def test_a_megabyte_of_text(data: Any) -> None:
    assert data.query("select * where b" + " " * 1_000_000).indices.tolist() == [0, 2, 4]
    assert data.query(f"select * where 'x' = '{'x' * 1_000_000}'").indices.tolist() == []
    assert data.query("select * -- " + "x" * 1_000_000 + "\nwhere b").indices.tolist() == [0, 2, 4]
    with pytest.raises(TQLError) as raised:
        data.query("select " + "a" * 1_000_000)
    assert len(str(raised.value)) < 2000
    with pytest.raises(QuerySyntaxError, match="is never closed") as raised:
        data.query("select * where " + "(b or " * 15_000 + "b" + " " * 1_000_000)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "select * where b" + " or b" * 200_000,
        "select * where " + "(" * 200_000 + "b" + ")" * 200_000,
        "select " + "a, " * 200_000 + "b",
        "select * where a in (" + "1 + 1, " * 100_000 + "1)",
        "select * where a in (" + "1, " * 200_000 + "b)",
        "select * where b" + " or b" * 100_000 + " or or",  # a mistake behind the limit
    ],
)
def test_what_takes_too_long_to_plan_is_refused_at_once(data: Any, text: str) -> None:
    with pytest.raises(QuerySyntaxError, match="the query is too long: more than 65536 words") as raised:
        data.query(text)
    assert len(str(raised.value)) < 1000


def test_the_longest_query(data: Any) -> None:
    longest = "select * where b" + " or b" * ((65_536 - 4) // 2)
    assert data.query(longest).indices.tolist() == [0, 2, 4]
    with pytest.raises(QuerySyntaxError, match="too long") as raised:
        data.query(longest + " ;")
    assert raised.value.span is not None
    assert longest[: raised.value.span.end] == longest


def test_a_deep_expression_stands_alone() -> None:
    text = nested("abs(", "a", ")")
    assert to_text(parse_expression(text)) == text
