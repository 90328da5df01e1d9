"""An ordered map of column name to type, with what the planner may know about the storage of each column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tql.types import Type


@dataclass(frozen=True, slots=True)
class Field:
    """One column.

    Attributes:
        name: the column's name, case-sensitive.
        type: the type of one row.
        encoding: codec that a read has to decode ("jpeg", "png", "lz4", ...), None where the stored bytes are
            the values. The planner's cost model reads it.
        row_bytes: estimated decoded size of one row in bytes, 0 where unknown.
        shape_in_metadata: whether shapes can be had without reading the values.
        index: "inverted" or "bm25" for a text column that is searched by words, "usearch/cosine",
            "usearch/dot" or "usearch/l2" for a column of vectors whose dataset has an index for that metric.
        by_chunk: whether rows are compressed together, so that one is read with all others of its chunk.
    """

    name: str
    type: Type
    encoding: str | None = None
    row_bytes: int = 0
    shape_in_metadata: bool = True
    index: str | None = None
    by_chunk: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type.to_json(),
            "encoding": self.encoding,
            "row_bytes": self.row_bytes,
            "shape_in_metadata": self.shape_in_metadata,
            "index": self.index,
            "by_chunk": self.by_chunk,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Field:
        return Field(
            data["name"], Type.from_json(data["type"]), data.get("encoding"), data.get("row_bytes", 0),
            data.get("shape_in_metadata", True), data.get("index"), data.get("by_chunk", False),
        )  # fmt: skip


class Schema(Mapping[str, Field]):
    """Ordered, immutable, hashable. Iterating gives the column names.

    Attributes:
        grouped: whether the rows are groups that GROUP BY has made.
    """

    __slots__ = ("_fields", "_fingerprint", "grouped")

    def __init__(self, fields: Iterable[Field] | Mapping[str, Type] = (), *, grouped: bool = False) -> None:
        """Build from fields, or from a mapping of name to type.

        Raises:
            ValueError: if a name occurs twice.
        """
        if isinstance(fields, Mapping):
            fields = [Field(name, type_) for name, type_ in fields.items()]
        self._fields: dict[str, Field] = {}
        for field in fields:
            if field.name in self._fields:
                raise ValueError(f"two columns named {field.name!r}")
            self._fields[field.name] = field
        self._fingerprint: str | None = None
        self.grouped = grouped

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(self._fields.values())

    def type_of(self, name: str) -> Type:
        return self._fields[name].type

    @property
    def fingerprint(self) -> str:
        """Hex digest of names, types and storage facts: equal schemas have equal fingerprints."""
        if self._fingerprint is None:
            described = [self.to_json(), self.grouped]
            text = json.dumps(described, sort_keys=True, separators=(",", ":"))
            self._fingerprint = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return self._fingerprint

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return self.fields == other.fields and self.grouped == other.grouped

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return "Schema(" + ", ".join(f"{f.name}: {f.type}" for f in self.fields) + ")"

    def to_json(self) -> list[dict[str, Any]]:
        return [field.to_json() for field in self.fields]

    @staticmethod
    def from_json(data: Iterable[dict[str, Any]]) -> Schema:
        return Schema([Field.from_json(item) for item in data])
