"""Parquet and CSV files through pyarrow: their columns as tensors and values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tql.errors import ArgumentError, MissingDependencyError
from tql.loader.images import ImageError, describe_image
from tql.loader.writing.casting import DTYPES

_ROWS = 4096


def open_table(path: Path) -> tuple[Any, int | None, Iterator[Any]]:
    """The schema of a table file, its number of rows where it tells it, and its rows in batches.

    Raises:
        ArgumentError: no such file, or one of another kind.
        MissingDependencyError: pyarrow is not installed.
    """
    if not path.is_file():
        raise ArgumentError(f"there is no file '{path}'")
    try:
        import pyarrow as pa
        from pyarrow import csv, parquet
    except ImportError:
        raise MissingDependencyError(
            "reading tables needs the package pyarrow", hint="install it: pip install tql[arrow]"
        ) from None
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            file = parquet.ParquetFile(path)
            batches = file.iter_batches(batch_size=_ROWS)
            return file.schema_arrow, file.metadata.num_rows, _readable(batches, path, pa.ArrowException)
        if path.suffix.lower() in (".csv", ".tsv"):
            options = csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            reader = csv.open_csv(path, parse_options=options)
            return reader.schema, None, _readable(reader, path, pa.ArrowException)
    except pa.ArrowException as error:
        raise _unreadable(path, error) from None
    raise ArgumentError(f"not a table: '{path}'", hint="a table is a .parquet, .csv or .tsv file")


def _readable(batches: Any, path: Path, failure: type[Exception]) -> Iterator[Any]:
    """Batches, at least one: a file without rows has columns all the same."""
    iterator, empty = iter(batches), True
    while True:
        try:
            batch = next(iterator, None)
        except failure as error:
            raise _unreadable(path, error) from None
        if batch is None:
            break
        empty = False
        yield batch
    if empty:
        import pyarrow as pa

        schema = getattr(batches, "schema", None)
        if schema is not None:
            yield pa.RecordBatch.from_pylist([], schema=schema)


def _unreadable(path: Path, error: Exception) -> ArgumentError:
    reason = str(error).split("\n")[0]
    return ArgumentError(f"can't read the table '{path}': {reason[:1].lower()}{reason[1:]}")


class TableColumn:
    """A column of a table: the tensor that takes it, and its values.

    Args:
        field: its name and Arrow type.
    """

    def __init__(self, field: Any) -> None:
        self.name: str = field.name
        self._type = field.type

    def options(self, batch: Any) -> dict[str, Any]:
        """Arguments of `create_tensor`, the first rows telling pictures from other bytes.

        Raises:
            ArgumentError: a type that has no counterpart.
        """
        import pyarrow as pa

        type_ = self._type
        if pa.types.is_dictionary(type_):
            return {"htype": "class_label"}
        if pa.types.is_struct(type_) or pa.types.is_map(type_):
            return {"htype": "json"}
        if _is_binary(type_):
            codec = _codec(batch.column(self.name))
            if codec is None:
                raise ArgumentError(
                    f"column '{self.name}' holds bytes that are no pictures: no tensor takes them"
                )
            return {"htype": "image", "sample_compression": codec}
        if _is_list(type_):
            inner = type_.value_type
            while _is_list(inner):
                inner = inner.value_type
            if str(inner).replace("double", "float64") in _NUMBERS:
                return {"htype": "generic", "dtype": _NUMBERS[str(inner)]}
            return {"htype": "list"}
        if str(type_) in _NUMBERS:
            return {"htype": "generic", "dtype": _NUMBERS[str(type_)]}
        return {"htype": "text"}

    def values(self, batch: Any) -> Any:
        """The rows of a batch as `extend` takes them."""
        import pyarrow as pa

        column = batch.column(self.name)
        if str(self._type) in _NUMBERS and column.null_count == 0:
            return column.to_numpy(zero_copy_only=False)
        if _is_list(self._type) and str(self._type.value_type) in _NUMBERS:
            return _arrays(column)
        rows = column.to_pylist()
        if pa.types.is_map(self._type):
            return [None if row is None else dict(row) for row in rows]
        known = _is_list(self._type) or _is_binary(self._type) or pa.types.is_nested(self._type)
        if known or str(self._type) in _NUMBERS:
            return rows
        return [row if row is None or isinstance(row, str) else str(row) for row in rows]


_NUMBERS = {
    **{name: name for name in DTYPES}, "double": "float64", "float": "float32", "halffloat": "float16",
}  # fmt: skip


def _is_list(type_: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    )


def _arrays(column: Any) -> Any:
    """Lists of numbers as arrays: one array [rows, n] where that is their type, else one for each row."""
    import pyarrow as pa

    items = column.flatten()
    if items.null_count:
        return column.to_pylist()
    values = items.to_numpy(zero_copy_only=False)
    if column.null_count == 0 and pa.types.is_fixed_size_list(column.type):
        return values.reshape(len(column), column.type.list_size)
    sizes = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    ends = sizes.cumsum().tolist()
    present = column.is_valid().to_numpy(zero_copy_only=False).tolist()
    starts = [0, *ends[:-1]]
    return [
        values[start:end] if valid else None for start, end, valid in zip(starts, ends, present, strict=True)
    ]


def _is_binary(type_: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))


def _codec(column: Any) -> str | None:
    """The format of the first picture of a column, None if it is none."""
    first = next((value.as_py() for value in column if value.is_valid), None)
    if first is None:
        return None
    try:
        return describe_image(first)[0]
    except ImageError:
        return None
