"""Plans built by hand and a source over NumPy columns, for the tests of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tql._engine import Column, Plan, Result, execute

FLAG = {"element": "bool", "shape": []}


class MemorySource:
    """Columns in memory, cut into partitions of a given size; counts what is read."""

    def __init__(self, columns: dict[str, Column], partition: int | None = None) -> None:
        self.data = columns
        self.num_rows = len(next(iter(columns.values()))) if columns else 0
        self.partition = partition or max(1, self.num_rows)
        self.reads: list[tuple[str, str, int, int]] = []
        self.takes: list[tuple[str, str, int]] = []

    def partitions(self, columns: Sequence[str]) -> list[tuple[int, int]]:
        starts = range(0, self.num_rows, self.partition)
        return [(start, min(start + self.partition, self.num_rows)) for start in starts]

    def _column(self, name: str, facet: str) -> Column:
        column = self.data[name]
        return Column.dense(np.ascontiguousarray(column.shapes)) if facet == "shape" else column

    def read(self, column: str, facet: str, start: int, stop: int) -> Column:
        self.reads.append((column, facet, start, stop))
        return self._column(column, facet).slice(start, stop)

    def take(self, column: str, facet: str, rows: np.ndarray) -> Column:
        self.takes.append((column, facet, len(rows)))
        return self._column(column, facet).take(rows)


def type_of(column: Column) -> dict[str, Any]:
    """The declared type of a column."""
    shape: list[int | None]
    shape = list(column.values.shape[1:]) if column.layout == "dense" else [None] * column.rank
    declared: dict[str, Any] = {"element": column.element, "shape": shape}
    declared["nullable"] = column.validity is not None
    if column.layout == "list":
        declared["nested"] = True
    return declared


class Code:
    """Collects the instructions of one program."""

    def __init__(self, columns: dict[str, Column] | None = None) -> None:
        self.columns = columns or {}
        self.instructions: list[dict[str, Any]] = []

    def add(self, kernel: str, *args: int, type: Any = "bool", shape: Any = (), **members: Any) -> int:
        declared = type if isinstance(type, dict) else {"element": type, "shape": _plain(shape)}
        self.instructions.append({"kernel": kernel, "args": list(args), "type": declared, **members})
        return len(self.instructions) - 1

    def column(self, name: str, facet: str = "values") -> int:
        column = self.columns[name]
        declared = type_of(column)
        if facet == "shape":
            declared = {"element": "int64", "shape": [column.shapes.shape[1]]}
        return self.add("column", type=declared, name=name, facet=facet)

    def constant(self, value: Any, element: str) -> int:
        shape = np.shape(np.asarray(value, dtype=object)) if isinstance(value, list) else ()
        return self.add("constant", type=element, shape=list(shape), value=value)

    @property
    def program(self) -> dict[str, Any]:
        return {"instructions": self.instructions}


def _plain(shape: Any) -> Any:
    return None if shape is None else list(shape)


def scan() -> dict[str, Any]:
    return {"id": 0, "op": "scan"}


def plan_of(root: dict[str, Any], computed: Sequence[str] = ()) -> dict[str, Any]:
    output = [{"name": name, "from": "computed", "column": name} for name in computed]
    return {"tql_plan": 1, "root": root, "output": output}


def filter_of(
    *conjuncts: Code, node: dict[str, Any] | None = None, fetch: int | None = None
) -> dict[str, Any]:
    return {
        "id": 100,
        "op": "filter",
        "input": node or scan(),
        "conjuncts": [code.program for code in conjuncts],
        "fetch": fetch,
    }


def project_of(columns: dict[str, Code], node: dict[str, Any] | None = None) -> dict[str, Any]:
    items = [{"id": name, "program": code.program} for name, code in columns.items()]
    return {"id": 200, "op": "project", "input": node or scan(), "columns": items}


def run(root: dict[str, Any], source: Any, computed: Sequence[str] = (), **options: Any) -> Result:
    return execute(Plan(plan_of(root, computed)), source, **options)


def compute(code: Code, partition: int | None = None, rows: int | None = None, **options: Any) -> Column:
    """The last register of a program over all rows of its columns."""
    columns = code.columns or {"_": Column.dense(np.zeros(rows or 1))}
    source = MemorySource(columns, partition)
    return run(project_of({"x": code}), source, ["x"], **options).columns["x"]


def rows_where(code: Code, partition: int | None = None, **options: Any) -> list[int]:
    """The rows for which a program is true."""
    source = MemorySource(code.columns, partition)
    selection = run(filter_of(code), source, **options).selection
    return [int(row) for row in selection.indices]


def rows_of(column: Column) -> list[Any]:
    """A column as Python values: scalars, nested lists, strings; None where NULL."""
    return [_row(column, row) for row in range(len(column))]


def _row(column: Column, row: int) -> Any:
    if column.validity is not None and not column.validity[row]:
        return None
    if column.layout == "dense":
        return column.values[row].tolist()
    if column.layout == "list":
        starts = column.row_offsets
        assert starts is not None and column.items is not None
        return rows_of(column.items.slice(int(starts[row]), int(starts[row + 1])))
    offsets = column.offsets
    assert offsets is not None
    if column.layout == "ragged":
        return column.values[offsets[row] : offsets[row + 1]].reshape(column.shapes[row]).tolist()
    data = bytes(column.values)
    if column.layout == "text":
        return data[offsets[row] : offsets[row + 1]].decode()
    strings = column.row_offsets
    assert strings is not None
    return [data[offsets[i] : offsets[i + 1]].decode() for i in range(strings[row], strings[row + 1])]


def ragged(rows: Sequence[Any], element: str, rank: int, validity: Any = None) -> Column:
    """A ragged column of nested lists; an empty list is an array of zeros extents."""
    arrays = [np.asarray(row, dtype=element) for row in rows]
    arrays = [a if a.ndim == rank else np.zeros((0,) * rank, element) for a in arrays]
    offsets = np.cumsum([0, *(a.size for a in arrays)], dtype=np.int64)
    shapes = np.array([a.shape for a in arrays], dtype=np.int64).reshape(len(arrays), rank)
    values = np.concatenate([a.ravel() for a in arrays]) if arrays else np.zeros(0, element)
    return Column.ragged(values, offsets, shapes, _bools(validity))


def text(rows: Sequence[str | None], offset: type[np.signedinteger[Any]] = np.int64) -> Column:
    """A text column, None for NULL; `offset` is the dtype of its offsets."""
    encoded = [(row or "").encode() for row in rows]
    offsets = np.cumsum([0, *(len(item) for item in encoded)], dtype=offset)
    validity = [row is not None for row in rows]
    return Column.text(offsets, b"".join(encoded), None if all(validity) else _bools(validity))


def text_list(rows: Sequence[Sequence[str]], offset: type[np.signedinteger[Any]] = np.int64) -> Column:
    """A column of lists of text; `offset` is the dtype of its offsets."""
    encoded = [item.encode() for row in rows for item in row]
    row_offsets = np.cumsum([0, *(len(row) for row in rows)], dtype=offset)
    offsets = np.cumsum([0, *(len(item) for item in encoded)], dtype=offset)
    return Column.text_list(row_offsets, offsets, b"".join(encoded))


def nested(items: Column, counts: Sequence[int], validity: Any = None) -> Column:
    """A list column: row i has counts[i] of the items."""
    return Column.list(items, np.cumsum([0, *counts], dtype=np.int64), _bools(validity))


def _bools(values: Any) -> Any:
    return None if values is None else np.asarray(values, dtype=bool)
