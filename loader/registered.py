"""Registered functions as the engine calls them: columns of some rows in, one of the declared type out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tql._engine import Column
from tql.errors import RegisteredFunctionError, TQLError, UnknownFunctionError
from tql.loader.arrays import element_offsets, text_list_rows, text_rows
from tql.loader.to_numpy import column_values
from tql.registered import find
from tql.span import Span
from tql.types import JSON, TEXT, Type

if TYPE_CHECKING:
    from tql._engine import HostCall, HostFunction


def host_functions(plan: Mapping[str, Any], query: str) -> dict[str, HostFunction]:
    """The callables of the registered functions that a physical plan calls, by the key that the plan names.

    Args:
        plan: the plan.
        query: its text, for errors.

    Raises:
        UnknownFunctionError: if one of them has been unregistered since the query was planned.
    """
    calls = (i for program in _programs(plan) for i in program if i["kernel"] == "registered")
    return {
        key: _column_function(key, Type.from_json(type_), query)
        for key, type_ in {call["function"]: call["type"] for call in calls}.items()
    }


def _programs(part: Any) -> Iterator[list[dict[str, Any]]]:
    """The instructions of every program in a part of a plan."""
    todo = [part]
    while todo:
        inner = todo.pop()
        if isinstance(inner, Mapping):
            if "instructions" in inner:
                yield inner["instructions"]
            else:
                todo += inner.values()
        elif isinstance(inner, list):
            todo += inner


def _column_function(key: str, returns: Type, query: str) -> HostFunction:
    name, _, kinds = key.rstrip(")").partition("(")
    entry = find(name)
    if entry is None:
        raise UnknownFunctionError(f"no function named '{name}' is registered any more")
    documents = [kind == "json" for kind in kinds.split(",")] if kinds else []
    function = entry.function

    def apply(call: HostCall, *columns: Column) -> Column:
        number = len(columns[0]) if columns else 1
        is_json = documents or [False] * len(columns)
        args = [_values(column, document) for column, document in zip(columns, is_json, strict=True)]
        rows = list(zip(*args, strict=True)) if columns else [()] * number
        results: list[Any] = []
        span = None if call.span is None else Span(*call.span)
        try:
            for row in rows:
                results.append(function(*row))
        except Exception as error:
            at = len(results)
            what = f"while the query called {_call(name, rows[at])} for row {call.row(at)}"
            error.add_note(str(TQLError(what, span=span, query=query)))
            raise
        checked: list[Any] = []
        try:
            for row, value in zip(rows, results, strict=True):
                checked.append(_checked(name, row, value, returns))
            return _column(checked, returns)
        except RegisteredFunctionError as error:
            if len(checked) < number:
                error.message += f" for row {call.row(len(checked))}"
            error.span, error.query = span, query
            raise

    return apply


def _values(column: Column, document: bool) -> list[Any]:
    """The rows of an argument: arrays (0-d for scalars), str, lists of str, JSON values; None for NULL."""
    if column.layout in ("text", "dictionary", "text_list"):
        if column.layout == "text_list" and document:
            lists = column_values(column, TEXT)
            return [None if texts is None else [json.loads(text) for text in texts] for texts in lists]
        return list(column_values(column, JSON if document else TEXT))
    rows: list[Any]
    if column.layout == "dense":
        values = column.values.copy()
        rows = [values[row, ...] for row in range(len(column))]
    else:
        rows = list(column_values(column, Type(column.element, None)))  # type: ignore[arg-type]
    if column.validity is not None:
        rows = [row if valid else None for row, valid in zip(rows, column.validity, strict=True)]
    return rows


# --- results ------------------------------------------------------------------------------------------------


def _checked(name: str, row: Sequence[Any], value: Any, returns: Type) -> Any:
    """What a call gave, in the form that `_column` takes; None for NULL.

    Raises:
        RegisteredFunctionError: if it is no value of the declared type.
    """
    if value is None:
        if returns.nullable:
            return None
        hint = f"declare returns='{returns}?' if it may"
    else:
        hint = None
        try:
            if returns.element == "json":
                return _document(value) if returns.is_scalar else [_document(item) for item in value]
            if returns.element == "text":
                return _text(value, returns)
            return _array(value, returns)
        except (TypeError, ValueError, OverflowError) as error:
            hint = str(error) or None
    raise RegisteredFunctionError(f"{_call(name, row)} must give {returns}, not {_shown(value)}", hint=hint)


def _call(name: str, row: Sequence[Any]) -> str:
    return f"{name}({', '.join(_shown(arg) for arg in row)})"


def _shown(value: Any) -> str:
    text = repr(value.item() if isinstance(value, np.ndarray | np.generic) and value.ndim == 0 else value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _text(value: Any, returns: Type) -> str | list[str]:
    if returns.is_scalar:
        if not isinstance(value, str):
            raise TypeError
        return str(value)
    texts = list(value)
    if isinstance(value, str) or not all(isinstance(text, str) for text in texts):
        raise TypeError
    return texts


def _document(value: Any) -> str | None:
    """The JSON text of a value; None for NULL."""
    if value is None:
        return None
    return json.dumps(value, allow_nan=False, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(
        f"a {type(value).__name__} is no JSON value: declare the type of the function with returns=..."
    )


def _array(value: Any, returns: Type) -> NDArray[Any]:
    given = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    target = returns.numpy_dtype()
    if given.dtype == object or given.dtype.kind not in "biuf":
        raise TypeError
    if returns.is_scalar and given.size == 1:
        given = given.reshape(())
    if not _fits(given.shape, returns):
        raise ValueError(f"its shape is {list(given.shape)}")
    if given.dtype == target:
        return given
    if target.kind == "b":
        raise TypeError
    if target.kind in "iu" and given.dtype.kind == "f":
        raise TypeError("a float has to be rounded to an integer first")
    with np.errstate(over="ignore"):
        converted = given.astype(target)
    if target.kind in "iu" and not bool((converted == given).all()):
        raise OverflowError(f"it does not fit into {returns.element}")
    return converted


def _fits(shape: tuple[int, ...], returns: Type) -> bool:
    if returns.shape is None:
        return True
    return len(shape) == len(returns.shape) and all(
        wanted in (None, extent) for extent, wanted in zip(shape, returns.shape, strict=True)
    )


def _column(values: list[Any], returns: Type) -> Column:
    if returns.element in ("text", "json"):
        if returns.is_scalar:
            return text_rows(values).to_column()
        lists = text_list_rows([value or [] for value in values])
        validity = _validity(values)
        texts = lists.texts
        return Column.text_list(lists.row_offsets, texts.offsets, np.ascontiguousarray(texts.data), validity)
    return _array_column(values, returns)


def _array_column(values: list[Any], returns: Type) -> Column:
    dtype = returns.numpy_dtype()
    validity = _validity(values)
    if returns.shape is not None and None not in returns.shape:
        blank = np.zeros([extent or 0 for extent in returns.shape], dtype)
        rows = [blank if value is None else value for value in values]
        return Column.dense(np.array(rows, dtype).reshape(len(values), *blank.shape), validity)
    rank = max([value.ndim for value in values if value is not None], default=returns.rank or 1)
    shapes = np.zeros((len(values), rank), np.int64)
    for row, value in enumerate(values):
        if value is not None:
            if value.ndim != rank:
                raise RegisteredFunctionError(
                    f"arrays of one number of axes were expected, not of {value.ndim} and {rank}"
                )
            shapes[row] = value.shape
    parts = [value.reshape(-1) for value in values if value is not None]
    flat = np.concatenate(parts) if parts else np.zeros(0, dtype)
    return Column.ragged(np.ascontiguousarray(flat), element_offsets(shapes), shapes, validity)


def _validity(values: list[Any]) -> NDArray[np.bool_] | None:
    there = np.array([value is not None for value in values], np.bool_)
    return None if bool(there.all()) else there
