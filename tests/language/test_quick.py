"""Data classes with an initializer of their own behave as those of `dataclass`."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from tql.quick import quick


@dataclass(frozen=True)
class Base:
    place: int = field(default=7, compare=False, kw_only=True)


@quick
@dataclass(frozen=True)
class Plain(Base):
    a: int
    b: str = "b"


@quick
@dataclass(frozen=True, slots=True)
class Slotted(Base):
    a: int
    b: str = "b"


@pytest.mark.parametrize("made", [Plain, Slotted])
def test_fields_defaults_and_comparison(made: type[Plain] | type[Slotted]) -> None:
    x = made(1, place=2)
    assert (x.a, x.b, x.place) == (1, "b", 2)
    assert made(1) == x and made(1, "c") != x and hash(made(1)) == hash(x)
    assert replace(x, b="c") == made(1, "c") and replace(x, b="c").place == 2
    assert repr(x) == f"{made.__name__}(place=2, a=1, b='b')"
    with pytest.raises(FrozenInstanceError):
        x.a = 3  # type: ignore[misc]


@pytest.mark.parametrize("made", [Plain, Slotted])
def test_arguments_are_checked(made: type[Plain] | type[Slotted]) -> None:
    assert list(inspect.signature(made).parameters) == ["a", "b", "place"]
    with pytest.raises(TypeError):
        made()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        made(1, "b", 3)  # type: ignore[call-arg, misc]


def test_what_needs_more_than_writing_fields_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be made quickly"):

        @quick
        @dataclass(frozen=True)
        class _Listed:
            items: list[int] = field(default_factory=list)
