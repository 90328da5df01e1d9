"""What FROM can name: sources that the caller gives, then paths of datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tql.errors import ArgumentError
from tql.loader.dataset import Dataset
from tql.loader.open import load, split_version
from tql.loader.source import Source
from tql.schema import Schema

_MEMBERS = ("schema", "num_rows", "partitions", "read", "take")


class NamedSources:
    """Finds sources by name, and gives the same data the same key: that of the first name it was found by.

    The bound source has the key "". Datasets are the same if their storage is; a path is what it leads to.

    Args:
        bound: what a SELECT without FROM runs on, None if there is nothing.
        given: the caller's sources by name.

    Raises:
        ArgumentError: if `given` holds something that is no source.
    """

    def __init__(self, bound: Source | None = None, given: Mapping[str, Source] | None = None) -> None:
        self._given = dict(given or {})
        for name, source in self._given.items():
            _check_source(name, source)
        self._keys: dict[Any, str] = {} if bound is None else {_identity(bound): ""}
        self._found: dict[str, tuple[str, Source]] = {}
        self._by_key: dict[str, Source] = {}

    @property
    def names(self) -> list[str]:
        """The names that the caller gave."""
        return list(self._given)

    def __call__(self, name: str) -> tuple[str, Schema] | None:
        """The key and the columns of the source of that name, None if there is none.

        Raises:
            DatasetNotFoundError, FormatError: the path exists, but no dataset can be read there.
        """
        if name not in self._found:
            source = self._given.get(name)
            if source is None:
                source = _opened(name)
            if source is None:
                return None
            key = self._keys.setdefault(_identity(source), name)
            self._found[name] = key, self._by_key.setdefault(key, source)
        key, source = self._found[name]
        return key, source.schema

    @property
    def asked(self) -> tuple[str, ...]:
        """The names that were found, in the order of asking."""
        return tuple(self._found)

    def source(self, key: str) -> Source:
        """The source of a key that is not that of the bound one."""
        return self._by_key[key]


def _opened(name: str) -> Source | None:
    return load(name) if split_version(name)[0].exists() else None


def _identity(source: Source) -> Any:
    """Equal for the same data: a dataset is its storage, and storage that knows says what it holds."""
    storage = source.storage if isinstance(source, Dataset) else source
    return getattr(storage, "identity", None) or id(storage)


def _check_source(name: Any, source: Any) -> None:
    if not isinstance(name, str):
        raise ArgumentError(f"the name of a source is a text, got {name!r}")
    if not all(hasattr(source, member) for member in _MEMBERS):
        raise ArgumentError(
            f"source '{name}' must be a dataset or a view, got {type(source).__name__}",
            hint="make one with tql.load, tql.from_numpy or tql.from_pydict",
        )
