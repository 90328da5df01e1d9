"""A dataset that can be written to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError
from tql.loader.dataset import Dataset
from tql.loader.rows import position
from tql.loader.source import Source
from tql.loader.view import View
from tql.loader.writing.creation import NewTensor
from tql.loader.writing.documents import dump_document
from tql.loader.writing.session import Session

if TYPE_CHECKING:
    from tql.loader.dataloader import DataLoader


class _Present:
    """An attribute that views have, of the dataset's state after all writes so far."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, dataset: WritableDataset | None, owner: type) -> Any:
        if dataset is None:
            return self
        dataset._catch_up()
        return dataset.__dict__[self._name]

    def __set__(self, dataset: WritableDataset, value: Any) -> None:
        dataset.__dict__[self._name] = value


class WritableDataset(Dataset):
    """A dataset on disk, open for writing: everything that a `Dataset` can, and what is below.

    Each write is on disk when the call returns; within `with ds:` they are collected and brought to disk at
    the
    end, or by `flush`. Reading shows all writes so far. A view that was made before keeps the rows that it
    was
    made of. One process at a time writes to a branch; it holds the format's lock until `close`, or until it
    ends.

    Args:
        session: what writes the files.
    """

    _source: Any = _Present()
    _selection: Any = _Present()
    _columns: Any = _Present()
    _schema: Any = _Present()
    _start: Any = _Present()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shown = -1
        self._catch_up()

    def __reduce__(self) -> tuple[Any, ...]:
        return Dataset, (self._source,)

    def __len__(self) -> int:
        return self._session.num_rows()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows as they are at the beginning, one dict each."""
        return iter(self.present())

    def present(self) -> Dataset:
        """The dataset as it is now, whatever is written later."""
        return Dataset(self._source)

    def dataloader(self, seed: int = 0) -> DataLoader:
        """A loader over the rows as they are now, to be completed as that of a view."""
        return self.present().dataloader(seed)

    # --- tensors ------------------------------------------------------------------------------------------

    def create_tensor(
        self,
        name: str,
        htype: str | None = None,
        dtype: Any = None,
        *,
        sample_compression: str | None = None,
        chunk_compression: str | None = None,
        class_names: Sequence[str] | None = None,
        max_chunk_size: int | None = None,
        tiling_threshold: int | None = None,
        properties: Mapping[str, Any] | None = None,
        create_id_tensor: bool = True,
    ) -> None:
        """Add a tensor (a column) without rows.

        Args:
            name: its name; "left/images" lies in the group "left".
            htype: what its values are: "image", "class_label", "bbox", "text", "json", "embedding", ...;
                "sequence[...]" for rows that are lists of such values, "link[...]" for paths to them. None
                lets the first value decide between "text", "json" and "generic".
            dtype: of the elements, "float32" say; None takes that of the htype, or of the first value.
            sample_compression: codec of each value: "jpeg", "png", ..., "lz4".
            chunk_compression: codec of whole chunks; one of the two.
            class_names: names of the classes of a class_label or segment_mask.
            max_chunk_size: bytes that a chunk may have, 16,000,000 if None.
            tiling_threshold: bytes from which a value is cut into tiles, 16,000,000 if None; -1 for never.
            properties: further facts of the htype, as `{"coords": {"type": "pixel", "mode": "LTRB"}}` of a
                bbox.
            create_id_tensor: whether each row gets an id, by which deeplake can merge branches.

        Raises:
            ArgumentError: a name that is taken or can't be one; an unknown htype, dtype or compression, or
                ones
                that don't go together.
        """
        new = NewTensor(
            name=name,
            htype=htype,
            dtype=None if dtype is None else _dtype_name(dtype),
            sample_compression=sample_compression,
            chunk_compression=chunk_compression,
            class_names=class_names,
            max_chunk_size=max_chunk_size,
            tiling_threshold=tiling_threshold,
            properties=properties,
            with_ids=create_id_tensor,
        )
        self._session.change(lambda head: head.create_tensor(new))

    def rename_tensor(self, name: str, new_name: str) -> None:
        """Give a tensor another name, in the same group.

        Raises:
            ArgumentError: a name that is taken, can't be one, or lies in another group.
            UnknownColumnError: no tensor of that name.
        """
        self._session.change(lambda head: head.rename_tensor(name, new_name))

    def delete_tensor(self, name: str) -> None:
        """Take a tensor out of the head of this branch, with all its rows; commits keep it.

        Raises:
            UnknownColumnError: no tensor of that name.
        """
        self._session.change(lambda head: head.delete_tensor(name))

    # --- rows ---------------------------------------------------------------------------------------------

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row at the end; all of it or, if there is an error, nothing.

        Args:
            row: a value for every tensor: an array, a number, a text, a list, what JSON can say, the name of
                a
                class, `tql.read(path)` or the bytes of a picture; None for no value.

        Raises:
            ArgumentError: a tensor without a value, or a value that its tensor can't hold.
            UnknownColumnError: a value for a tensor that does not exist.
        """
        self._session.change(lambda head: head.append(row))

    def extend(self, columns: Mapping[str, Any]) -> None:
        """Add rows at the end, given by columns; all of them or, if there is an error, none.

        Args:
            columns: for every tensor, its values: an array [n, ...] or a sequence of n values as for
                `append`.
                Where some tensors have fewer rows than others, one that was created later for instance, these
                may be filled alone.

        Raises:
            ArgumentError: columns of unequal length, and everything that `append` refuses.
        """
        self._session.change(lambda head: head.extend(columns))

    def pop(self, row: int = -1) -> None:
        """Take a row out; those behind it move up.

        Raises:
            RowIndexError: a row out of range.
        """
        number = position(row, len(self))
        self._session.change(lambda head: head.pop(number))

    def update_row(self, row: int, values: Mapping[str, Any]) -> None:
        """Put values in place of those of a row, as `ds[row].update(values)` does."""
        number = position(row, len(self))
        self._session.change(lambda head: head.update(number, values))

    @overload  # type: ignore[override]  # a row that can be changed in place of a dict
    def __getitem__(self, key: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, key: int) -> Row: ...
    @overload
    def __getitem__(self, key: slice | Sequence[int] | NDArray[Any]) -> View: ...
    def __getitem__(self, key: Any) -> Any:
        """As of a view; a row can be changed: `ds[3].update({"labels": 5})`, `ds[3]["labels"] = 5`."""
        if isinstance(key, int | np.integer) and not isinstance(key, bool | np.bool_):
            number = position(int(key), len(self))
            return Row(self, number, None if self._session.dirty else self._source)
        return super().__getitem__(key)

    # --- facts --------------------------------------------------------------------------------------------

    @property
    def info(self) -> Info:
        """Facts about the dataset, any that JSON can say; what is assigned is written."""
        return Info(self._session)

    def tensor_info(self, name: str) -> Info:
        """Facts about a tensor, its class names or the form of its boxes say; what is assigned is written.

        Raises:
            UnknownColumnError: no tensor of that name.
        """
        return Info(self._session, name)

    @property
    def branch(self) -> str:
        """The branch that is written to, or that the commit which is looked at belongs to."""
        return self._session.commit.branch

    # --- versions -----------------------------------------------------------------------------------------

    def commit(self, message: str | None = None, *, allow_empty: bool = False) -> str:
        """Keep the present state for good.

        Returns:
            The id of the commit, for `tql.load(path, version=id)`.

        Raises:
            ArgumentError: nothing was changed since the last commit (unless `allow_empty`).
        """
        return self._session.commit_changes(message, allow_empty)

    def checkout(self, version: str, create: bool = False) -> None:
        """Go to a branch, to write to it, or to a commit, to read it.

        Changes that are not committed stay on their branch.

        Args:
            version: name of a branch or id of a commit.
            create: start a new branch of that name here, at the last commit.

        Raises:
            ArgumentError: there is no such branch or commit; with `create`, there is one, or there are
                changes
                that are not committed.
            DatasetLockedError: another process writes to the branch.
        """
        if create:
            self._session.create_branch(version)
        else:
            self._session.flush()
            self._session.go_to(version)

    # --- bringing it to disk ------------------------------------------------------------------------------

    def flush(self) -> None:
        """Bring to disk what was written within `with ds:`.

        Raises:
            StorageError: the file system refused. The dataset is then as it was after the last flush, on disk
                and for this object.
        """
        self._session.flush()

    def close(self) -> None:
        """Bring everything to disk and let others write. Reading goes on to work."""
        self._catch_up()
        self._session.end("ds.close() was called")

    def __enter__(self) -> WritableDataset:
        self._session.begin_batch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever ended the batch: rows that were added completely are kept."""
        self._session.end_batch()

    def _catch_up(self) -> None:
        if self._shown == self._session.state:
            return
        self._shown = self._session.state
        super().__init__(self._session.source())


class Row(Mapping[str, Any]):
    """One row of a dataset that can be written to: its values by tensor; assigning writes.

    Values are read when they are asked for: changing one tensor of a row reads nothing. They are those that
    the row had when it was taken out of the dataset, or was last updated by this object; of a row that was
    taken out between writes of a batch, those that it has when the first one is asked for.

    Args:
        dataset: whose row it is.
        number: which one.
        source: the rows as they are now, None to ask for them later.
    """

    def __init__(self, dataset: WritableDataset, number: int, source: Source | None) -> None:
        self._dataset = dataset
        self._number = number
        self._source = source
        self._read: dict[str, Any] | None = None

    def update(self, *values: Any, **more: Any) -> None:
        """Write values in place of these: `row.update({"labels": 5})` or `row.update(labels=5)`.

        Raises:
            ArgumentError: a value that its tensor can't hold; nothing is changed then.
            UnknownColumnError: no tensor of that name.
        """
        self._dataset.update_row(self._number, dict(*values, **more))
        self._source = self._read = None

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __ior__(self, values: Any) -> Row:
        self.update(values)
        return self

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def __delitem__(self, name: str) -> None:
        raise ArgumentError("a row has a value for every tensor", hint="None stands for no value")

    @property
    def _values(self) -> dict[str, Any]:
        if self._read is None:
            present = self._dataset.present() if self._source is None else Dataset(self._source)
            self._read = dict(present[self._number])
        return self._read


class Info(MutableMapping[str, Any]):
    """Facts about a dataset or a tensor; what is assigned is written.

    Args:
        session: what writes them.
        tensor: whose facts they are, None for those of the dataset.
    """

    def __init__(self, session: Session, tensor: str | None = None) -> None:
        self._session = session
        self._tensor = tensor
        self._facts()

    def __getitem__(self, name: str) -> Any:
        return self._facts()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, *values: Any, **more: Any) -> None:
        """Write several facts at once.

        Raises:
            ArgumentError: a name that is no text, or a value that JSON can't say.
        """
        new = dict(*values, **more)
        for name, value in new.items():
            if not isinstance(name, str):
                raise ArgumentError(f"the name of a fact is a text, not {name!r:.60}")
            dump_document(value)
        self._change({**self._facts(), **new})

    def __delitem__(self, name: str) -> None:
        facts = dict(self._facts())
        del facts[name]
        self._change(facts)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._facts()))

    def __len__(self) -> int:
        return len(self._facts())

    def __repr__(self) -> str:
        return repr(self._facts())

    def _facts(self) -> dict[str, Any]:
        return self._session.info(self._tensor)

    def _change(self, facts: dict[str, Any]) -> None:
        self._session.change(lambda head: head.set_info(facts, self._tensor))


def _dtype_name(dtype: Any) -> str:
    try:
        return str(np.dtype(dtype).name) if not isinstance(dtype, str) else dtype
    except TypeError:
        raise ArgumentError(f"not a dtype: {dtype!r:.60}") from None


def open_for_writing(path: str | os.PathLike[str], version: str | None) -> WritableDataset:
    """The dataset at a path, which holds one."""
    return WritableDataset(Session(path, version))
