"""Did you mean: what is near, and in which order."""

from __future__ import annotations

import pytest

from tql.planner.suggest import edit_distance, listing, near_names

COLUMNS = ["images", "labels", "label_names", "boxes", "Box", "score"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("label", ("labels", "label_names")),
        ("lables", ("labels",)),
        ("LABELS", ("labels",)),
        ("box", ("Box",)),
        ("bxoes", ("boxes",)),
        ("scores", ("score",)),
        ("image", ("images",)),
        ("zebra", ()),
        ("x", ()),
    ],
)
def test_near_names(typed: str, expected: tuple[str, ...]) -> None:
    assert near_names(typed, COLUMNS) == expected


def test_at_most_three_names() -> None:
    assert near_names("col", [f"col{i}" for i in range(9)]) == ("col0", "col1", "col2")


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "acb", 1), ("abc", "ab", 1), ("ab", "cd", 2)],
)
def test_edit_distance(left: str, right: str, distance: int) -> None:
    assert edit_distance(left, right, 3) == distance
    assert edit_distance(right, left, 3) == distance


def test_edit_distance_gives_up() -> None:
    assert edit_distance("abcdef", "uvwxyz", 2) is None
    assert edit_distance("a", "abcdef", 2) is None


def test_listing() -> None:
    assert listing(["a", "b"]) == "a, b"
    assert listing([str(i) for i in range(10)]) == "0, 1, 2, 3, 4, 5, 6, 7, ... (10 in all)"
