"""A dataset: a view of everything that a source holds, with what is known about where it came from."""

from __future__ import annotations

from typing import Any

from tql.loader.source import Source
from tql.loader.sources.v3.source import V3Source
from tql.loader.view import View, all_rows


class Dataset(View):
    """All rows and columns of a source.

    Args:
        source: where the rows are stored.
    """

    def __init__(self, source: Source) -> None:
        columns = {name: name for name in source.schema}
        super().__init__(source, all_rows(source), columns, source.schema)

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (self._source,)

    @property
    def storage(self) -> Source:
        """Where the rows are stored."""
        return self._source

    @property
    def path(self) -> str | None:
        """The dataset's folder, None for one in memory."""
        return getattr(self._source, "path", None)

    @property
    def info(self) -> dict[str, Any]:
        """What the dataset's authors wrote about it; empty where they wrote nothing."""
        return dict(self._source.info) if isinstance(self._source, V3Source) else {}

    @property
    def version(self) -> str | None:
        """Id of the commit that is read, None where the format has no versions."""
        return self._source.commit.id if isinstance(self._source, V3Source) else None

    @property
    def branches(self) -> dict[str, str]:
        """Branch name to the commit at its head; empty where the format has no versions."""
        return dict(self._source.versions.branches) if isinstance(self._source, V3Source) else {}
