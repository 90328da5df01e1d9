"""Datasets that deeplake wrote, with all that it keeps beside the values: we change them, it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tql
from tql.errors import UnsupportedError
from v3_fixtures import NAMES, unpack

WITHOUT_ROWS = {"empty_dataset", "empty_tensors", "damaged"}


@pytest.fixture
def leaves(peer: Any, tmp_path: Path) -> Iterator[None]:
    """The peer leaves the folder of the test, which is removed afterwards."""
    yield
    peer.chdir(str(Path(__file__).parent))


@pytest.mark.usefixtures("leaves")
@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_ROWS))
def test_they_go_on(name: str, peer: Any, tmp_path: Path) -> None:
    path = tmp_path / "ds"
    shutil.copytree(unpack(name, tmp_path) / "ds", path)
    ours = tql.load(path, read_only=False)
    tensors = ours.storage.describe()["columns"]
    whole = len({facts["rows"] for facts in tensors.values()}) == 1
    before, after = len(ours), len(ours)
    if whole:
        row = {column: _value(ours, column, before - 1) for column in tensors}
        ours.append(row)
        ours.append(row)
        ours.pop(0)
        after = before + 1
    ours.info["seen"] = name
    ours.commit("ours")
    ours.close()

    peer.chdir(str(tmp_path / name))  # links are relative to it
    peer.open(str(path))
    facts = peer.facts()
    assert facts["info"]["seen"] == name
    found = peer.read()
    if whole:
        assert {len(rows) for rows in found.values()} == {after}
    peer.commit("theirs") if facts["changed"] else None
    peer.close()
    assert len(tql.load(path)) == after


def _value(dataset: tql.Dataset, column: str, row: int) -> Any:
    """A value to write again, None where it can't be read here."""
    try:
        value = dataset.query(f'select "{column}"')[row][column]
    except UnsupportedError:
        return None
    return value or None if isinstance(value, str) else value
