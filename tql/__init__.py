"""Tensor Query Language: compile it, run it at memory speed, stream the rows into training.

    import tql

    ds = tql.load("path/to/dataset")
    view = ds.query("select * where labels != 5")
    loader = view.dataloader().shuffle().batch(64).pytorch()

Public names are loaded on first use, so `import tql` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "load": "tql.api",
    "empty": "tql.api",
    "read": "tql.api",
    "link": "tql.api",
    "ingest_folder": "tql.api",
    "ingest_table": "tql.api",
    "from_numpy": "tql.api",
    "from_pydict": "tql.api",
    "query": "tql.api",
    "explain": "tql.api",
    "compile": "tql.api",
    "release_memory": "tql.api",
    "CompiledQuery": "tql.api",
    "Dataset": "tql.loader.dataset",
    "WritableDataset": "tql.loader.writing.dataset",
    "View": "tql.loader.view",
    "DataLoader": "tql.loader.dataloader",
    "Schema": "tql.schema",
    "Field": "tql.schema",
    "Type": "tql.types",
    "class_label": "tql.column_type",
    "embedding": "tql.column_type",
    "text": "tql.column_type",
    "register_function": "tql.registered",
    "unregister_function": "tql.registered",
    "TQLError": "tql.errors",
    "errors": "tql",
    "transforms": "tql",
}

__all__ = sorted([*_HOME, "__version__"])

if TYPE_CHECKING:
    from tql import errors as errors
    from tql import transforms as transforms
    from tql.api import CompiledQuery as CompiledQuery
    from tql.api import compile as compile
    from tql.api import empty as empty
    from tql.api import explain as explain
    from tql.api import from_numpy as from_numpy
    from tql.api import from_pydict as from_pydict
    from tql.api import ingest_folder as ingest_folder
    from tql.api import ingest_table as ingest_table
    from tql.api import link as link
    from tql.api import load as load
    from tql.api import query as query
    from tql.api import read as read
    from tql.api import release_memory as release_memory
    from tql.column_type import class_label as class_label
    from tql.column_type import embedding as embedding
    from tql.column_type import text as text
    from tql.errors import TQLError as TQLError
    from tql.loader.dataloader import DataLoader as DataLoader
    from tql.loader.dataset import Dataset as Dataset
    from tql.loader.view import View as View
    from tql.loader.writing.dataset import WritableDataset as WritableDataset
    from tql.registered import register_function as register_function
    from tql.registered import unregister_function as unregister_function
    from tql.schema import Field as Field
    from tql.schema import Schema as Schema
    from tql.types import Type as Type


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'tql' has no attribute {name!r}")
    if home == "tql":
        value: Any = importlib.import_module(f"tql.{name}")
    else:
        try:
            value = getattr(importlib.import_module(home), name)
        except ModuleNotFoundError as error:
            if error.name == "tql._engine":
                raise ImportError("the compiled engine of tql is missing: run `make build`") from None
            raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
