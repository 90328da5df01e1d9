"""What a column may be declared as where it is made: a type, and how its texts are searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tql.errors import ArgumentError
from tql.types import Type

Index = Literal["inverted", "bm25"]


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type, and "inverted" or "bm25" for texts that are searched by words."""

    type: Type
    index: str | None = None


def text(*, index: Index | None = None) -> ColumnType:
    """A text column. With an index CONTAINS looks for whole words; "bm25" also ranks by BM25_SIMILARITY.

    Raises:
        ArgumentError: for another index.
    """
    if index is not None and index not in get_args(Index):
        raise ArgumentError(f"the index of a text column is 'inverted' or 'bm25', got {index!r}")
    return ColumnType(Type("text"), index)


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
