"""What both sides have to find in a dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

import tql
from written import Model, check, same


def check_ours(path: str, model: Model, version: str | None = None) -> None:
    """This package reads what the model says."""
    check(tql.load(path, version), model)


def check_theirs(peer: Any, path: str, model: Model, version: str | None = None) -> None:
    """deeplake reads what the model says."""
    assert peer.open(path, version, True) == len(model.rows)
    found = peer.read()
    peer.close()
    for name, values in model.expected().items():
        for row, (got, want) in enumerate(zip(found[name], values, strict=True)):
            assert same(_plain(got, want), want), (name, row, got, want)


def _plain(value: Any, want: Any) -> Any:
    """It reads (H, W) where one channel was stored, and scalars without their axis."""
    if isinstance(want, np.ndarray) and np.size(value) == want.size:
        return np.asarray(value).reshape(want.shape)
    return value
