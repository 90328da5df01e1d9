"""Views saved as datasets, folders and tables ingested, and both on the command line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tql
from media_files import HTYPES, media_files
from tql.cli.commands import tql as command
from tql.errors import ArgumentError, DatasetExistsError, UnsupportedError
from tql.loader.sources.v3.meta import IMAGE_CODECS
from tql.loader.to_numpy import column_values
from tql.loader.writing.stored import StoredTensor
from v3_fixtures import assert_values_equal, unpack


@pytest.mark.parametrize(
    "name", ["scalars", "class_label", "text_json_list", "images", "lz4", "tiled", "bbox"]
)
def test_a_copy_has_the_same_rows(name: str, tmp_path: Path) -> None:
    original = tql.load(unpack(name, tmp_path) / "ds")
    view = original.query(f"select {_readable(original)}")
    copy = view.save(tmp_path / "copy")
    assert copy.columns == view.columns and len(copy) == len(view)
    for column in copy.columns:
        assert copy.schema.type_of(column).element == view.schema.type_of(column).element
        mine = column_values(copy.read(column, "values", 0, len(copy)), copy.schema.type_of(column))
        theirs = column_values(view.read(column, "values", 0, len(view)), view.schema.type_of(column))
        encoding = view.schema[column].encoding
        for a, b in zip(mine, theirs, strict=True):
            _assert_same(a, b)
        if encoding in IMAGE_CODECS and original.storage.tensor(column).meta.sample_codec:
            stored = zip(_stored(copy, column), _stored(view, column), strict=True)
            assert all(a == b for a, b in stored if b is not None)


def _readable(dataset: tql.Dataset) -> str:
    columns = dataset.describe()["columns"]
    return ", ".join(f'"{name}"' for name, facts in columns.items() if facts["readable"])


def _stored(view: tql.View, column: str) -> list[bytes | None]:
    return [_stored_row(view, column, row) for row in range(len(view))]


def _stored_row(view: tql.View, column: str, row: int) -> bytes | None:
    try:
        return view.stored_bytes(column, row)
    except UnsupportedError:  # in tiles, or a strip of pictures
        return None


def _assert_same(a: Any, b: Any) -> None:
    if not isinstance(b, np.ndarray):
        assert_values_equal(a, b, 0)
    elif b.size == 0:
        assert np.size(a) == 0
    else:
        np.testing.assert_array_equal(a, b)


QUERIES = {
    "select * order by n desc": [4, 3, 2, 1, 0],
    "select * where n != 1": [0, 2, 3, 4],
    "select x as first, n, x as second limit 2": [0, 1],
    "select x, n from (select * where n > 0) order by n desc limit 2": [4, 3],
    "select *, n + 1 as more where n = 2": [2],
    "select * where n = 99": [],
}


def _jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (9, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "jpeg")
    return out.getvalue()


@pytest.mark.parametrize("codec", ["jpeg", *HTYPES])
def test_files_are_carried_as_they_are(codec: str, tmp_path: Path) -> None:
    """Whatever rows and columns a query selects: the bytes of a file are those of the source."""
    if codec == "jpeg":
        files: list[bytes | None] = [_jpeg(0), _jpeg(1), None, _jpeg(3), _jpeg(4)]
    else:
        for package in ("av", "laspy", "nibabel", "pydicom"):
            pytest.importorskip(package)
        files = [media_files()[codec][0], None] * 2 + [None]
    htype = HTYPES.get(codec, "image")
    with tql.empty(tmp_path / "ds") as dataset:
        dataset.create_tensor("x", htype=htype, sample_compression=codec)
        dataset.create_tensor("s", htype=f"sequence[{htype}]", sample_compression=codec)
        dataset.create_tensor("n", dtype="int32")
        dataset.extend({"x": files, "s": [[f for f in files[:n] if f] for n in range(5)], "n": range(5)})
    dataset.close()
    source = tql.load(tmp_path / "ds")
    for number, (query, order) in enumerate(QUERIES.items() if codec == "jpeg" else [*QUERIES.items()][:2]):
        view = source.query(query)
        copy = view.save(tmp_path / f"copy{number}")
        assert copy["n"].ravel().tolist() == order
        for column in {"x", "first", "second"} & set(view.columns):
            meta = copy.storage.tensor(column).meta
            assert (meta.htype, meta.sample_codec) == (htype, codec)
            assert [copy.stored_bytes(column, row) or None for row in range(len(copy))] == [
                files[n] for n in order
            ]
        if "s" in view.columns and order:
            stored = StoredTensor(copy.storage, "s")
            found = [[bytes(item.piece.data) for item in stored.row(row)] for row in range(len(copy))]
            assert found == [[f for f in files[:n] if f] for n in order]
    arguments = ["copy", str(tmp_path / "ds"), str(tmp_path / "cli"), "--query", "select x where n < 3"]
    assert CliRunner().invoke(command, arguments, catch_exceptions=False).exit_code == 0
    assert [tql.load(tmp_path / "cli").stored_bytes("x", row) or None for row in range(3)] == files[:3]


def test_answers_are_saved_in_their_order(tmp_path: Path) -> None:
    data = tql.from_pydict(
        {"a": [3, 1, 2, None], "t": ["x", "y", "z", "w"], "v": [[1.0], [], [2.0, 3.0], [4.0]]}
    )
    saved = data.query("select a, a * 2 as twice, t, v order by a desc limit 3").save(tmp_path / "saved")
    assert saved["a"].ravel().tolist() == [3, 2, 1]
    assert saved["twice"].ravel().tolist() == [6, 4, 2]
    assert saved["t"].tolist() == ["x", "z", "y"]
    assert [row.tolist() for row in saved["v"]] == [[1.0], [2.0, 3.0], []]
    assert saved.storage.versions.resolve("main").parent is not None


def test_a_view_is_not_saved_over_what_it_reads(tmp_path: Path) -> None:
    with tql.empty(tmp_path / "ds") as dataset:
        dataset.create_tensor("x", dtype="int8")
        dataset.extend({"x": [1, 2, 3]})
    dataset.close()
    opened = tql.load(tmp_path / "ds")
    for overwrite in (False, True):
        with pytest.raises(ArgumentError, match="over the dataset that it reads from"):
            opened.save(tmp_path / "ds", overwrite=overwrite)
    with pytest.raises(ArgumentError, match="over the dataset that it reads from"):
        opened.query("select x[0] group by x[0]").save(tmp_path / "ds", overwrite=True)
    assert len(tql.load(tmp_path / "ds")) == 3


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("daisy/1.jpg", "daisy/2.JPEG", "rose/red/1.jpg", "rose/notes.txt", ".hidden/1.jpg"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("txt"):
            path.write_text("no picture")
        else:
            Image.fromarray(rng.integers(0, 255, (8, 9, 3), np.uint8)).save(path, "jpeg")
    return tmp_path / "pictures"


def test_class_folders(pictures: Path, tmp_path: Path) -> None:
    dataset = tql.ingest_folder(pictures, tmp_path / "ds")
    assert dataset.schema["labels"].type.class_names == ("daisy", "rose/red")
    assert dataset["labels"].ravel().tolist() == [0, 0, 1]
    assert dataset.stored_bytes("images", 2) == (pictures / "rose/red/1.jpg").read_bytes()
    with pytest.raises(ArgumentError, match="there is no folder"):
        tql.ingest_folder(tmp_path / "nothing", tmp_path / "other")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ArgumentError, match="there are no pictures below"):
        tql.ingest_folder(tmp_path / "bare", tmp_path / "other")
    assert not (tmp_path / "other").exists()
    (pictures / "daisy" / "3.jpg").write_bytes(b"broken")
    with pytest.raises(ArgumentError, match=r"image can't be opened .*daisy/3.jpg"):
        tql.ingest_folder(pictures, tmp_path / "other")


def test_tables(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    picture = tmp_path / "p.png"
    Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(picture)
    table = pa.table(
        {
            "i": pa.array([1, 2, 3], pa.int16()),
            "f": [0.5, None, 1.5],
            "b": [True, False, True],
            "t": ["a", None, "ü"],
            "v": [[1.0, 2.0], [], [3.0]],
            "w": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
            "u": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.float32(), 2)),
            "n": pa.array([[1], None, []], pa.list_(pa.int16())),
            "s": [{"k": 1}, {"k": None}, None],
            "c": pa.array(["x", "y", "x"]).dictionary_encode(),
            "d": pa.array([0, 1, 2], pa.date32()),
            "p": [picture.read_bytes()] * 3,
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    dataset = tql.ingest_table(tmp_path / "t.parquet", tmp_path / "ds")
    assert dataset["i"].dtype == np.int16 and dataset["i"].ravel().tolist() == [1, 2, 3]
    assert [row.tolist() for row in dataset["f"]] == [[0.5], [], [1.5]]
    assert dataset["b"].ravel().tolist() == [True, False, True]
    assert dataset["t"].tolist() == ["a", "", "ü"]
    assert [row.tolist() for row in dataset["v"]] == [[1.0, 2.0], [], [3.0]]
    assert [row.tolist() for row in dataset["w"]] == [[1, 2], [], [3, 4]]
    assert dataset["u"].dtype == np.float32 and dataset["u"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert [row.tolist() for row in dataset["n"]] == [[1], [], []] and dataset["n"][0].dtype == np.int16
    assert dataset["s"].tolist() == [{"k": 1}, {"k": None}, {}]
    assert dataset.schema["c"].type.class_names == ("x", "y")
    assert dataset["d"].tolist() == ["1970-01-01", "1970-01-02", "1970-01-03"]
    assert dataset.stored_bytes("p", 1) == picture.read_bytes()

    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n")
    csv = tql.ingest_table(tmp_path / "t.csv", tmp_path / "csv")
    assert csv["a"].ravel().tolist() == [1, 2] and csv["b"].tolist() == ["x", "y"]
    for name, message in (("nothing.csv", "there is no file"), ("p.png", "not a table")):
        with pytest.raises(ArgumentError, match=message):
            tql.ingest_table(tmp_path / name, tmp_path / "other")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ArgumentError, match="can't read the table"):
        tql.ingest_table(tmp_path / "bad.parquet", tmp_path / "other")


def test_the_command_line(pictures: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(command, ["ingest", str(pictures), str(tmp_path / "ds")], catch_exceptions=False)
    assert made.output == f"3 rows written to {tmp_path / 'ds'}\n"
    query = "select * where labels = 'daisy'"
    arguments = ["copy", str(tmp_path / "ds"), str(tmp_path / "daisies"), "--query", query]
    assert runner.invoke(command, arguments, catch_exceptions=False).output.startswith("2 rows written")
    assert tql.load(tmp_path / "daisies")["labels"].ravel().tolist() == [0, 0]
    assert isinstance(runner.invoke(command, arguments).exception, DatasetExistsError)
    assert runner.invoke(command, [*arguments, "--overwrite"]).exit_code == 0
