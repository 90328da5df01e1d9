"""Queries on the answers of GROUP BY: groups of groups, and taking them apart again."""

from __future__ import annotations

import pytest

import tql
from tql.errors import UnsupportedError
from tql.loader.dataset import Dataset


@pytest.fixture
def rows() -> Dataset:
    return tql.from_pydict(
        {
            "id": [0, 1, 2, 3],
            "n": [1, None, 3, None],
            "v": [[1, 2], [], [5], [7]],
            "tags": [["a"], [], ["b", "c"], ["d"]],
            "g": ["x", "x", "y", "z"],
        }
    )


def test_groups_of_groups_have_one_axis_more(rows: Dataset) -> None:
    twice = rows.query("select * group by g").query("select id, n, v, tags group by shape(id)[0] > 1")
    assert twice.to_pydict() == {
        "id": [[[0, 1]], [[2], [3]]],
        "n": [[[1, None]], [[3], [None]]],
        "v": [[[[1, 2], []]], [[[5]], [[7]]]],
        "tags": [[[["a"], []]], [[["b", "c"]], [["d"]]]],
    }
    assert [str(field.type) for field in twice.schema.fields] == [
        "int64[][]",
        "int64?[][]",
        "int64[][][]",
        "text[][][]",
    ]
    assert twice.query("select shape(v) as s, sum(n) as t").to_pydict() == {"s": [[1], [2]], "t": [1, 3]}


def test_taking_groups_apart_gives_back_the_rows(rows: Dataset) -> None:
    grouped = rows.query("select * group by g")
    again = grouped.query("select * group by shape(id)[0] > 1").query("select * ungroup by split")
    assert again.to_pydict() == grouped.to_pydict() | {"frame_number": [0, 0, 1]}
    apart = again.query("select id, n, v, tags ungroup by split").to_pydict()
    assert apart == {name: values for name, values in rows.to_pydict().items() if name != "g"}


def test_a_grouped_view_numbers_the_frames(rows: Dataset) -> None:
    """As `select * from (select * group by g) ungroup by split` does in one query."""
    whole = rows.query("select * from (select * group by g) ungroup by split")
    cut = rows.query("select * group by g").query("select * ungroup by split")
    assert cut.to_pydict() == whole.to_pydict()
    assert whole.to_pydict()["frame_number"] == [0, 1, 0, 0]
    assert "frame_number" not in rows.query("select tags ungroup by split").columns


@pytest.mark.parametrize("expression", ["n[0]", "n[0:1]", "count(n)", "n + 1"])
def test_what_lists_of_lists_cannot_do_is_said(rows: Dataset, expression: str) -> None:
    twice = rows.query("select * group by g").query("select n group by true")
    with pytest.raises(UnsupportedError, match="may be NULL or differ in shape"):
        twice.query(f"select {expression} as a")
