"""The thin face of the package: open a dataset, or compile a query for data of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from tql.column_type import AnyType, read_schema
from tql.schema import Schema

if TYPE_CHECKING:
    from tql.loader.dataset import Dataset
    from tql.loader.source import Source
    from tql.loader.view import View
    from tql.loader.writing.dataset import WritableDataset
    from tql.loader.writing.sample import Link, Sample
    from tql.planner import PlannedQuery


@overload
def load(
    path: str | os.PathLike[str], version: str | None = None, *, read_only: Literal[True] = True
) -> Dataset: ...
@overload
def load(
    path: str | os.PathLike[str], version: str | None = None, *, read_only: Literal[False]
) -> WritableDataset: ...
def load(path: str | os.PathLike[str], version: str | None = None, *, read_only: bool = True) -> Dataset:
    """Open a dataset: a folder in Deep Lake v3 format. Reads metadata only.

    Args:
        path: the folder; `path@version` names a version too.
        version: name of a branch or id of a commit; None is the branch `main`.
        read_only: False opens it for writing, which one process at a time can.

    Raises:
        ArgumentError: if there is no such version, or two are named.
        DatasetLockedError: if another process writes to it (`read_only=False`).
        DatasetNotFoundError: if there is nothing, or no dataset, at `path`.
        FormatError: if the dataset's metadata is damaged.
        UnsupportedError: if `path` is a URL.
    """
    from tql.loader import open as opening

    return opening.load(path, version) if read_only else opening.load_for_writing(path, version)


def empty(path: str | os.PathLike[str], overwrite: bool = False) -> WritableDataset:
    """Make a dataset without tensors, open for writing, in Deep Lake v3 format.

        ds = tql.empty("flowers")
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("labels", htype="class_label", class_names=["daisy", "rose"])
        with ds:
            ds.append({"images": tql.read("1.jpg"), "labels": "rose"})
        ds.commit("first flowers")

    Args:
        path: a folder that is not there yet, or is empty.
        overwrite: delete the dataset that is there. It is there until the new one is.

    Raises:
        DatasetExistsError: there is something already; with `overwrite`, something that is no dataset.
        DatasetLockedError: another process writes to what would be overwritten.
        StorageError: the folder can't be made or written to.
    """
    from tql.loader import open as opening

    return opening.empty(path, overwrite)


def read(path: str | os.PathLike[str]) -> Sample:
    """A file as a value for `append`, `extend` and `update`: its bytes are stored as they are.

    A picture goes unchanged into a tensor whose `sample_compression` is the format of the file; into any
    other image tensor it goes decoded. Video, audio, medical and 3D files go into tensors of their format;
    their headers are read with the packages of `tql[media]`.

    Raises:
        ArgumentError: if there is no such file.
    """
    from tql.loader.writing import sample

    return sample.read(path)


def link(path: str | os.PathLike[str]) -> Link:
    """A path or URL as a value of a tensor `link[...]`: stored as text, the file stays where it is.

    A local path is relative to the working directory of whoever reads it. A plain str does as well.

    Raises:
        ArgumentError: for anything else.
    """
    from tql.loader.writing import sample

    return sample.link(path)


def ingest_folder(
    src: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    sample_compression: str | None = None,
    overwrite: bool = False,
) -> Dataset:
    """A dataset of the pictures below a folder; the folder that holds a picture names its class.

    Args:
        src: `src/daisy/1.jpg` is a picture of the class "daisy", `src/a/b/1.jpg` one of "a/b". Files that
            are no pictures, by their ending, and hidden ones are left out.
        dest: the new dataset: `images`, and `labels` if there are classes; rows in the order of the paths.
        sample_compression: "jpeg", "png", ...; None takes that of most of the files. These are stored as they
            are, others are encoded anew.
        overwrite: delete the dataset that is there.

    Raises:
        ArgumentError: no folder, no pictures in it, or a file that can't be read; the message names it.
        DatasetExistsError: there is something at `dest`.
    """
    from tql.loader.writing import ingest

    return ingest.ingest_folder(src, dest, sample_compression, overwrite)


def ingest_table(
    src: str | os.PathLike[str], dest: str | os.PathLike[str], *, overwrite: bool = False
) -> Dataset:
    """A dataset of the rows of a Parquet or CSV file, a tensor for each column.

    Numbers and bools keep their dtype, lists of numbers become arrays, strings text, dictionary columns
    class_label, structs and maps json, binary columns that hold pictures images; dates and times text.

    Raises:
        ArgumentError: no such file, or one of another kind; a column that has no counterpart.
        DatasetExistsError: there is something at `dest`.
        MissingDependencyError: the package pyarrow is not installed.
    """
    from tql.loader.writing import ingest

    return ingest.ingest_table(src, dest, overwrite)


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


def from_pydict(columns: Mapping[str, Iterable[Any]], schema: Mapping[str, AnyType] | None = None) -> Dataset:
    """Make a dataset in memory of plain Python values, of any column type.

    Args:
        columns: name to one value per row. None is NULL. Lists (or arrays) are arrays, of whatever extents;
            lists with None or with parts of different lengths are nested; lists of str are lists of texts;
            dicts, and anything that JSON can say, are documents where the column is `json`.
        schema: name to the column's type, for some or all columns: a text ("int8", "float32[,4]", "text[]",
            "json", see `Type.parse`), a `Type`, `tql.class_label(["cat", "dog"])` (its values may be names or
            indices) or `tql.text(index="bm25")`. The schema of a dataset will do too. A type takes NULL where
            the data has it, with or without "?". Without an entry the values decide: int64, float64, bool,
            text, bytes, arrays of these, json where there are dicts.

    Raises:
        ArgumentError: a value that does not fit its type (the message names column and row), columns of
            unequal length, a type that is none.
    """
    from tql.loader.sources.pydict import from_pydict as make

    return make(columns, schema)


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
        from tql.planner import explain as render

        return render(self.planned, format=format)

    def execute(
        self,
        data: Source | Mapping[str, Any] | None = None,
        *,
        sources: Mapping[str, Source | Mapping[str, Any]] | None = None,
        seed: int | None = None,
        threads: int = 0,
        memory_limit: int | str | None = None,
    ) -> View:
        """Run the query.

        Args:
            data: anything with the storage protocol of `tql.loader.source.Source` (a dataset, a view, one of
                your own), or a mapping of arrays as for `from_numpy`; None for a query that needs none.
            sources: the same for each name of the sources that the query was compiled for.
            seed: of SAMPLE BY and RANDOM; a fresh one each time if None.
            threads: 0 means one per core. The answer does not depend on it.
            memory_limit: memory that the run may hold, in bytes or as "512MB" or "2GiB"; None for no limit.

        Returns:
            The answer: `.indices` (int64 row numbers), `.weights` (float64, where the query samples), and its
            columns by name.

        Raises:
            ArgumentError: if data is missing, or its schema is not the one that the query was compiled for.
            MemoryLimitError: if the run would hold more than `memory_limit`.
        """
        from tql.loader.answer import run_planned

        bound = None if data is None else _source(data)
        named = {name: _source(given) for name, given in (sources or {}).items()}
        return run_planned(
            self.planned, bound, sources=named, seed=seed, threads=threads, memory_limit=memory_limit
        )


def _source(data: Source | Mapping[str, Any]) -> Source:
    return from_numpy(data) if isinstance(data, Mapping) else data


def compile(
    query: str,
    schema: Schema | Mapping[str, AnyType] | None = None,
    *,
    params: Sequence[Any] = (),
    sources: Mapping[str, Schema | Mapping[str, AnyType]] | None = None,
) -> CompiledQuery:
    """Compile a query against schemas without touching any data.

    Args:
        query: the query.
        schema: columns of the data that a SELECT without FROM runs on; types as in `from_pydict`.
        params: values of `?`, left to right.
        sources: schemas of the sources that FROM names.

    Raises:
        TQLError: for a mistake in the query; the subclass says which kind.
        ArgumentError: for a type that is none.
    """
    from tql.planner import plan

    bound = None if schema is None else read_schema(schema)
    return CompiledQuery(plan(query, bound, params=params, sources=_Schemas(sources or {})))


class _Schemas:
    """The named sources of a query that is compiled without data."""

    def __init__(self, schemas: Mapping[str, Schema | Mapping[str, AnyType]]) -> None:
        self._schemas = {name: read_schema(schema) for name, schema in schemas.items()}

    @property
    def names(self) -> list[str]:
        return list(self._schemas)

    def __call__(self, name: str) -> tuple[str, Schema] | None:
        return (name, self._schemas[name]) if name in self._schemas else None


def query(
    text: str,
    sources: Mapping[str, Source] | None = None,
    *,
    params: Sequence[Any] = (),
    seed: int | None = None,
    threads: int = 0,
    memory_limit: int | str | None = None,
) -> View:
    """Run a query that names its sources.

        tql.query('select * from "ds://cats" as c join "ds://owners" as o on c.owner = o.id', sources={...})

    Args:
        text: the query. FROM names one of `sources`, or else the path of a dataset, as for `load`.
        sources: datasets and views by the names that FROM uses. One that is given under several names counts
            as one source, whose rows set operations combine.
        params: values of `?`, left to right.
        seed: of SAMPLE BY and RANDOM; None takes a fresh one, which the answer keeps.
        threads: 0 means one per core. The answer does not depend on it.
        memory_limit: memory that the query may hold while it runs, in bytes or as "512MB" or "2GiB"; None
            for no limit. Rows and columns of arrays in memory do not count. See docs/memory.md.

    Raises:
        TQLError: for a mistake in the query; the subclass says which kind.
        MemoryLimitError: if the query would hold more than `memory_limit`.
        SourceNotFoundError: FROM names nothing that is known, or there is no FROM.
        DatasetNotFoundError, FormatError: FROM names a path without a dataset, or with a damaged one.
    """
    from tql.loader.answer import run_query

    return run_query(
        text, sources=sources, params=params, seed=seed, threads=threads, memory_limit=memory_limit
    )


def explain(
    text: str,
    sources: Mapping[str, Source] | None = None,
    *,
    analyze: bool = False,
    format: str = "text",
    params: Sequence[Any] = (),
    memory_limit: int | str | None = None,
) -> str:
    """How `query` would run a query; with `analyze` it is run, and what was measured is added.

    Args:
        format: "text" for people, "json" for tools.
        memory_limit: of the run, as for `query`.
    """
    from tql.loader.answer import explain_query
    from tql.loader.plan_cache import prepare

    prepared = prepare(text, None, params, sources)
    return explain_query(prepared, analyze=analyze, format=format, memory_limit=memory_limit)


def release_memory() -> int:
    """Give the system back the memory that is kept for the next large result.

    Large arrays that are freed are kept, up to 512 MiB in all, because the system takes longer to hand out
    fresh memory than the engine takes to fill it. The system may take that memory when it runs short; a
    process that will not query for a while can give it back at once. Arrays in use are never touched.

    Returns:
        How many bytes were given back.
    """
    from tql import _engine

    return _engine.release_memory()
