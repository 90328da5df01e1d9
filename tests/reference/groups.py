"""Sections 14 and 15: GROUP BY makes a row of many, UNGROUP BY many rows of one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reference.constants import constant, is_constant
from reference.expressions import value_of
from reference.nested import gathered
from reference.relations import identity
from reference.scope import Column, Row, Scope
from reference.sources import ReferenceGapError
from reference.table import Json, Nested, Value, number
from reference.values import single
from tql import ast
from tql.errors import QueryTypeError, QueryValueError
from tql.types import INT64, Type

FRAME_NUMBER = "frame_number"


def group(rows: Sequence[Row], keys: Sequence[ast.Expr], scope: Scope, source: Hashable) -> list[Row]:
    """A row for every combination of keys in order of first appearance, holding all values of its rows."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        key = tuple(identity(_one(value_of(key, row, scope))) for key in keys)
        groups.setdefault(key, []).append(row)
    return [
        Row(
            source,
            place,
            {c.key: gathered([row.cells[c.key] for row in members], c.type) for c in scope.columns},
            place,
            group_size=len(members),
        )
        for place, members in enumerate(groups.values())
    ]


def _one(value: Value) -> Value:
    return value if isinstance(value, Json) else single(value)


def grouped_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Every column as a sequence of its values."""
    if any(column.type.nested for column in columns):
        raise ReferenceGapError("groups of groups whose members differ")
    return tuple(
        replace(column, type=column.type.in_sequence, dataset=None, index=None) for column in columns
    )


@dataclass(frozen=True)
class Cuts:
    """How UNGROUP BY takes rows apart.

    Attributes:
        split: the columns whose entries are distributed; the others repeat.
        lengths: given how many entries a row has, the lengths of the runs that it is cut into.
        single: whether a run is one entry, which then stands alone.
    """

    split: frozenset[Hashable]
    lengths: Callable[[int], list[int]]
    single: bool


def cuts(by: ast.Ungroup, columns: Sequence[Column], scope: Scope) -> Cuts:
    """What `UNGROUP BY` of these selected columns does.

    Raises:
        QueryTypeError: if there is nothing to split.
    """
    sequences = [column for column in columns if _is_sequence(column.type)]
    sequences = sequences or [column for column in columns if column.type.rank != 0]
    if not sequences:
        raise QueryTypeError("nothing to split", span=by.span)
    split = frozenset(column.key for column in sequences)
    if by.by is None:
        return Cuts(split, lambda length: [1] * length, single=True)
    return Cuts(split, _lengths(by.by, scope), single=False)


def with_frame_number(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns and the position in the group."""
    return (*columns, Column(FRAME_NUMBER, INT64, FRAME_NUMBER))


def ungrouped_columns(columns: Sequence[Column], how: Cuts) -> tuple[Column, ...]:
    """The columns of the rows made."""
    return tuple(
        replace(column, type=_type_of_run(column.type, how.single)) if column.key in how.split else column
        for column in columns
    )


def ungroup(rows: Sequence[Row], how: Cuts, source: Hashable) -> list[Row]:
    """Every row cut into runs of the entries of its sequences."""
    made: list[Row] = []
    for row in rows:
        found = {_length(row.cells[key]) for key in how.split}
        if len(found) > 1:
            raise QueryValueError(f"the sequences of one row have different lengths: {sorted(found)}")
        start = 0
        for place, length in enumerate(how.lengths(found.pop())):
            cells = {
                key: _run(value, start, length, how.single) if key in how.split else value
                for key, value in row.cells.items()
            }
            made.append(Row(source, len(made), {**cells, FRAME_NUMBER: number(place)}, len(made)))
            start += length
    return made


def _is_sequence(type_: Type) -> bool:
    """Columns of groups, lists of text, stored sequences."""
    return type_.sequence or (type_.element == "text" and type_.rank != 0)


def _type_of_run(type_: Type, single: bool) -> Type:
    if single:
        return type_.entry
    return type_ if type_.shape is None else replace(type_, shape=(None, *type_.shape[1:]))


def _lengths(by: ast.Expr, scope: Scope) -> Callable[[int], list[int]]:
    if not is_constant(by):
        raise QueryTypeError("UNGROUP BY needs a constant", span=by.span)
    value = constant(by, scope.parameters)
    if value.dtype.kind not in "iu" or value.ndim > 1:
        raise QueryTypeError("UNGROUP BY needs a number of parts, or their lengths", span=by.span)
    if value.ndim == 0:
        return _equal_parts(int(value), by)
    lengths: list[int] = value.tolist()
    if any(length < 0 for length in lengths):
        raise QueryValueError("a length is negative", span=by.span)

    def given(length: int) -> list[int]:
        if sum(lengths) != length:
            raise QueryValueError(f"lengths that sum to {sum(lengths)} for {length} entries", span=by.span)
        return lengths

    return given


def _equal_parts(parts: int, by: ast.Expr) -> Callable[[int], list[int]]:
    if parts < 1:
        raise QueryValueError("UNGROUP BY needs at least one part", span=by.span)

    def equal(length: int) -> list[int]:
        part = length // parts
        return [part] * (parts - 1) + [length - part * (parts - 1)]

    return equal


def _length(value: Value) -> int:
    if value is None:
        return 0
    assert isinstance(value, Nested | np.ndarray)
    return len(value.entries if isinstance(value, Nested) else value)


def _run(value: Value, start: int, length: int, single: bool) -> Value:
    assert isinstance(value, Nested | np.ndarray)
    if isinstance(value, Nested):
        return value.entries[start] if single else Nested(value.entries[start : start + length], value.rank)
    return np.asarray(value[start], dtype=value.dtype) if single else value[start : start + length]
