"""A dataset: a view of everything that a source holds, with what is known about where it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError, ReadOnlyError
from tql.loader.selected import all_rows
from tql.loader.source import Source
from tql.loader.sources.v3.source import V3Source
from tql.loader.sources.v3.versions import Commit
from tql.loader.vector_index import VectorIndex, check_indexed, metric_of, with_index
from tql.loader.version import Version
from tql.loader.view import View

if TYPE_CHECKING:
    from tql.loader.sources.v3.views import SavedView

_WRITING = (
    "append",
    "extend",
    "pop",
    "create_tensor",
    "commit",
    "checkout",
    "flush",
    "update_row",
    "rename_tensor",
    "delete_tensor",
)


class Dataset(View):
    """All rows and columns of a source.

    Args:
        source: where the rows are stored.
        indexes: of columns of vectors, by column, beside those that the source's schema asks for.
    """

    def __init__(self, source: Source, indexes: Mapping[str, tuple[str, VectorIndex]] | None = None) -> None:
        columns = {name: name for name in source.schema}
        super().__init__(source, all_rows(source), columns, source.schema)
        self._indexes: dict[str, tuple[str, VectorIndex]] = {}  # metric and index, by column
        for name, field in source.schema.items():
            metric = metric_of(field.index)
            if metric is not None:
                self._indexes[name] = metric, VectorIndex(source, name, metric)
        self._indexes |= indexes or {}
        for name, (metric, _) in self._indexes.items():
            self._schema = with_index(self._schema, name, metric)

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (self._source, self._indexes)

    def with_index(
        self, column: str, metric: str = "cosine", path: str | os.PathLike[str] | None = None
    ) -> Dataset:
        """The same dataset with a usearch index of a column of vectors.

        `ORDER BY cosine_similarity(column, vector) DESC LIMIT k` over all rows then asks the index for
        candidates, whose exact scores decide; `explain` says so. It may miss some of the nearest rows. The
        dataset without the index goes on scanning all rows.

        Args:
            column: of vectors of one length.
            metric: "cosine", "dot" (`ORDER BY dot(...) DESC`) or "l2" (`ORDER BY l2_norm(column - vector)`).
            path: a file that keeps the index. It is read, and made and written if there is none. Without a
                file the index is made by the first query that needs it, and kept in memory.

        Raises:
            UnknownColumnError: no column of that name.
            ArgumentError: a column of another kind, or an unknown metric.
            FormatError: if the file holds no index of this column.
            MissingDependencyError: without the extra `tql[usearch]`.
        """
        self._check_column(column)
        check_indexed(self._schema, column, metric)
        index = VectorIndex(self._source, column, metric, None if path is None else Path(path).absolute())
        if path is not None:
            index.load()
        return Dataset(self._source, {**self._indexes, column: (metric, index)})

    def nearest(self, column: str, metric: str, query: NDArray[np.float64], count: int) -> NDArray[np.int64]:
        """Rows that the index of a column finds near a vector; the engine asks for them."""
        known, index = self._indexes[column]
        assert known == metric
        return index.nearest(query, count)

    def __getattr__(self, name: str) -> Any:
        if name in _WRITING:
            raise ReadOnlyError(
                f"this dataset was opened for reading, it has no '{name}'",
                hint="tql.load(path, read_only=False) opens one for writing",
            )
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    @property
    def storage(self) -> Source:
        """Where the rows are stored."""
        return self._source

    @property
    def path(self) -> str | None:
        """The dataset's folder, None for one in memory."""
        return getattr(self._source, "path", None)

    @property
    def info(self) -> Mapping[str, Any]:
        """What the dataset's authors wrote about it; empty where they wrote nothing."""
        return dict(self._source.info) if isinstance(self._source, V3Source) else {}

    def tensor_info(self, name: str) -> Mapping[str, Any]:
        """What the dataset's authors wrote about a tensor: its class names, the form of its boxes, ...

        Raises:
            UnknownColumnError: no tensor of that name.
        """
        return dict(self._source.tensor(name).meta.info) if isinstance(self._source, V3Source) else {}

    @property
    def version(self) -> str | None:
        """Id of the commit that is read, None where the format has no versions."""
        return self._source.commit.id if isinstance(self._source, V3Source) else None

    @property
    def branches(self) -> dict[str, str]:
        """Branch name to the commit at its head; empty where the format has no versions."""
        return dict(self._source.versions.branches) if isinstance(self._source, V3Source) else {}

    def versions(self) -> list[Version]:
        """All commits, of every branch, the oldest first; none where the format has no versions.

        What was written after the last commit of a branch is no version yet; the branch's name opens it.
        """
        if not isinstance(self._source, V3Source):
            return []
        commits = self._source.versions.commits.values()
        return sorted((_version(c) for c in commits if c.time is not None), key=lambda v: v.time)

    def with_links(
        self,
        base: str | os.PathLike[str] | None = None,
        *,
        timeout: float = 30.0,
        max_bytes: int = 1 << 28,
    ) -> Dataset:
        """The same dataset with the files that its link tensors lead to; without this they are texts.

        Links to pictures become columns of arrays, all others columns of bytes. Files are read when rows are,
        16 at a time. Whoever made the dataset chose the paths: follow them only if you trust it.

        Args:
            base: the folder that relative paths start from; the working directory if None.
            timeout: seconds that a file may take from a web server.
            max_bytes: size that a file may have.

        Raises:
            ArgumentError: the format has no links.
        """
        from tql.loader.fetching import Fetcher
        from tql.loader.sources.v3.linked import LinkedSource

        if not isinstance(self._source, V3Source):
            raise ArgumentError("only Deep Lake v3 datasets have links")
        fetch = Fetcher(Path(base or ".").expanduser().absolute(), timeout, max_bytes)
        return Dataset(LinkedSource(self._source, fetch), self._indexes)

    def views(self) -> list[SavedView]:
        """The views that deeplake saved with this dataset, in the order of saving.

        Raises:
            FormatError: if their list is damaged.
        """
        from tql.loader.sources.v3.views import read_views

        return read_views(self._source.folder) if isinstance(self._source, V3Source) else []

    def load_view(self, id: str) -> View:
        """Open a saved view: its rows, of the version that it was made of. Where deeplake saved a query with
        them, it is run on these rows, as deeplake does on loading.

        Args:
            id: its name, as `ds.views()` lists it. A view of one single row is a view of length 1.

        Raises:
            ArgumentError: there is no view of that name.
            FormatError: if the view is damaged.
            UnsupportedError: for a view whose query reads from other datasets.
            TQLError: for a query that can't be answered.
        """
        from tql.loader.sources.v3.views import open_view

        if not isinstance(self._source, V3Source):
            raise ArgumentError(f"no saved view named '{id}'", hint="only Deep Lake v3 datasets have some")
        saved = open_view(self._source, id)
        view: View = Dataset(saved.source)
        view = view if saved.rows is None else view[saved.rows]
        return view if saved.query is None else view.query(saved.query)


def _version(commit: Commit) -> Version:
    when = datetime.fromtimestamp(commit.time or 0, UTC)
    return Version(commit.id, commit.branch, commit.message, when, commit.parent, commit.user)
