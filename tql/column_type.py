"""What a column may be declared as where it is made: a type, and how its texts are searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tql.errors import ArgumentError
from tql.schema import Field, Schema
from tql.types import Type

Index = Literal["inverted", "bm25"]
VectorElement = Literal["int8", "uint8", "float16", "float32", "float64"]


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type, and the index of the column: "inverted" or "bm25" of texts, "usearch/cosine" of vectors."""

    type: Type
    index: str | None = None


AnyType = str | Type | ColumnType | Field
"""A type as a caller may write it: as text, as an object, or as a column of some schema."""


def read_type(declared: AnyType) -> ColumnType:
    """What a caller wrote.

    Raises:
        ArgumentError: if it is no type.
    """
    if isinstance(declared, str):
        return ColumnType(Type.parse(declared))
    if isinstance(declared, Type):
        return ColumnType(declared)
    if isinstance(declared, Field):
        return ColumnType(declared.type, declared.index)
    if isinstance(declared, ColumnType):
        return declared
    raise ArgumentError(f"a type is a text such as 'float32[,4]' or a tql.Type, got {declared!r}")


def read_schema(declared: Schema | Mapping[str, AnyType]) -> Schema:
    """A schema from the types that a caller wrote.

    Raises:
        ArgumentError: if one of them is no type; the message names the column.
    """
    if isinstance(declared, Schema):
        return declared
    types = {name: named_type(name, type_) for name, type_ in declared.items()}
    return Schema([Field(name, found.type, index=found.index) for name, found in types.items()])


def named_type(name: str, declared: AnyType) -> ColumnType:
    """The type of a column, named in what is raised."""
    try:
        return read_type(declared)
    except ArgumentError as error:
        message = f"column '{name}': {error.message}"
        raise ArgumentError(message, candidates=error.candidates, hint=error.hint) from None


def text(*, index: Index | None = None) -> ColumnType:
    """A text column. With an index CONTAINS looks for whole words; "bm25" also ranks by BM25_SIMILARITY.

    Raises:
        ArgumentError: for another index.
    """
    if index is not None and index not in get_args(Index):
        raise ArgumentError(f"the index of a text column is 'inverted' or 'bm25', got {index!r}")
    return ColumnType(Type("text"), index)


def embedding(
    width: int,
    element: VectorElement = "float32",
    *,
    index: Literal["usearch"] | None = None,
    metric: Literal["cosine", "dot", "l2"] = "cosine",
) -> ColumnType:
    """A column with a vector of `width` numbers per row.

    With an index, ORDER BY nearness with LIMIT over all rows finds its candidates there, and may miss some;
    it needs the extra `tql[usearch]`. Without one all rows are scanned.

    Args:
        width: how many numbers each vector has.
        element: "float32", "float16", "float64", "int8" or "uint8".
        index: "usearch", or none.
        metric: what the index is for: COSINE_SIMILARITY, DOT, or L2_NORM of a difference.

    Raises:
        ArgumentError: for another width, element, index or metric.
    """
    if not isinstance(width, int) or width <= 0:
        raise ArgumentError(f"the width of a vector is a positive integer, got {width!r}")
    if element not in get_args(VectorElement):
        listed = ", ".join(get_args(VectorElement))
        raise ArgumentError(f"the elements of a vector are one of {listed}, got {element!r}")
    if index not in (None, "usearch"):
        raise ArgumentError(f"the index of a column of vectors is 'usearch', got {index!r}")
    if metric not in ("cosine", "dot", "l2"):
        raise ArgumentError(f"the metric of an index is 'cosine', 'dot' or 'l2', got {metric!r}")
    return ColumnType(Type(element, (width,)), None if index is None else f"{index}/{metric}")


def class_label(names: Sequence[str], type: str = "class_label") -> ColumnType:
    """Integers that stand for named classes: index i for the i-th name.

    Args:
        names: of the classes, all different.
        type: of the column, where it is not one uint32 per row: `"int8"`, `"uint32[]"`, ...

    Raises:
        ArgumentError: names that repeat or are no texts, or a type that holds no integers.
    """
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"class names are a list of texts, got {names!r}")
    repeated = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if repeated is not None:
        raise ArgumentError(f"two classes have one name: '{repeated}'")
    return ColumnType(Type.parse(type, names))
