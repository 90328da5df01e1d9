"""Every kind of tensor: we write, deeplake reads, appends, updates and commits, we read that, and so on."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from written import KINDS, Kind, Model, check, same

import tql


@pytest.mark.parametrize("name", KINDS)
def test_turns(name: str, peer: Any, tmp_path: Path) -> None:
    kind, random = KINDS[name], Random(name)
    model = Model({name: kind})
    path = str(tmp_path / name)
    with tql.empty(path) as ours:
        model.create(ours)
        for _ in range(12):
            model.edit(ours, random)
    ours.close()
    check_peer(peer, path, model)

    peer.open(path)
    for _ in range(3):
        row = {name: kind.make(random)}
        peer.append(row)
        model.rows.append(row)
    if model.rows and not kind.sequence and name not in NO_UPDATES:
        value = kind.make(random)
        peer.update(1, {name: value})
        model.rows[1] = {name: value}
    committed = peer.commit("by deeplake")
    peer.close()
    check_ours(path, model)

    with tql.load(path, read_only=False) as ours:
        for _ in range(8):
            model.edit(ours, random)
        ours.commit("ours", allow_empty=True)
        for _ in range(4):
            model.edit(ours, random)
    ours.close()
    check_ours(path, model)
    check_peer(peer, path, model)
    assert committed in tql.load(path).storage.versions.commits


NO_UPDATES = ()


def check_ours(path: str, model: Model) -> None:
    readable = {name: kind for name, kind in model.kinds.items() if not kind.unread}
    check(tql.load(path), Model(readable, model.rows))


def check_peer(peer: Any, path: str, model: Model) -> None:
    assert peer.open(path, None, True) == len(model.rows)
    found = peer.read()
    for name, values in model.expected().items():
        kind = model.kinds[name]
        for row, (got, want) in enumerate(zip(found[name], values, strict=True)):
            assert same(_plain(got, kind, want), want), (name, row, got, want)


def _plain(value: Any, kind: Kind, want: Any) -> Any:
    """What deeplake reads, where it has another form for the same."""
    if isinstance(want, np.ndarray):
        return np.asarray(value).reshape(want.shape) if np.size(value) == want.size else value
    return value
