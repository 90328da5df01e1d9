"""Commits, branches and saved views as users see them."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import ArgumentError, DatasetNotFoundError, FormatError, QuerySyntaxError, UnsupportedError
from v3_fixtures import ARCHIVES, copy_of, load_json, unpack


@pytest.mark.parametrize("fixture", ["versions", "merged", "scalars"])
def test_commits_and_branches(fixture: str, tmp_path: Path) -> None:
    folder = unpack(fixture, tmp_path)
    expected = load_json(folder / "expected.json")
    ds = tql.load(folder / "ds")
    assert ds.branches == expected["branches"]
    committed = {id: facts for id, facts in expected["commits"].items() if facts["committed"]}
    versions = ds.versions()
    assert {version.id for version in versions} == set(committed)
    assert [version.time for version in versions] == sorted(version.time for version in versions)
    for version in versions:
        facts = committed[version.id]
        told = (version.parent, version.branch, version.message)
        assert told == (facts["parent"], facts["branch"], facts["message"])
        assert version.time.tzinfo is not None
        assert tql.load(folder / "ds", version=version.id).version == version.id


def test_data_in_memory_has_no_versions() -> None:
    ds = tql.from_numpy({"a": np.arange(3)})
    assert (ds.versions(), ds.branches, ds.views()) == ([], {}, [])
    with pytest.raises(ArgumentError, match="no saved view named 'v'"):
        ds.load_view("v")


def test_a_path_may_name_a_version(tmp_path: Path) -> None:
    folder = unpack("versions", tmp_path) / "ds"
    side = tql.load(f"{folder}@side")
    assert side.version == tql.load(folder, "side").version
    commit = side.versions()[0].id
    assert tql.load(f"{folder}@{commit}").version == commit
    assert len(tql.query(f'select * from "{folder}@side"')) == len(side)
    with pytest.raises(ArgumentError, match="no branch or commit named 'nowhere'"):
        tql.load(f"{folder}@nowhere")
    with pytest.raises(ArgumentError, match="two versions are named: 'side' and 'main'"):
        tql.load(f"{folder}@side", "main")
    with pytest.raises(DatasetNotFoundError, match="there is no folder"):
        tql.load(f"{folder}2@side")
    copy = copy_of(folder, tmp_path / "ds@side")
    assert tql.load(copy).version == tql.load(folder, "main").version


def test_saved_views(tmp_path: Path) -> None:
    folder = unpack("views", tmp_path)
    ds = tql.load(folder / "ds")
    expected = load_json(folder / "expected_views.json")
    assert [view.id for view in ds.views()] == ["stepped", "picked", "single", "sub", "copied"]
    assert ds.views()[0].message == "every third row"
    assert [view.copied for view in ds.views()] == [False] * 4 + [True]
    for name, tensors in expected.items():
        view = ds.load_view(name)
        assert view.columns == ("x", "y")
        for tensor, rows in tensors.items():
            wanted = np.array([rows] if name == "single" else rows, view[tensor].dtype)
            np.testing.assert_array_equal(view[tensor], wanted)


@pytest.fixture
def queried(tmp_path: Path) -> Path:
    """Written by deeplake 3.9.52: views of 20 rows, x the row number and labels that modulo 3."""
    with zipfile.ZipFile(ARCHIVES.parent / "v3_more.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "queries"


def test_a_saved_query_is_run_on_the_rows_that_were_saved_with_it(queried: Path) -> None:
    ds = tql.load(queried)
    assert [view.query for view in ds.views()][:2] == [
        "select * where labels == 2 order by x desc",
        "select x + 1 as y, labels",
    ]
    again = ds.load_view("again")  # of rows 3 to 14
    assert again["x"].ravel().tolist() == [14, 11, 8, 5]
    assert again["labels"].ravel().tolist() == [2] * 4
    computed = ds.load_view("computed")  # of rows 7, 2, 7
    assert computed.columns == ("y", "labels")
    assert computed["y"].ravel().tolist() == [8, 3, 8]


def test_rows_that_were_copied_are_not_asked_again(queried: Path) -> None:
    change_records(queried, "copied", {"tql_query": "select * where x == 4"})
    assert tql.load(queried).load_view("copied")["x"].ravel().tolist() == list(range(3, 15))


def test_a_saved_query_without_rows_is_run_on_all(queried: Path) -> None:
    shutil.rmtree(queried / ".queries" / "again")
    assert tql.load(queried).load_view("again")["x"].ravel().tolist() == [17, 14, 11, 8, 5, 2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        'select * from (select * from "{}")',
        'select * from "{}"',
        '(select *) union (select * from "{}")',
    ],
)
def test_a_saved_query_opens_nothing_else(text: str, queried: Path) -> None:
    if text:
        change_records(queried, "elsewhere", {"tql_query": text.format(queried)})
    with pytest.raises(UnsupportedError, match="the query of a saved view reads from elsewhere"):
        tql.load(queried).load_view("elsewhere")


def test_a_view_of_parts_of_values_goes_everywhere(tmp_path: Path) -> None:
    view = tql.load(unpack("views", tmp_path) / "ds").load_view("sub")
    assert str(view.schema.type_of("y")) == "float32[1]"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(view))["y"], view["y"])
    assert view.query("select * where shape(y)[0] = 1").indices.tolist() == list(range(6))
    batches = list(view.dataloader().batch(4).numpy())
    np.testing.assert_array_equal(np.concatenate([batch["y"] for batch in batches]), view["y"])


def test_parts_of_values_of_different_shapes(tmp_path: Path) -> None:
    folder = unpack("views", tmp_path) / "ds"
    with tql.load(folder, read_only=False) as ds:
        count = len(ds)
        ds.create_tensor("z", dtype="int16")
        ds.extend({"z": [np.arange(n % 4 * 2, dtype=np.int16).reshape(-1, 2) for n in range(count)]})
    ds.commit("z")
    ds.close()
    change_records(folder, "sub", {"source-dataset-version": ds.version})
    view = tql.load(folder).load_view("sub")
    assert [value.tolist() for value in view["z"]] == [[], [[0, 1]], [[0, 1]], [[0, 1]], [], [[0, 1]]]


def change_records(folder: Path, name: str, changes: dict[str, Any]) -> None:
    file = folder / "queries.json"
    records = json.loads(file.read_text())
    for record in records:
        if record["id"] == name:
            record.update(changes)
    file.write_text(json.dumps(records))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"path": "../../elsewhere"}, FormatError, "leaves the dataset"),
        ({"path": "nowhere"}, FormatError, "the file is missing"),
        ({"source-dataset-version": "f" * 40}, ArgumentError, "no branch or commit"),
        ({"sub-sample-index": [[1, 2]]}, UnsupportedError, "something else than a slice"),
        ({"sub-sample-index": [{"start": "a"}]}, FormatError, "a slice that is none"),
        ({"sub-sample-index": {"start": 1}}, FormatError, "not a list"),
        ({"tql_query": "select * form x"}, QuerySyntaxError, "form"),
    ],
)
def test_damaged_records(changes: dict[str, Any], error: type, message: str, tmp_path: Path) -> None:
    folder = unpack("views", tmp_path) / "ds"
    change_records(folder, "picked", changes)
    with pytest.raises(error, match=message):
        tql.load(folder).load_view("picked")


@pytest.mark.parametrize("text", ["[1]", "{}", "[", '[{"id": 3}]'])
def test_damaged_lists_of_views(text: str, tmp_path: Path) -> None:
    folder = unpack("views", tmp_path) / "ds"
    (folder / "queries.json").write_text(text)
    with pytest.raises(FormatError):
        tql.load(folder).views()


def test_rows_that_the_dataset_lacks_and_unknown_names(tmp_path: Path) -> None:
    folder = unpack("views", tmp_path) / "ds"
    with pytest.raises(ArgumentError) as caught:
        tql.load(folder).load_view("other")
    assert str(caught.value) == ("no saved view named 'other'\n  views: stepped, picked, single, sub, copied")
    (chunk,) = (folder / ".queries" / "picked" / "VDS_INDEX" / "chunks").iterdir()
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"\xff")
    with pytest.raises(FormatError, match="the view has row"):
        tql.load(folder).load_view("picked")
