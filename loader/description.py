"""What made a view, so that it pickles as that and not as the numbers of its rows: the query or the draw is
run again where the pickle is opened.

A description holds what a view was made of by that one's own description: the rows in between are not kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tql.errors import StateError
from tql.loader import fingerprint

if TYPE_CHECKING:
    from tql.loader.view import View


class Description(ABC):
    """How to make a view."""

    __slots__ = ()

    @abstractmethod
    def view(self) -> View:
        """The view, made again."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn(Description):
    """A draw by a TQL weight expression: the arguments of `View.sample_by`."""

    base: Description | View
    weights: str
    replace: bool
    size: int
    seed: int

    def view(self) -> View:
        base: Any = made(self.base)
        drawn: View = base.sample_by(self.weights, self.replace, self.size, seed=self.seed)
        return drawn


@dataclass(frozen=True, slots=True, eq=False)
class Sliced(Description):
    """Evenly spaced rows: `rows` are positions in the view below."""

    base: Description | View
    rows: range

    def view(self) -> View:
        base: Any = made(self.base)
        stop = self.rows.stop if self.rows.stop >= 0 else None  # of a slice that ends with the first row
        sliced: View = base[self.rows.start : stop : self.rows.step]
        return sliced


def described(source: Any) -> Any:
    """A view by its description, if it has one; everything else as it is."""
    description = getattr(source, "description", None)
    return source if description is None else description


def of_rows(view: View) -> str:
    """A fingerprint of a view's rows and of what they are rows of."""
    return fingerprint.digest([*map(fingerprint.of_source, view.sources_below), view.indices])


def restored(description: Description, rows: str) -> View:
    """The view of a description.

    Args:
        description: what made it.
        rows: what `of_rows` gave for it.

    Raises:
        StateError: it has other rows now: what it is made from was changed.
    """
    view = description.view()
    if of_rows(view) != rows:
        raise StateError(
            "the dataset of a pickled view has changed since it was pickled",
            hint="pickle views of a commit, which does not change",
        )
    return view


def made(below: Any) -> Any:
    """The view of a description; everything else as it is."""
    return below.view() if isinstance(below, Description) else below
