"""Expressions on documents: what they are bound to, as readers see it, and of which type."""

from __future__ import annotations

from math import inf, nan

import pytest

from golden.schema_text import parse_schema
from tql.planner import plan
from tql.planner.expressions import Column, Expression, is_fallible
from tql.planner.json_values import grouping_key, json_order_keys
from tql.planner.logical import Project
from tql.planner.physical import programs, walk
from tql.planner.rendering.expression_text import expression_text
from tql.types import Type

SCHEMA = parse_schema(
    "id int64, d json, docs json[], name text, k int64, kind label(cat|dog), v int32[], boxes float32[,4], "
    "words text[], body text @bm25, title text @inverted"
)


def bound(expression: str) -> Expression:
    node = plan(f"select {expression} as x", SCHEMA).optimized.input
    assert isinstance(node, Project)
    return node.columns[0].expression


def kernels(expression: str) -> list[str]:
    planned = plan(f"select {expression} as x", SCHEMA)
    root = planned.physical["root"]
    return [i["kernel"] for node in walk(root) for program in programs(node) for i in program["instructions"]]


@pytest.mark.parametrize(
    ("expression", "shown", "type_"),
    [
        ("d['a']['b'][0]", "d['a']['b'][0]", "json?"),
        ("d[name][k]", "d[name][k]", "json?"),
        ("d['l'][1:][0]", "d['l'][1:][0]", "json?"),
        ("docs[0]['a']", "docs[0]['a']", "json?"),
        ("d['a'] = 'x'", "d['a'] = 'x'", "bool?"),
        ("kind < d['a']", "kind < d['a']", "bool?"),
        ("v = d['a']", "v = d['a']", "bool[]?"),
        ("d['a'] in (1, 'x', true)", "d['a'] in (1, 'x', true)", "bool"),
        ("d['a'] like 'x*'", "text(d['a']) like 'x*'", "bool?"),
        ("-d['a'] % 2", "-number(d['a']) % 2", "float64?"),
        ("sqrt(d['a'])", "sqrt(number(d['a']))", "float64?"),
        ("sum(d['l'])", "sum(number(elements(d['l'])))", "float64?"),
        ("l2_norm(d['l'])", "l2_norm(number(elements(d['l'])))", "float64?"),
        ("count(d['l'])", "count(elements(d['l']))", "int64?"),
        ("shape(d['l'])", "shape(d['l'])", "int64[]?"),
        ("any(d['l'] > 1 and d['m'] < 3)", "any(elements(d['l']) > 1 and elements(d['m']) < 3)", "bool"),
        ("any(d['l'][0] = 1)", "any(elements(d['l'][0]) = 1)", "bool"),
        ("any(keys(d['a']) = 'b')", "any(keys(d['a']) = 'b')", "bool"),
        ("any(docs = 1)", "any(docs = 1)", "bool"),
        ("d['a'] and not d['b']", "d['a'] and not d['b']", "bool"),
        ("contains(words, d['a'])", "any(words = d['a'])", "bool"),
    ],
)
def test_a_document_is_what_it_is_in_each_row(expression: str, shown: str, type_: str) -> None:
    x = bound(expression)
    assert expression_text(x) == shown
    assert x.type == Type.parse(type_)


def test_a_chain_of_subscripts_is_one_path() -> None:
    node = plan("select d['a'][k]['b'][1:][name] as x", SCHEMA).physical["root"]
    (path,) = [i for p in programs(node) for i in p["instructions"] if i["kernel"] == "json_get"]
    slice_ = {"slice": [True, False, False]}
    assert path["items"] == [{"key": "a"}, {"index": True}, {"key": "b"}, slice_, {"key_of": True}]
    assert len(path["args"]) == 4


def test_null_documents_are_null_though_the_column_has_no_null() -> None:
    assert "is_null" in kernels("d is null")
    assert plan("select d = 1 as x", SCHEMA).schema.type_of("x").nullable


def test_words_are_looked_for_where_the_column_has_an_index() -> None:
    assert "contains_words" in kernels("contains(body, name)")
    assert "contains_words" in kernels("contains(title, 'a b')")
    assert "contains_text" in kernels("contains(name, 'a')")
    assert "contains_text" in kernels("contains('a b', body)")


def test_documents_order_by_kind_and_group_by_a_canonical_text() -> None:
    x = Column(Type("json"), "d")
    assert [expression_text(key) for key in json_order_keys(x)] == ["kind(d)", "number(d)", "text(d)"]
    assert expression_text(grouping_key(x, x.span)) == "canonical(d)"
    plain = Column(Type("int64"), "id")
    assert json_order_keys(plain) == (plain,)
    assert grouping_key(plain, plain.span) is plain


def test_infinite_and_nan_items_are_no_documents() -> None:
    node = plan("select * where d['a'] in (1, ?, ?)", SCHEMA, params=[inf, nan]).physical["root"]
    (test,) = [i for p in programs(node) for i in p["instructions"] if i["kernel"] == "json_in_set"]
    assert test["values"] == [1]


@pytest.mark.parametrize(
    ("expression", "fallible"),
    [("d['a'][k] = 1", False), ("d['a'][1:] = 1", False), ("d['a'][::k] = 1", True), ("not d['a']", True)],
)
def test_a_path_fails_only_by_a_step_of_0(expression: str, fallible: bool) -> None:
    assert is_fallible(bound(expression)) == fallible
