"""Schemas as one line of text, for test cases.

`schema: labels label(cat|dog)[1], images uint8[28,28] @jpeg, score float32?` is three columns: class labels
of shape [1], JPEG images, and numbers that may be NULL. `[]` is a list, `[,4]` an array of rows of four,
`[...]` an array of any rank, `?[]` a list of values that may be NULL, `[,4][]` one of arrays.
`@name` is an encoding that a read must decode; `@bm25`, `@inverted` and `@usearch/cosine` are indexes.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tql.schema import Field, Schema
from tql.types import Type

_COLUMN = re.compile(
    r"""
    (?P<name>"[^"]+"|\w+) \s+
    (?:label\((?P<classes>[^)]*)\)|(?P<element>\w+))
    (?P<shape>(?:\??\[[\d,.]*\])+)? (?P<nullable>\?)? (?:\s+@(?P<encoding>[\w/]+))? \s* (?:,\s*|$)
    """,
    re.VERBOSE,
)

DEFAULT = """
images uint8[28,28,3] @jpeg, labels label(cat|dog|owl)[1], kind label(red|green|blue), tags label(old|new)[],
categories text[], name text, note text?, score float32?, weight float64, flag bool, i8 int8, i8n int8?,
i32 int32, i64 int64, u8 uint8, u64 uint64, f16 float16, f32 float32, values int32[], fixed int16[3],
embedding float32[8], boxes float32[,4], one float32[1], any_rank int32[...], meta json, raw bytes
""".replace("\n", " ").strip()

OTHERS = {
    "people": "id int64, name text, age int32?, photo uint8[28,28,3] @jpeg, kind label(red|blue), meta json",
    "visits": "person int32, at float64, name text, place label(home|work), notes text @bm25, marks int16[]",
    "ds://more": "id uint64, name text?, age float32, tags text[]",
}


class Sources:
    """What FROM can name in the cases."""

    names = tuple(OTHERS)

    def __call__(self, name: str) -> tuple[str, Schema] | None:
        return (name, parse_schema(OTHERS[name])) if name in OTHERS else None


def parse_schema(text: str) -> Schema:
    """The schema that a line describes.

    Raises:
        ValueError: if it is malformed.
    """
    fields: list[Field] = []
    position = 0
    while position < len(text):
        match = _COLUMN.match(text, position)
        if match is None:
            raise ValueError(f"not a column: {text[position:]!r}")
        fields.append(_field(match))
        position = match.end()
    return Schema(fields)


def _field(match: re.Match[str]) -> Field:
    type_ = Type.parse((match["element"] or "uint32") + (match["shape"] or "") + (match["nullable"] or ""))
    if match["classes"] is not None:
        type_ = replace(type_, class_names=tuple(match["classes"].split("|")))
    note = match["encoding"]
    if note in ("bm25", "inverted") or (note or "").startswith("usearch/"):
        return Field(match["name"].strip('"'), type_, index=note)
    return Field(match["name"].strip('"'), type_, note)
