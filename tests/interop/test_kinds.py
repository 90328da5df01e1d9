"""Every kind of tensor: we write, deeplake reads, appends, updates and commits, we read that, and so on."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

import tql
from interop.turns import check_ours, check_theirs
from written import KINDS, Model


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
    check_theirs(peer, path, model)

    peer.open(path)
    for _ in range(3):
        row = {name: kind.make(random)}
        peer.append(row)
        model.rows.append(row)
    if model.rows and not kind.sequence:
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
    check_theirs(peer, path, model)
    assert committed in tql.load(path).storage.versions.commits


@pytest.mark.parametrize("name", KINDS)
def test_turns_on_their_dataset(name: str, peer: Any, tmp_path: Path) -> None:
    """deeplake makes the dataset, with all the hidden tensors that it keeps."""
    kind, random = KINDS[name], Random(name)
    model = Model({name: kind})
    path = str(tmp_path / name)
    peer.empty(path)
    asked = {"sample_compression": None} if kind.options.get("htype") == "image" else {}
    peer.create_tensor(name, asked | kind.options)
    for _ in range(4):
        model.rows.append({name: kind.make(random)})
        peer.append(model.rows[-1])
    peer.close()

    with tql.load(path, read_only=False) as ours:
        for _ in range(10):
            model.edit(ours, random)
    ours.close()
    check_theirs(peer, path, model)

    peer.open(path)
    peer.commit("all of it")
    model.rows.append({name: kind.make(random)})
    peer.append(model.rows[-1])
    peer.close()
    with tql.load(path, read_only=False) as ours:
        for _ in range(6):
            model.edit(ours, random)
        ours.commit("ours", allow_empty=True)
    ours.close()
    check_ours(path, model)
    check_theirs(peer, path, model)

    peer.open(path)
    model.rows.append({name: kind.make(random)})
    peer.append(model.rows[-1])
    peer.commit("once more")
    peer.close()
    check_ours(path, model)
