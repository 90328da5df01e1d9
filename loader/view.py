"""A view: rows of a source in some order, under named columns. It is a source itself, so it all composes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from tql import _engine
from tql.errors import UnknownColumnError
from tql.loader.arrays import Rows, rows_of_column
from tql.loader.description import Description, Drawn, Sliced, described, of_rows, restored
from tql.loader.packed_rows import PackedRows
from tql.loader.rows import ascending, position, positions
from tql.loader.seeds import resolve_seed
from tql.loader.selected import SelectedRows, all_rows, selection_of
from tql.loader.source import Source
from tql.loader.to_numpy import column_values
from tql.loader.values import column_array
from tql.loader.vector_index import without_indexes
from tql.loader.weights import Weights, check_size, drawn_rows, resolve_weights, weighed_by
from tql.schema import Schema

if TYPE_CHECKING:
    from tql.loader.dataloader import DataLoader
    from tql.loader.dataset import Dataset
    from tql.planner import PlannedQuery

_ITERATED_ROWS = 256
_FEW_ROWS = 1024  # whose numbers take no more room than what made them, and need no second run

LazyWeights = NDArray[np.float64] | Callable[[], NDArray[np.float64] | None] | None


class View(SelectedRows):
    """Rows of a dataset, by number, under named columns. Immutable; nothing is read before it is asked for.

    A view has the storage protocol of `tql.loader.source.Source` with row numbers that count within the view.

    Args:
        source: where the rows are stored.
        selection: which rows, in which order.
        columns: output name to a column of the source, or to a computed column aligned with the view's rows.
        schema: the types of the output columns.
        weights: float64 [len], the weight of each row where the view was sampled, or what makes that array
            when it is asked for.
        order_chosen: whether the rows come in an order that the caller chose.
        seed: what the view was sampled with, None if it was not.
        description: what made the rows, if it can do so again.
    """

    def __init__(
        self,
        source: Source,
        selection: _engine.Selection,
        columns: Mapping[str, str | _engine.Column],
        schema: Schema,
        *,
        weights: LazyWeights = None,
        order_chosen: bool = False,
        seed: int | None = None,
        description: Description | None = None,
    ) -> None:
        super().__init__(source, selection, columns, without_indexes(schema))
        self._description = description
        self._weights = weights
        self._order_chosen = order_chosen
        self._seed = seed

    @classmethod
    def of(cls, source: Source) -> View:
        """All rows and columns of a source."""
        return View(source, all_rows(source), {name: name for name in source.schema}, source.schema)

    def __reduce__(self) -> tuple[Any, ...]:
        few = self._start is not None or len(self) <= _FEW_ROWS
        if self._description is None or (few and self._all_stored and not self._weighs_many):
            return self.by_content()
        return restored, (self._description, of_rows(self))

    def by_content(self) -> tuple[Any, ...]:
        """What `__reduce__` gives where the rows are to be the same without a second run: their numbers."""
        rows: range | PackedRows
        if self._start is not None:
            rows = range(self._start, self._start + len(self))
        else:
            rows = PackedRows.of(self.indices)
        columns = {name: c if isinstance(c, str) else rows_of_column(c) for name, c in self._columns.items()}
        state = (self._source, rows, columns, self._schema, self.weights, self._order_chosen, self._seed)
        return _restore, state

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # it can't be changed

    # --- what it holds ------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self._columns)

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """float64 [len]: the weight that each row was drawn with, None if the view was not sampled.

        Worked out when it is first asked for.
        """
        if callable(self._weights):
            self._weights = self._weights()
        return self._weights

    @property
    def order_chosen(self) -> bool:
        """Whether the rows come in an order that the caller chose: ORDER BY, or indices out of order."""
        return self._order_chosen

    @property
    def description(self) -> Description | None:
        """What made the rows, by which a view of many rows pickles; None where only their numbers say which
        they are: an index list, weights that were given as numbers, a query with Python functions.
        """
        return self._description

    @property
    def seed(self) -> int | None:
        """The seed of the last query or draw that made this view; None for a dataset or a slice."""
        return self._seed

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} of {len(self):,} rows"]
        width = max((len(name) for name in self._columns), default=0)
        for name, field in self._schema.items():
            notes = [field.encoding] if field.encoding else []
            if field.type.class_names:
                notes.append(f"{len(field.type.class_names)} classes")
            lines.append(f"  {name:<{width}}  {field.type}" + (f"  ({', '.join(notes)})" if notes else ""))
        return "\n".join(lines)

    # --- values -------------------------------------------------------------------------------------------

    @overload
    def __getitem__(self, key: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice | Sequence[int] | NDArray[Any]) -> View: ...
    def __getitem__(self, key: Any) -> Any:
        """A column (by name), a row (by number) or a view (by slice, list or array of numbers, bool mask).

        Returns:
            For a name: an array [len, ...]; an object array of arrays where shapes differ, of str for text;
            a masked array where numbers are NULL. For a number: a dict of values. Else a View.

        Raises:
            UnknownColumnError: no column of that name.
            RowIndexError: a row out of range.
            ArgumentError: a key of another kind, or a mask of the wrong length.
        """
        if isinstance(key, str):
            self._check_column(key)
            own = self.array(key, 0, len(self))
            if own is not None:
                return own
            return column_array(self.read(key, "values", 0, len(self)), self._schema.type_of(key))
        if isinstance(key, int | np.integer) and not isinstance(key, bool | np.bool_):
            return self._row(position(int(key), len(self)))
        rows = positions(key, len(self))
        sliced = Sliced(described(self), range(*key.indices(len(self)))) if isinstance(key, slice) else None
        return self._at(rows, sliced)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows, one dict each."""
        for start in range(0, len(self), _ITERATED_ROWS):
            stop = min(start + _ITERATED_ROWS, len(self))
            values = [
                column_values(self.read(name, "values", start, stop), self._schema.type_of(name))
                for name in self._columns
            ]
            for row in zip(*values, strict=True):
                yield dict(zip(self._columns, row, strict=True))

    def to_pydict(self, names: bool = False) -> dict[str, list[Any]]:
        """All values as plain Python: the inverse of `tql.from_pydict`.

        Args:
            names: give the names of classes in place of their indices.

        Returns:
            Column to a list of len values: int, float, bool, str, bytes, lists of these, JSON values; None
            for NULL. `tql.from_pydict(view.to_pydict(), view.schema)` has the same rows.
        """
        from tql.loader.to_python import python_values

        return {
            name: python_values(self.read(name, "values", 0, len(self)), field.type, names)
            for name, field in self._schema.items()
        }

    # --- queries and draws --------------------------------------------------------------------------------

    def query(
        self,
        text: str,
        *,
        params: Sequence[Any] = (),
        sources: Mapping[str, Source] | None = None,
        seed: int | None = None,
        threads: int = 0,
        memory_limit: int | str | None = None,
    ) -> View:
        """The answer to a TQL query on the rows of this view.

        Args:
            text: the query. FROM may name one of `sources`, or the path of a dataset.
            params: values of `?`, left to right.
            sources: datasets and views by the names that FROM uses.
            seed: of SAMPLE BY and RANDOM; None takes a fresh one, which the answer keeps.
            threads: 0 means one per core. The answer does not depend on it.
            memory_limit: memory that the query may hold while it runs, in bytes or as "512MB" or "2GiB"; None
                for no limit. Rows and columns of arrays in memory do not count. See docs/memory.md.

        Raises:
            TQLError: for a mistake in the query; the subclass says which kind.
            MemoryLimitError: if the query would hold more than `memory_limit`.
        """
        from tql.loader.answer import run_query

        return run_query(
            text,
            self,
            sources=sources,
            params=params,
            seed=seed,
            threads=threads,
            memory_limit=memory_limit,
        )

    def explain(
        self,
        text: str,
        analyze: bool = False,
        format: str = "text",
        *,
        params: Sequence[Any] = (),
        sources: Mapping[str, Source] | None = None,
        memory_limit: int | str | None = None,
    ) -> str:
        """How a query would be run; with `analyze` it is run, and what was measured is added.

        Args:
            format: "text" for people, "json" for tools.
            memory_limit: of the run, as for `query`.
        """
        from tql.loader.answer import explain_query
        from tql.loader.plan_cache import prepare

        prepared = prepare(text, self, params, sources)
        return explain_query(prepared, analyze=analyze, format=format, memory_limit=memory_limit)

    def sample_by(
        self, weights: Weights, replace: bool = True, size: int | None = None, *, seed: int | None = None
    ) -> View:
        """A weighted random draw of rows.

        Args:
            weights: a TQL weight expression (`"max_weight(labels == 5: 10, true: 1)"`), a column or
                expression, or one number per row. In an expression a negative or NaN weight counts as 0.
            replace: draw independently. Otherwise every row comes at most once, and where fewer rows than
                asked have a positive weight all these come back, with a SampleWarning.
            size: how many rows; None means as many as the view has.
            seed: None takes a fresh one, which the view keeps.

        Raises:
            ArgumentError: weights of the wrong length or rank, negative, NaN, infinite or all zero; size < 0.
            TQLError: for a mistake in the expression.
        """
        wanted = check_size(size, len(self))
        values = resolve_weights(self, weights, wanted)
        wanted = drawn_rows(values, wanted, replace)
        seed = resolve_seed(seed)
        drawn_by = None
        if weighed_by(self, weights, wanted) is not None:
            drawn_by = Drawn(described(self), weights, bool(replace), wanted, seed)
        if replace and self._start == 0 and self._all_stored:
            chosen = _engine.draw_with_replacement(values, wanted, seed=seed)
            return View(
                self._source,
                chosen,
                self._columns,
                self._schema,
                weights=_weights_of(chosen),
                order_chosen=False,
                seed=seed,
                description=drawn_by,
            )
        draw = _engine.sample_with_replacement if replace else _engine.sample_without_replacement
        drawn = draw(values, wanted, seed=seed) if wanted else np.zeros(0, np.int64)
        return self._picked(drawn, values[drawn], order_chosen=False, seed=seed, description=drawn_by)

    def weights_for(self, expression: str) -> NDArray[np.float64]:
        """float64 [len], read-only: a TQL weight expression evaluated for each row."""
        from tql.loader.run import evaluate_weights

        return evaluate_weights(expression, self)

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, message: str | None = None
    ) -> Dataset:
        """Write these rows, in this order, as a new dataset in Deep Lake v3 format.

        Pictures that are stored one by one are copied as they are, without decoding. Computed columns become
        columns like others. A long copy shows a progress bar on a terminal.

        Args:
            path: a folder that is not there yet, or is empty.
            overwrite: delete the dataset that is there.
            message: of the commit that is made.

        Returns:
            The new dataset, opened for reading.

        Raises:
            DatasetExistsError: there is something already.
            ArgumentError: the view reads from the dataset that would be overwritten.
            UnsupportedError: a column of a type that the format has no tensor for.
        """
        from tql.loader.writing.copy_view import save_view

        return save_view(self, path, overwrite, message)

    def dataloader(self, seed: int = 0) -> DataLoader:
        """A loader over these rows, to be completed by `.shuffle()`, `.batch(...)`, `.pytorch()`."""
        from tql.loader.dataloader import DataLoader

        return DataLoader(self, seed=seed)

    def answered(
        self, planned: PlannedQuery, result: _engine.Result, seed: int, description: Description | None
    ) -> View:
        """The rows of this view that the run of a plan selected, under the plan's columns."""
        chosen = result.selection
        columns: dict[str, str | _engine.Column] = {}
        for output in planned.physical["output"]:
            name = output["name"]
            if output["from"] == "computed":
                columns[name] = result.columns[name]
                continue
            origin = self._columns[output.get("column", name)]
            columns[name] = origin if isinstance(origin, str) else origin.take(chosen.indices)
        sampled = chosen.weighted
        weights: LazyWeights = None
        if sampled:
            weights = _weights_of(chosen)
        elif self._weights is not None:
            weights = self._weights_at(chosen.indices)
        return View(
            self._source,
            self._compose(chosen),
            columns,
            planned.schema,
            weights=weights,
            order_chosen=planned.order_chosen or (self._order_chosen and not sampled),
            seed=seed,
            description=description,
        )

    # --- inside -------------------------------------------------------------------------------------------

    @property
    def _weighs_many(self) -> bool:
        return self._weights is not None and len(self) > _FEW_ROWS

    @property
    def _all_stored(self) -> bool:
        """No column is computed, so that none has to follow the rows."""
        return all(isinstance(origin, str) for origin in self._columns.values())

    def _check_column(self, name: str) -> None:
        if name not in self._columns:
            near = difflib.get_close_matches(name, self._columns, n=2)
            hint = "columns: " + ", ".join(self._columns)
            raise UnknownColumnError(f"no column named '{name}'", candidates=near, hint=hint)

    def _row(self, row: int) -> dict[str, Any]:
        return {
            name: column_values(self.read(name, "values", row, row + 1), self._schema.type_of(name))[0]
            for name in self._columns
        }

    def _at(self, rows: NDArray[np.int64], description: Description | None) -> View:
        """The rows at these positions; the caller chose their order if it is not the view's own."""
        weights = None if self._weights is None else self._weights_at(rows)
        return self._picked(rows, weights, self._order_chosen or not ascending(rows), self._seed, description)

    def _weights_at(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of a view that was sampled: the weights at these positions."""
        weights = self.weights
        assert weights is not None
        return weights[rows]

    def _picked(
        self,
        rows: NDArray[np.int64],
        weights: LazyWeights,
        order_chosen: bool,
        seed: int | None,
        description: Description | None,
    ) -> View:
        columns = {n: c if isinstance(c, str) else c.take(rows) for n, c in self._columns.items()}
        chosen = self._compose(selection_of(rows))
        return View(
            self._source,
            chosen,
            columns,
            self._schema,
            weights=weights,
            order_chosen=order_chosen,
            seed=seed,
            description=description,
        )


def _restore(
    source: Source,
    rows: range | PackedRows,
    columns: Mapping[str, str | Rows],
    schema: Schema,
    weights: NDArray[np.float64] | None,
    order_chosen: bool,
    seed: int | None,
) -> View:
    if isinstance(rows, range):
        selection = _engine.Selection.from_range(rows.start, rows.stop)
    else:
        selection = _engine.Selection.from_indices(rows.unpacked())
    own = {name: c if isinstance(c, str) else c.to_column() for name, c in columns.items()}
    return View(source, selection, own, schema, weights=weights, order_chosen=order_chosen, seed=seed)


def _weights_of(chosen: _engine.Selection) -> Callable[[], NDArray[np.float64] | None]:
    return lambda: chosen.weights
