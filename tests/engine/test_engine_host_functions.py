"""Functions of the host and cells: what a program uses beside its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.engine_plans import (
    Code,
    MemorySource,
    compute,
    filter_of,
    nested,
    project_of,
    ragged,
    rows_of,
    rows_where,
    run,
    text,
    text_list,
)
from tql._engine import Column, EngineError, HostCall

FLOAT = {"element": "float64", "shape": []}
X = Column.dense(np.arange(5000))


def called(function: Callable[..., Any], declared: dict[str, Any] = FLOAT, **columns: Column) -> list[Any]:
    code = Code(columns or {"x": X})
    args = [code.column(name) for name in columns]
    code.add("registered", *args, type=declared, function="f(x)")
    return rows_of(
        compute(code, partition=3000, functions={"f(x)": lambda _, *args: function(*args)}, threads=2)
    )


def test_columns_in_a_column_out() -> None:
    assert called(lambda x: Column.dense(x.values * 0.5), x=X) == [i / 2 for i in range(5000)]


def test_all_kinds_of_arguments() -> None:
    seen: list[list[Any]] = []

    def function(*columns: Column) -> Column:
        seen.append([rows_of(column) for column in columns])
        return Column.dense(np.zeros(len(columns[0])))

    columns = {
        "a": Column.dense(np.arange(4).reshape(2, 2)),
        "b": ragged([[1, 2], []], "int8", 1),
        "c": text(["x", None]),
        "d": text_list([["a"], []]),
        "e": Column.dense(np.array([0.5, 1], np.float16)),
    }
    assert called(function, **columns) == [0.0, 0.0]
    assert seen == [[[[0, 1], [2, 3]], [[1, 2], []], ["x", None], [["a"], []], [0.5, 1.0]]]


@pytest.mark.parametrize(
    ("made", "declared", "expected"),
    [
        (text(["x", None]), {"element": "text", "shape": [], "nullable": True}, ["x", None]),
        (ragged([[1], []], "int8", 1), {"element": "int8", "shape": [None]}, [[1], []]),
        (Column.dense(np.ones((2, 3))), {"element": "float64", "shape": [3]}, [[1.0] * 3] * 2),
        (text_list([["a"], []]), {"element": "text", "shape": None}, [["a"], []]),
    ],
)
def test_all_kinds_of_results(made: Column, declared: dict[str, Any], expected: list[Any]) -> None:
    assert called(lambda x: made, declared, x=Column.dense(np.arange(2))) == expected


def test_without_arguments_it_is_called_for_each_row() -> None:
    counter = iter(range(10**6))
    got = called(lambda: Column.dense(np.array([float(next(counter))])))
    assert sorted(got) == list(range(5000))


def test_in_a_filter() -> None:
    code = Code({"x": X})
    code.add("registered", code.column("x"), function="big")
    rows = rows_where(code, functions={"big": lambda _, x: Column.dense(x.values > 4997)})
    assert rows == [4998, 4999]


class OwnError(Exception):
    pass


@pytest.mark.parametrize("threads", [1, 3])
def test_what_it_raises_passes_through(threads: int) -> None:
    error = OwnError("mine")

    def function(call: HostCall, x: Column) -> Column:
        assert call.span is None and [call.row(0), call.row(len(x) - 1)] == x.values[[0, -1]].tolist()
        if 4000 in x.values:
            raise error
        return x

    code = Code({"x": X})
    code.add("registered", code.column("x"), type="int64", function="f")
    with pytest.raises(OwnError) as raised:
        compute(code, functions={"f": function}, threads=threads)
    assert raised.value is error


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: None, "the function 'f.x.' gave something that is no Column"),
        (lambda x: Column.dense(np.zeros(1)), "the function 'f.x.' gave 1 rows instead of 2"),
        (lambda x: Column.dense(np.zeros(2, int)), "the function 'f.x.' gave int64 instead of float64"),
        (lambda x: Column.dense(np.zeros((2, 2))), "the function 'f.x.' gave rank 1 instead of 0"),
        (
            lambda x: nested(Column.dense(np.zeros(2)), [1, 1]),
            "the function 'f.x.' gave rank 1 instead of 0",
        ),
    ],
)
def test_what_comes_back_is_checked(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        called(function, x=Column.dense(np.arange(2)))


def test_a_function_that_is_not_there() -> None:
    code = Code({"x": X})
    code.add("registered", code.column("x"), type=FLOAT, function="f")
    with pytest.raises(EngineError, match="there is no function 'f'"):
        compute(code)


# --- cells --------------------------------------------------------------------------------------------------

CELLS = {
    "n": Column.dense(np.array([3, 1, 2], np.int16), np.array([True, True, False])),
    "v": Column.dense(np.arange(6.0).reshape(3, 2)),
    "r": ragged([[1, 2], [], [3]], "int32", 1),
    "t": text(["a", None, "c"]),
    "l": text_list([["x", "y"], [], ["z"]]),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("row", [0, 1, 2, -1, -3])
def test_cells(name: str, row: int) -> None:
    column = CELLS[name]
    code = Code({"o": Column.dense(np.arange(3)), **CELLS})
    shape = list(column.values.shape[1:]) if column.layout == "dense" else [None] * column.rank
    declared = {"element": column.element, "shape": shape, "nullable": True}
    code.add("cell", type=declared, name=name, row=row)
    assert rows_of(compute(code)) == [rows_of(column)[row]] * 3


def test_cells_are_computed_with_and_read_once() -> None:
    code = Code(CELLS)
    cell = code.add("cell", type="int16", name="n", row=0)
    code.add("equal", code.column("n"), cell, type={"element": "bool", "shape": [], "nullable": True})
    source = MemorySource(CELLS, 1)
    assert list(run(filter_of(code, code), source).selection.indices) == [0]
    assert source.takes == [("n", "values", 1)]
    vector = code.add("cell", type={"element": "float64", "shape": [2]}, name="v", row=-1)
    code.add("subtract", code.column("v"), vector, type={"element": "float64", "shape": [2]})
    assert rows_of(compute(code)) == [[-4.0, -4.0], [-2.0, -2.0], [0.0, 0.0]]


@pytest.mark.parametrize("row", [3, -4])
def test_a_cell_out_of_range_is_an_error(row: int) -> None:
    code = Code(CELLS)
    code.add("cell", type="int16", name="n", row=row, span=[3, 9])
    with pytest.raises(EngineError) as raised:
        run(project_of({"x": code}), MemorySource(CELLS), ["x"])
    message = f"column 'n' has 3 rows, there is no row {row}"
    assert raised.value.args[:5] == ("runtime", message, -1, 3, 9)
