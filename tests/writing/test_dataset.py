"""The dataset that can be written to: what its users rely on."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tql
from tql.errors import ArgumentError, UnknownColumnError


@pytest.fixture
def dataset(tmp_path: Path) -> tql.WritableDataset:
    made = tql.empty(tmp_path / "ds")
    made.create_tensor("x", dtype="int64")
    made.create_tensor("label", htype="class_label", class_names=["cat", "dog"])
    made.extend({"x": range(4), "label": ["cat", "dog", "bird", 0]})
    return made


def test_reading_shows_what_was_written(dataset: tql.WritableDataset) -> None:
    assert len(dataset) == 4
    assert dataset["x"].tolist() == [[0], [1], [2], [3]]
    assert dataset["label"].tolist() == [[0], [1], [2], [0]]
    assert dataset.schema["label"].type.class_names == ("cat", "dog", "bird")
    assert dataset.query("select * where label = 'bird'").indices.tolist() == [2]


def test_views_keep_the_rows_that_they_were_made_of(dataset: tql.WritableDataset) -> None:
    views = [dataset[:], dataset.query("select * where x > 0")]
    groups = dataset.query("select label[0] as label, x group by label[0]")
    rows = iter(dataset)
    loader = dataset.dataloader().batch(10).numpy()
    dataset[1].update(x=100)
    dataset.pop(0)
    dataset.extend({"x": range(1000), "label": [0] * 1000})
    dataset.commit("much")
    dataset.append({"x": -1, "label": "cat"})
    assert views[0]["x"].tolist() == [[0], [1], [2], [3]]
    assert views[1]["x"].tolist() == [[1], [2], [3]]
    assert [group["x"].ravel().tolist() for group in groups] == [[0, 3], [1], [2]]
    assert [row["x"].item() for row in rows] == [0, 1, 2, 3]
    assert [batch["x"].ravel().tolist() for batch in loader] == [[0, 1, 2, 3]]
    assert len(dataset) == 1004
    assert dataset["x"][[0, -1]].tolist() == [[100], [-1]]


def test_replaced_chunks_go_when_nothing_reads_them(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    view = dataset[:]
    chunks = tmp_path / "ds" / "x" / "chunks"
    before = set(chunks.iterdir())
    dataset[0].update(x=9)
    assert before <= set(chunks.iterdir())
    del view
    _ = dataset["x"]
    dataset.append({"x": 1, "label": 1})
    assert len(list(chunks.iterdir())) <= 2
    dataset.close()


def test_rows_can_be_changed_in_every_way_that_reads_well(dataset: tql.WritableDataset) -> None:
    dataset[0].update({"x": 10})
    dataset[-1].update(x=40, label="dog")
    dataset[1]["x"] = 20
    row = dataset[2]
    row |= {"x": 30}
    assert row["x"].tolist() == [30]
    assert dataset["x"].tolist() == [[10], [20], [30], [40]]
    assert dataset["label"].tolist() == [[0], [1], [2], [1]]
    with pytest.raises(ArgumentError, match="a row has a value for every tensor"):
        del row["x"]


def test_a_batch_is_on_disk_at_its_end(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    with dataset:
        dataset.append({"x": 4, "label": 0})
        assert len(tql.load(tmp_path / "ds")) == 4
        dataset.flush()
        assert len(tql.load(tmp_path / "ds")) == 5
        dataset.append({"x": 5, "label": 0})
    assert len(tql.load(tmp_path / "ds")) == 6


def test_a_batch_that_fails_keeps_its_complete_rows(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), dataset:
        dataset.append({"x": 4, "label": 0})
        raise ZeroDivisionError
    assert tql.load(tmp_path / "ds")["x"].ravel().tolist() == [0, 1, 2, 3, 4]


def test_extend_adds_all_or_nothing(dataset: tql.WritableDataset) -> None:
    many = [*range(50_000), "no number"]
    with pytest.raises(
        ArgumentError, match="tensor 'x' can't take row 50004: not an array of numbers: 'no number'"
    ):
        dataset.extend({"x": many, "label": ["new"] * len(many)})
    assert len(dataset) == 4
    assert dataset.schema["label"].type.class_names == ("cat", "dog", "bird")
    dataset.append({"x": 4, "label": "newer"})
    assert dataset["x"].ravel().tolist() == [0, 1, 2, 3, 4]
    assert dataset.schema["label"].type.class_names == ("cat", "dog", "bird", "newer")


def test_extend_goes_back_over_many_chunks(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "many")
    dataset.create_tensor("x", dtype="float64", max_chunk_size=4000)
    dataset.extend({"x": np.arange(1000.0)})
    big = [np.zeros(1_000_000)] * 200 + ["bad"]
    with pytest.raises(ArgumentError):
        dataset.extend({"x": [np.zeros(1)] * 3000 + ["bad"]})
    with pytest.raises(ArgumentError):
        dataset.extend({"x": big[-3:]})
    dataset.append({"x": 7.0})
    assert dataset["x"].ravel().tolist() == [*range(1000), 7.0]


def test_tensors_made_later_are_filled_alone(dataset: tql.WritableDataset) -> None:
    dataset.create_tensor("note", htype="text")
    assert len(dataset) == 0
    with pytest.raises(ArgumentError, match="different numbers of rows: 'label' 4, 'note' 0"):
        dataset.append({"x": 1, "label": 0, "note": "a"})
    dataset.extend({"note": ["a", "b", "c", "d"]})
    assert dataset["note"].tolist() == ["a", "b", "c", "d"]
    assert len(dataset) == 4


def test_info_is_written_through(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    dataset.info["title"] = "T"
    dataset.info.update(size=3)
    assert dict(dataset.info) == {"title": "T", "size": 3}
    del dataset.info["size"]
    assert tql.load(tmp_path / "ds").info == {"title": "T"}
    with pytest.raises(ArgumentError, match="without a JSON form"):
        dataset.info["bad"] = object()


def test_commits_and_branches(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="a branch starts at a commit"):
        dataset.checkout("side", create=True)
    first = dataset.commit("first")
    with pytest.raises(ArgumentError, match="nothing to commit"):
        dataset.commit("again")
    dataset.checkout("side", create=True)
    assert dataset.branch == "side"
    dataset.pop()
    dataset.checkout("main")
    assert len(dataset) == 4
    dataset.checkout(first)
    with pytest.raises(ArgumentError, match="can't be changed"):
        dataset.append({"x": 1, "label": 0})
    dataset.checkout("side")
    assert len(dataset) == 3
    assert len(tql.load(tmp_path / "ds", "side")) == 3
    assert set(dataset.branches) == {"main", "side"}
    with pytest.raises(ArgumentError, match="no branch or commit named 'nowhere'"):
        dataset.checkout("nowhere")


def test_files_are_stored_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 9, 3), np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(pixels).save(jpeg, "jpeg", quality=40)
    (tmp_path / "a.jpg").write_bytes(jpeg.getvalue())
    Image.fromarray(pixels).save(tmp_path / "a.png")
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("image", htype="image", sample_compression="jpeg")
    for value in (tql.read(tmp_path / "a.jpg"), jpeg.getvalue(), tql.read(tmp_path / "a.png"), pixels):
        dataset.append({"image": value})
    assert dataset.stored_bytes("image", 0) == jpeg.getvalue() == dataset.stored_bytes("image", 1)
    assert dataset[2]["image"].shape == (12, 9, 3)
    with pytest.raises(ArgumentError, match=r"image can't be opened .*: tql.read\('.*x.jpg'\)"):
        (tmp_path / "x.jpg").write_bytes(b"no picture")
        dataset.append({"image": tql.read(tmp_path / "x.jpg")})
    with pytest.raises(ArgumentError, match="there is no file"):
        tql.read(tmp_path / "nothing.jpg")


def test_a_pickled_dataset_reads(dataset: tql.WritableDataset) -> None:
    again = pickle.loads(pickle.dumps(dataset))
    assert type(again) is tql.Dataset
    assert again["x"].tolist() == dataset["x"].tolist()


def test_large_values_are_cut_into_tiles(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", dtype="uint8")
    large = np.random.default_rng(0).integers(0, 255, (5000, 4001), np.uint8)
    dataset.extend({"x": [large[:5], large, large[:7]]})
    assert len(list((tmp_path / "ds" / "x" / "chunks").iterdir())) == 4
    rows: list[Any] = list(dataset["x"])
    assert [row.shape for row in rows] == [(5, 4001), (5000, 4001), (7, 4001)]
    np.testing.assert_array_equal(rows[1], large)


def test_a_million_numbers_take_no_python_per_row(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", dtype="float32", create_id_tensor=False)
    values = np.arange(1_000_000, dtype="float32")
    dataset.extend({"x": values})
    np.testing.assert_array_equal(dataset["x"][:, 0], values)
    chunk = next((tmp_path / "ds" / "x" / "chunks").iterdir())
    assert chunk.stat().st_size == 4_000_000 + 7 + 8 + 8 + 4 + 12


def test_the_first_value_decides_where_no_htype_was_given(tmp_path: Path) -> None:
    dataset = tql.empty(tmp_path / "ds")
    for name in ("text", "json", "number"):
        dataset.create_tensor(name)
    dataset.append({"text": "a", "json": {"a": 1}, "number": 2})
    types = {name: column["htype"] for name, column in dataset.describe()["columns"].items()}
    assert types == {"text": "text", "json": "json", "number": "generic"}
    assert dataset[0] == {"text": "a", "json": {"a": 1}, "number": np.array([2])}


def test_no_folder_of_a_store_needs_a_real_disk(real_disk: None, tmp_path: Path) -> None:
    with tql.empty(tmp_path / "new" / "ds") as dataset:
        dataset.create_tensor("x", dtype="int8")
        dataset.append({"x": 1})
    dataset.commit("one")
    assert tql.load(tmp_path / "new" / "ds")["x"].tolist() == [[1]]


def test_a_dataset_without_version_tree_gets_one(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    dataset.close()
    (tmp_path / "ds" / "version_control_info.json").unlink()
    again = tql.load(tmp_path / "ds", read_only=False)
    first = again.commit("first")
    again.pop()
    again.commit("second")
    again.close()
    assert len(tql.load(tmp_path / "ds", first)) == 4
    (tmp_path / "ds" / "version_control_info.json").unlink()
    assert len(tql.load(tmp_path / "ds")) == 3  # the commits' own files tell the tree


def test_tensors_are_renamed_and_deleted(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    first = dataset.commit("first")
    view = dataset[:]
    dataset.rename_tensor("x", "y")
    dataset.delete_tensor("label")
    assert dataset.columns == ("y",) and view["label"].tolist() == [[0], [1], [2], [0]]
    dataset.create_tensor("x", htype="text")  # its folder can't be that of the renamed one
    dataset.create_tensor("label", htype="sequence[text]")
    dataset.extend({"x": list("abcd"), "label": [["a"], [], None, ["b", "c"]]})
    dataset[0].update(y=7, x="z")
    dataset.delete_tensor("label")
    dataset.create_tensor("label", dtype="int8")
    dataset.extend({"label": range(4)})
    dataset.pop(1)
    again = tql.load(tmp_path / "ds")
    assert again["y"].tolist() == [[7], [2], [3]]
    assert again["x"].tolist() == ["z", "c", "d"]
    assert again["label"].tolist() == [[0], [2], [3]]
    assert tql.load(tmp_path / "ds", first)["label"].tolist() == [[0], [1], [2], [0]]
    for act in (lambda: dataset.rename_tensor("nothing", "a"), lambda: dataset.delete_tensor("nothing")):
        with pytest.raises(UnknownColumnError, match="no tensor named 'nothing'"):
            act()
    with pytest.raises(ArgumentError, match="there is a tensor 'x' already"):
        dataset.rename_tensor("y", "x")
    with pytest.raises(ArgumentError, match="a tensor stays in its group: 'y' can't become 'g/y'"):
        dataset.rename_tensor("y", "g/y")


def test_facts_about_tensors(dataset: tql.WritableDataset, tmp_path: Path) -> None:
    dataset.tensor_info("label")["class_names"] = ["kitten", "puppy", "chick"]
    dataset.tensor_info("x").update(unit="m")
    dataset.append({"x": 4, "label": "puppy"})
    assert dataset["label"][-1].tolist() == [1]
    again = tql.load(tmp_path / "ds")
    assert again.schema["label"].type.class_names == ("kitten", "puppy", "chick")
    assert again.tensor_info("x") == {"unit": "m"}
    with pytest.raises(ArgumentError, match="class_names is a list of texts"):
        dataset.tensor_info("label")["class_names"] = "ab"
    with pytest.raises(UnknownColumnError):
        dataset.tensor_info("nothing")


def test_the_callers_array_may_change_after_the_call(tmp_path: Path) -> None:
    """A buffer that is filled anew for each `extend`, nothing being on disk before the batch ends."""
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", dtype="int64")
    dataset.create_tensor("small", dtype="int64", max_chunk_size=64)
    dataset.create_tensor("wide", htype="embedding")
    buffer, wide = np.zeros(50, np.int64), np.zeros((50, 3), np.float32)
    with dataset:
        for number in range(5):
            buffer[:], wide[:] = number, number
            dataset.extend({"x": buffer, "small": buffer, "wide": wide})
        dataset.append({"x": buffer[0], "small": buffer[:1], "wide": wide[0]})
        buffer[:], wide[:] = -1, -1
    wanted = np.append(np.repeat(np.arange(5), 50), 4)
    for name in ("x", "small", "wide"):
        np.testing.assert_array_equal(dataset[name][:, 0], wanted)
