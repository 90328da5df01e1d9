"""Texts whose offsets have 32 bits: whatever reads texts gives the same as with 64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.engine_plans import Code, MemorySource, compute, filter_of, rows_where, run, scan, text, text_list
from engine.simd_levels import NARROWER_LEVELS, outermost, run_file_at
from tql._engine import Column

WORDS = ["", "a", "car", "bus", "cars", "carriage", "a longer text than a register has", "k", "\u212a"]
ROWS = [0, 1, 63, 64, 65, 1000]
WIDTHS = [np.int32, np.int64]


def texts_of(rows: int, *, holes: bool = False) -> list[str | None]:
    rng = np.random.default_rng(rows)
    words: list[str | None] = [*WORDS, None] if holes else [*WORDS]
    return [words[i] for i in rng.integers(0, len(words), rows)]


def lists_of(rows: int) -> list[list[str]]:
    rng = np.random.default_rng(rows)
    return [[WORDS[i] for i in rng.integers(0, len(WORDS), n)] for n in rng.integers(0, 4, rows)]


def narrow(rows: list[Any], lists: bool = False) -> Column:
    column = text_list(rows, np.int32) if lists else text(rows, np.int32)
    assert column.offsets is not None and column.offsets.dtype == np.int32
    return column


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("wanted", ["", "car", "a longer text than a register has", "nowhere"])
def test_conditions(rows: int, wanted: str) -> None:
    texts, lists = texts_of(rows, holes=True), lists_of(rows)
    conditions: list[tuple[Column, str, dict[str, Any], Any]] = [
        (narrow(texts), "equal", {}, lambda t: t == wanted),
        (narrow(texts), "not_equal", {}, lambda t: t != wanted),
        (narrow(texts), "less", {}, lambda t: t < wanted),
        (narrow(texts), "contains_text", {}, lambda t: wanted in t),
        (narrow(lists, lists=True), "contains", {}, lambda row: wanted in row),
    ]
    for column, kernel, more, holds in conditions:
        code = Code({"x": column})
        code.add(kernel, code.column("x"), code.constant(wanted, "text"), **more)
        given = lists if column.layout == "text_list" else texts
        expected = [i for i, value in enumerate(given) if value is not None and holds(value)]
        for partition in (None, 7, 100):
            assert rows_where(code, partition) == expected


@pytest.mark.parametrize("rows", ROWS)
def test_sets_and_patterns(rows: int) -> None:
    texts = texts_of(rows, holes=True)
    code = Code({"x": narrow(texts)})
    code.add("in_set", code.column("x"), values=["car", "", "none"])
    assert rows_where(code, 100) == [i for i, t in enumerate(texts) if t in ("car", "")]
    for pattern, ignore_case, holds in [
        ("*ar*", False, lambda t: "ar" in t),
        ("car*", False, lambda t: t.startswith("car")),
        ("*K*", True, lambda t: "k" in t.replace("\u212a", "k")),
    ]:
        code = Code({"x": narrow(texts)})
        code.add("like", code.column("x"), pattern=pattern, ignore_case=ignore_case)
        assert rows_where(code, 100) == [i for i, t in enumerate(texts) if t is not None and holds(t)]


@pytest.mark.parametrize("lists", [False, True])
def test_rows_that_are_taken_sliced_and_joined(lists: bool) -> None:
    rows: list[Any] = lists_of(300) if lists else [t for t in texts_of(300) if t is not None]
    narrowed, wide = narrow(rows, lists), (text_list if lists else text)(rows)
    assert narrowed.nbytes < wide.nbytes

    def values(column: Column) -> list[Any]:
        code = Code({"x": column})
        code.column("x")
        made = compute(code)
        assert made.offsets is not None
        data = made.values.tobytes()
        strings = [data[a:b] for a, b in zip(made.offsets[:-1], made.offsets[1:], strict=True)]
        if made.row_offsets is None:
            return strings
        return [strings[a:b] for a, b in zip(made.row_offsets[:-1], made.row_offsets[1:], strict=True)]

    order = np.random.default_rng(1).integers(0, 300, 500)
    for change in (
        lambda column: column,
        lambda column: column.slice(17, 203).take(order[order < 186]),
        lambda column: column.take(order),
        lambda column: Column.concat([column.slice(5, 90), column.slice(0, 0), column.slice(40, 300)]),
    ):
        assert values(change(narrowed)) == values(change(wide))
    mixed = Column.concat([narrowed.slice(3, 60), wide.slice(60, 200)])
    assert values(mixed) == values(wide.slice(3, 200))


@pytest.mark.parametrize("width", WIDTHS)
def test_sorting_and_encoding(width: type[np.signedinteger[Any]]) -> None:
    texts = [t for t in texts_of(500) if t is not None]
    column = text(texts, width)
    key = Code({"x": column})
    key.column("x")
    ordered = {
        "id": 1,
        "op": "sort",
        "input": scan(),
        "keys": [{"program": key.program, "descending": False}],
    }
    found = run(ordered, MemorySource(key.columns)).selection.indices.tolist()
    assert found == sorted(range(500), key=lambda i: texts[i].encode())
    coded = column.encode()
    assert coded is not None and coded.layout == "dictionary"
    assert coded.plain().values.tobytes() == column.values.tobytes()
    condition = Code({"x": coded})
    condition.add("equal", condition.column("x"), condition.constant("car", "text"))
    result = run(filter_of(condition), MemorySource(condition.columns))
    assert result.selection.indices.tolist() == [i for i, t in enumerate(texts) if t == "car"]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("offsets", [[1, 0, 3], [0, 9], [-1, 3], []])
def test_offsets_that_lie(offsets: list[int], width: type[np.signedinteger[Any]]) -> None:
    with pytest.raises(ValueError, match="offsets"):
        Column.text(np.array(offsets, width), b"abc")
    with pytest.raises(ValueError, match="offsets"):
        Column.text_list(np.array(offsets, width), np.array([0, 1, 2, 3], width), b"abc")


def test_offsets_of_other_arrays() -> None:
    """Strided and byte-swapped ones are copied."""
    for offsets in (np.array([0, 9, 1, 9, 3], np.int32)[::2], np.array([0, 1, 3], ">i4")):
        column = Column.text(offsets, b"abc")
        assert column.offsets is not None and column.offsets.tolist() == [0, 1, 3]


@outermost
@pytest.mark.parametrize("level", NARROWER_LEVELS)
def test_narrower_instruction_sets(level: str) -> None:
    run_file_at(level, __file__)
