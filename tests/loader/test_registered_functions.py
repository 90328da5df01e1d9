"""Registered functions in queries: what they are called with, what their results become, what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tql
from tql import registered
from tql.errors import ArgumentError, RegisteredFunctionError


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    for name in registered.names():
        tql.unregister_function(name)


@pytest.fixture
def ds() -> tql.Dataset:
    return tql.from_pydict(
        {
            "id": [0, 1, 2],
            "x": [1.5, None, -2.0],
            "t": ["a", "b", "c"],
            "v": [[1, 2], [], [3]],
            "e": [[1, 0], [0, 1], [1, 1]],
            "words": [["x", "y"], [], ["z"]],
            "d": [{"k": 1}, [1, "a"], None],
        },
        schema={
            "id": "int64", "x": "float64?", "t": "text", "v": "int32[]", "e": "float32[2]", "words": "text[]",
            "d": "json?",
        },
    )  # fmt: skip


def column(ds: tql.Dataset, expression: str) -> list[Any]:
    values: list[Any] = ds.query(f"select {expression} as r").to_pydict()["r"]
    return values


def test_arguments_are_arrays_texts_lists_and_plain_values(ds: tql.Dataset) -> None:
    seen: list[tuple[Any, ...]] = []
    tql.register_function("look", lambda *args: bool(seen.append(args)), "bool")
    assert column(ds, "look(id, x, t, v, e, words, d)") == [False, False, False]
    first, second, third = sorted(seen, key=lambda args: int(args[0]))
    assert first[0].shape == () and first[0].dtype == np.int64
    assert second[1] is None and third[6] is None
    assert [args[2] for args in (first, second, third)] == ["a", "b", "c"]
    assert first[3].tolist() == [1, 2] and first[3].dtype == np.int32 and second[3].shape == (0,)
    assert third[4].tolist() == [1.0, 1.0]
    assert first[5] == ["x", "y"] and second[5] == []
    assert first[6] == {"k": 1} and second[6] == [1, "a"]


@pytest.mark.parametrize(
    ("returns", "results", "expected"),
    [
        ("bool", [True, np.False_, np.array(True)], [True, False, True]),
        ("int8", [1, np.int64(-128), np.array([127])], [1, -128, 127]),
        ("float32", [1, 0.5, np.float64(2)], [1.0, 0.5, 2.0]),
        ("float64?", [1.0, None, 3.0], [1.0, None, 3.0]),
        ("text", ["a", "", "ä"], ["a", "", "ä"]),
        ("text?", ["a", None, "b"], ["a", None, "b"]),
        ("int64[]", [[1, 2], np.zeros(0, np.int64), (3,)], [[1, 2], [], [3]]),
        ("float32[2]", [[1, 2], [3, 4], np.ones(2)], [[1, 2], [3, 4], [1, 1]]),
        ("float32[,2]", [[[1, 2]], np.zeros((0, 2)), np.ones((1, 2))], [[[1, 2]], [], [[1, 1]]]),
        ("text[]", [["a"], [], ["b", "c"]], [["a"], [], ["b", "c"]]),
        ("json", [{"a": np.float32(0.5)}, None, np.arange(2)], [{"a": 0.5}, None, [0, 1]]),
        (None, [1, "x", [True]], [1, "x", [True]]),
    ],
)
def test_results_become_values_of_the_declared_type(
    ds: tql.Dataset, returns: str | None, results: list[Any], expected: list[Any]
) -> None:
    tql.register_function("f", lambda i: results[int(i)], returns)
    assert _plain(column(ds, "f(id)")) == expected


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


@pytest.mark.parametrize(
    ("returns", "result"),
    [
        ("bool", 1), ("int8", 128), ("int8", 1.5), ("uint8", -1), ("float64", "1"), ("float64", None),
        ("text", 3), ("text", b"a"), ("int64[]", 3), ("float32[2]", [1, 2, 3]), ("text[]", "ab"),
        ("text[]", [1]),
        ("json", {1, 2}), ("json", float("nan")), ("int64", [1, 2]), ("float32[,2]", [1.0, 2.0]),
    ],
)  # fmt: skip
def test_a_result_of_another_type_is_an_error_that_names_the_call(
    ds: tql.Dataset, returns: str, result: Any
) -> None:
    tql.register_function("wrong", lambda i: result, returns)
    with pytest.raises(RegisteredFunctionError) as raised:
        column(ds, "wrong(id)")
    assert raised.value.category == "udf"
    assert raised.value.message.startswith("wrong(0) must give ")


def test_exceptions_surface_unchanged(ds: tql.Dataset) -> None:
    class MineError(Exception):
        pass

    def fail(x: Any) -> bool:
        raise MineError("row without value")

    tql.register_function("fail", fail)
    with pytest.raises(MineError, match="row without value"):
        ds.query("select * where fail(id)").to_pydict()


def test_functions_stand_in_every_clause(ds: tql.Dataset) -> None:
    tql.register_function("size", lambda v: len(v), "int64")
    tql.register_function("halves", lambda v: np.asarray(v) / 2, "float64[]")
    assert ds.query("select id where size(v) > 0 order by size(v)").to_pydict()["id"] == [2, 0]
    assert ds.query("select id where any(halves(v) = 1.5)").to_pydict()["id"] == [2]
    drawn = ds.query("select id sample by size(v) = 2 limit 3", seed=1).to_pydict()["id"]
    assert drawn == [0, 0, 0]


def test_dynamic_results_compare_by_their_kind(ds: tql.Dataset) -> None:
    tql.register_function("dynamic", lambda i: [1, "x", None][int(i)])
    assert ds.query("select id where dynamic(id) = 1").to_pydict()["id"] == [0]
    assert ds.query("select id where dynamic(id) = 'x'").to_pydict()["id"] == [1]
    assert ds.query("select id where dynamic(id) is null").to_pydict()["id"] == [2]


def test_a_function_without_arguments_is_called_once_per_row(ds: tql.Dataset) -> None:
    numbers = iter(range(100))
    tql.register_function("tick", lambda: next(numbers), "int64")
    assert sorted(column(ds, "tick()")) == [0, 1, 2]


def test_registering_again_is_seen_by_queries_that_were_planned_before(ds: tql.Dataset) -> None:
    tql.register_function("f", lambda i: 1, "int64")
    assert column(ds, "f(id)") == [1, 1, 1]
    tql.unregister_function("f")
    tql.register_function("f", lambda i: "a", "text")
    assert column(ds, "f(id)") == ["a", "a", "a"]


def test_a_name_of_the_language_is_refused() -> None:
    with pytest.raises(ArgumentError):
        tql.register_function("mean", len)
