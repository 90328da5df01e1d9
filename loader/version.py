"""What is told about a commit of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Version:
    """A commit; `tql.load(path, version=id)` opens it.

    Attributes:
        id: what names it.
        branch: the branch that it was made on.
        message: what was said about it, None for nothing.
        time: when it was made.
        parent: id of the commit before it, None for the first one.
        user: who made it, None where it is not told.
    """

    id: str
    branch: str
    message: str | None
    time: datetime
    parent: str | None
    user: str | None
