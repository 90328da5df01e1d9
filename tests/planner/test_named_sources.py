"""FROM with names: how they are found, what the plan makes of them, what is said where there is none."""

from __future__ import annotations

import pytest

from golden.schema_text import parse_schema
from tql.errors import SourceNotFoundError, UnknownAliasError
from tql.planner import explain, plan
from tql.schema import Schema

CATS = parse_schema("id int64, name text")
DOGS = parse_schema("id int64, weight float32")


class Sources:
    names = ("cats", "ds://dogs")

    def __call__(self, name: str) -> tuple[str, Schema] | None:
        return {"cats": ("k1", CATS), "ds://dogs": ("k2", DOGS), "here": ("", CATS)}.get(name)


def test_a_named_source_is_scanned_under_its_key() -> None:
    planned = plan('select weight from "ds://dogs" where id > 3', CATS, sources=Sources())
    assert planned.sources == {"k2": DOGS}
    assert planned.physical["root"]["input"] == {"id": 1, "op": "scan", "source": "k2"}
    assert list(planned.schema) == ["weight"]
    assert 'scan: "ds://dogs"' in explain(planned)


def test_a_query_that_names_all_its_sources_needs_no_bound_one() -> None:
    planned = plan("select * from (select * from cats) as c where c.id = 1", None, sources=Sources())
    assert planned.source is None
    assert list(planned.sources) == ["k1"]


def test_a_source_has_no_name_but_its_alias() -> None:
    plan("select c.name from cats as c where c.id = 1", None, sources=Sources())
    with pytest.raises(UnknownAliasError) as caught:
        plan("select cats.name from cats", None, sources=Sources())
    assert caught.value.hint == "a source is called by its alias alone: write cats AS cats in FROM"


def test_the_bound_source_under_a_name_is_the_bound_source() -> None:
    planned = plan("select * from here", CATS, sources=Sources())
    assert planned.sources == {}
    assert planned.physical == plan("select *", CATS).physical


def test_an_unknown_source_comes_with_near_names() -> None:
    with pytest.raises(SourceNotFoundError) as caught:
        plan("select * from catz", CATS, sources=Sources())
    assert caught.value.message == "source not found: catz"
    assert caught.value.candidates == ("cats",)
    assert caught.value.hint == "sources: cats, ds://dogs"


def test_no_source_at_all() -> None:
    with pytest.raises(SourceNotFoundError, match="source not found"):
        plan("select 1 as one", None, sources=Sources())
