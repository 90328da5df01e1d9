"""Types as text: every form, back and forth, and what is said about those that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tql import Type
from tql.errors import ArgumentError
from tql.types import ELEMENTS, TEXTS

EXTENTS = st.one_of(st.none(), st.integers(0, 9))
PLAIN = st.builds(
    lambda element, shape, nullable: Type(
        element, shape, nullable, sequence=element in TEXTS and shape != ()
    ),
    st.sampled_from(ELEMENTS),
    st.one_of(st.none(), st.lists(EXTENTS, max_size=3).map(tuple)),
    st.booleans(),
)
NESTED = st.builds(
    lambda element, inner, nullable, levels: Type(
        element,
        None if inner is None else (*[None] * levels, *inner),
        nullable,
        sequence=levels + (element in TEXTS and inner != ()),
        nested=levels,
    ),
    st.sampled_from(ELEMENTS),
    st.one_of(st.none(), st.lists(EXTENTS, max_size=3).map(tuple)),
    st.booleans(),
    st.integers(1, 3),
)


@pytest.mark.parametrize(
    "text, type_",
    [
        ("int8", Type("int8")),
        ("text?", Type("text", nullable=True)),
        ("float32[,4]", Type("float32", (None, 4))),
        ("float32[2, 3]", Type("float32", (2, 3))),
        ("int64[]", Type("int64", (None,))),
        ("int64[]?", Type("int64", (None,), nullable=True)),
        ("uint8[...]", Type("uint8", None)),
        ("text[]", Type("text", (None,), sequence=True)),
        ("float32[,4][]", Type("float32", (None, None, 4), sequence=True, nested=True)),
        ("int64?[]", Type("int64", (None,), sequence=True, nested=True)),
        ("float32[...][]?", Type("float32", None, True, sequence=True, nested=True)),
    ],
)
def test_a_text_names_a_type(text: str, type_: Type) -> None:
    assert Type.parse(text) == type_


@given(st.one_of(PLAIN, NESTED))
def test_a_type_and_its_text_are_one(type_: Type) -> None:
    assert Type.parse(str(type_)) == type_


def test_class_names_come_beside_the_text() -> None:
    assert Type.parse("class_label", ["a", "b"]) == Type("uint32", class_names=("a", "b"))
    assert Type.parse("int32[]?", ["a"]) == Type("int32", (None,), True, ("a",))


@pytest.mark.parametrize(
    "text, message, candidates",
    [
        ("flaot32", "no element type named 'flaot32'", ("float32",)),
        ("str", "no element type named 'str'", ("text",)),
        ("Int64[]", "no element type named 'Int64'", ("int64",)),
        ("float32[a]", "'a' is no extent of an axis: 'float32[a]'", ()),
        ("float32[-1]", "'-1' is no extent of an axis: 'float32[-1]'", ()),
        ("float32[", "this is no type: 'float32['", ()),
        ("", "this is no type: ''", ()),
        ("int8[2][3]", "this is no type: 'int8[2][3]'", ()),
        ("class_label", "a class label needs the names of its classes", ()),
    ],
)
def test_what_is_no_type_is_refused(text: str, message: str, candidates: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentError) as caught:
        Type.parse(text)
    assert (caught.value.message, caught.value.candidates) == (message, candidates)
    assert candidates or caught.value.hint
