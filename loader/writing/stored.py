"""Rows of a tensor on disk in the form in which they are stored: to be copied without decoding."""

from __future__ import annotations

from tql.loader.sources.v3.files import Folder
from tql.loader.sources.v3.source import V3Source
from tql.loader.storage.journal import overlay
from tql.loader.storage.local import LocalStore
from tql.loader.writing.opening import open_tensor
from tql.loader.writing.stored_item import StoredItem


class StoredTensor:
    """The rows of one tensor of a source.

    Args:
        source: the dataset.
        name: of the tensor.

    Raises:
        FormatError: if an index is damaged.
    """

    def __init__(self, source: V3Source, name: str) -> None:
        folder = Folder(source.path)
        commit = source.commit
        folder = folder.under(overlay(folder.read_or_none, commit.folder))
        key = source.meta.tensors[name]
        store = LocalStore(source.path)
        self._tensor = open_tensor(store, folder, source.versions, commit, name, key)
        self._dtype = source.tensor(name).meta.dtype
        self._is_sequence = source.tensor(name).meta.is_sequence

    def row(self, number: int) -> StoredItem | list[StoredItem]:
        """One row: an item, or the items of a row of a sequence tensor."""
        start, stop = self._tensor.items(number)
        items = [StoredItem(self._tensor.chunks.piece(item), self._dtype) for item in range(start, stop)]
        return items if self._is_sequence else items[0]
