"""The thin face of the package: open a dataset, or compile a query for data of one's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tql.schema import Schema
from tql.types import Type

if TYPE_CHECKING:
    from tql.loader.dataset import Dataset
    from tql.loader.source import Source
    from tql.loader.view import View
    from tql.planner import PlannedQuery


def load(path: str | os.PathLike[str]) -> Dataset:
    """Open a dataset: a folder in Deep Lake v3 format. Reads metadata only.

    Raises:
        DatasetNotFoundError: if there is nothing, or no dataset, at `path`.
        FormatError: if the dataset's metadata is damaged.
    """
    from tql.loader.open import load as open_dataset

    return open_dataset(path)


def from_numpy(
    columns: Mapping[str, Any], *, class_names: Mapping[str, Sequence[str]] | None = None
) -> Dataset:
    """Make a dataset of arrays in memory, without copying them.

    Args:
        columns: name to an array [n, ...] (rows of one shape), a list of n arrays (rows of different shapes),
            or a list or array of n strings. A masked array makes a nullable column.
        class_names: names of the classes, for integer columns that hold class indices.

    Raises:
        ArgumentError: for columns of unequal length or of a dtype that has no counterpart here.
    """
    from tql.loader.sources.numpy import from_numpy as wrap

    return wrap(columns, class_names=class_names)


@dataclass(frozen=True)
class CompiledQuery:
    """A query compiled against a schema, to be run on any data of that schema.

    Attributes:
        planned: every stage of the compilation, from the statement to the physical plan.
    """

    planned: PlannedQuery

    @property
    def plan(self) -> dict[str, Any]:
        """The physical plan: plain data (docs/plan-format.md)."""
        return self.planned.physical

    @property
    def schema(self) -> Schema:
        """Columns of the answer."""
        return self.planned.schema

    def to_json(self) -> str:
        """The physical plan as text: the same query and schema always give the same bytes."""
        from tql.planner.serialize import to_json

        return to_json(self.plan)

    def explain(self, format: str = "text") -> str:
        """The plan for a reader (`"text"`) or a tool (`"json"`)."""
        from tql.planner import explain

        return explain(self.planned, format=format)

    def execute(self, data: Source | Mapping[str, Any], *, seed: int | None = None, threads: int = 0) -> View:
        """Run the query.

        Args:
            data: anything with the storage protocol of `tql.loader.source.Source` (a dataset, a view, one of
                your own), or a mapping of arrays as for `from_numpy`.
            seed: of SAMPLE BY and RANDOM; a fresh one each time if None.
            threads: 0 means one per core. The answer does not depend on it.

        Returns:
            The answer: `.indices` (int64 row numbers), `.weights` (float64, where the query samples), and its
            columns by name.

        Raises:
            ArgumentError: if the data's schema is not the one that the query was compiled for.
        """
        from tql.loader.run import run_planned

        source = from_numpy(data) if isinstance(data, Mapping) else data
        return run_planned(self.planned, source, seed=seed, threads=threads)


def compile(query: str, schema: Schema | Mapping[str, Type], *, params: Sequence[Any] = ()) -> CompiledQuery:
    """Compile a query against a schema without touching any data.

    Raises:
        TQLError: for a mistake in the query; the subclass says which kind.
    """
    from tql.planner import plan

    return CompiledQuery(plan(query, schema if isinstance(schema, Schema) else Schema(schema), params=params))
