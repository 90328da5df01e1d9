"""Registered functions in queries, through views, workers and compiled plans."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tql
from tql.errors import UnknownFunctionError

Register = Callable[..., None]


@pytest.fixture
def register() -> Iterator[Register]:
    names: list[str] = []

    def _register(name: str, function: Callable[..., Any], returns: str | None = None) -> None:
        tql.register_function(name, function, returns)
        names.append(name)

    yield _register
    for name in names:
        tql.unregister_function(name)


@pytest.fixture
def ds() -> tql.Dataset:
    return tql.from_pydict({"x": [1, 2, None], "d": [{"a": [1]}, {}, None], "v": [[1, 2], [], [3]]})


def test_a_function_filters_orders_and_computes(ds: tql.Dataset, register: Register) -> None:
    register("total", lambda v: int(v.sum()), "int64")
    assert ds.query("select total(v) as t where total(v) > 0 order by total(v)").to_pydict() == {"t": [3, 3]}
    view = ds.query("select total(v) + 1 as t")
    assert pickle.loads(pickle.dumps(view)).to_pydict() == {"t": [4, 1, 4]}


def test_it_sees_null_and_documents(ds: tql.Dataset, register: Register) -> None:
    register("kind", lambda x, d: f"{x is None} {type(d).__name__}", "text")
    assert ds.query("select kind(x, d) as k").to_pydict() == {
        "k": ["False dict", "False dict", "True NoneType"]
    }


def test_what_it_raises_arrives_unchanged(ds: tql.Dataset, register: Register) -> None:
    class OwnError(Exception):
        pass

    def fail(x: Any) -> bool:
        raise OwnError("mine")

    register("fail", fail)
    with pytest.raises(OwnError) as raised:
        ds.query("select * where fail(x)")
    assert raised.value.args == ("mine",)


def test_what_it_raises_says_where_the_query_called_it(ds: tql.Dataset, register: Register) -> None:
    def fail(x: Any) -> bool:
        raise LookupError("nothing known")

    register("fail", fail)
    with pytest.raises(LookupError) as raised:
        ds.query("select * where fail(x)")
    (note,) = raised.value.__notes__
    assert note.splitlines() == [
        "while the query called fail(1) for row 0",
        "  line 1, column 16",
        "  select * where fail(x)",
        "                 ^^^^^^^",
    ]


def test_of_two_calls_the_one_that_failed_is_shown(ds: tql.Dataset, register: Register) -> None:
    def fail(x: Any) -> bool:
        if x == 3:
            raise LookupError("nothing known")
        return False

    register("fail", fail)
    with pytest.raises(LookupError) as raised:
        ds.query("select * where fail(x) or fail(x + 1)", threads=1)
    (note,) = raised.value.__notes__
    assert note.splitlines() == [
        "while the query called fail(3) for row 1",
        "  line 1, column 27",
        "  select * where fail(x) or fail(x + 1)",
        "                            ^^^^^^^^^^^",
    ]


def test_another_function_of_the_same_name_is_another_query(ds: tql.Dataset) -> None:
    text = "select f(v) as y"
    tql.register_function("f", lambda v: 1, "int64")
    try:
        compiled = tql.compile(text, ds.schema)
        assert ds.query(text).to_pydict() == {"y": [1, 1, 1]}
    finally:
        tql.unregister_function("f")
    with pytest.raises(UnknownFunctionError):
        compiled.execute(ds)
    tql.register_function("f", lambda v: "one", "text")
    try:
        assert ds.query(text).to_pydict() == {"y": ["one"] * 3}
    finally:
        tql.unregister_function("f")
    with pytest.raises(UnknownFunctionError):
        ds.query(text)


def test_batches_have_computed_columns(ds: tql.Dataset, register: Register) -> None:
    register("length", lambda v: len(v), "int64")
    loader = ds.query("select *, length(v) as n").dataloader().batch(3).numpy(num_workers=1)
    assert [batch["n"].tolist() for batch in loader] == [[2, 0, 1]]
