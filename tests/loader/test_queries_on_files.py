"""Queries on stored datasets: answers, errors of damaged files, and reading from several threads."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tql
from tql.errors import FormatError, QueryRuntimeError, QueryTypeError
from v3_fixtures import assert_rows_equal, unpack


def test_labels_boxes_and_text(tmp_path: Path) -> None:
    labels = tql.load(unpack("class_label", tmp_path) / "ds")
    assert len(labels.query("select * where single == 'dog' or any(multi == 'car')")) <= len(labels)
    words = tql.load(unpack("embedding", tmp_path) / "ds")
    assert words.query("select * where id == 'row-0007'").indices.tolist() == [7]
    norms = np.linalg.norm(words["embedding"], axis=1)
    found = words.query("select * order by l2_norm(embedding) desc limit 5")
    assert found.indices.tolist() == np.argsort(-norms[: len(words)])[:5].tolist()
    assert found.order_chosen


def test_a_query_on_a_view_equals_a_query_on_a_copy_in_memory(tmp_path: Path) -> None:
    ds = tql.load(unpack("no_hidden", tmp_path) / "ds")
    view = ds[::-1][2:]
    copy = tql.from_numpy({"x": list(view["x"]), "text": list(view["text"])})
    text = "select x, shape(x)[0] as n where shape(x)[0] > 1"
    got, expected = view.query(text), copy.query(text)
    assert got.indices.tolist() == view.indices[expected.indices].tolist()
    assert got["n"].tolist() == expected["n"].tolist()
    assert_rows_equal(list(got["x"]), list(expected["x"]))


def test_a_damaged_chunk_met_by_a_query_is_a_format_error(tmp_path: Path) -> None:
    folder = unpack("no_hidden", tmp_path) / "ds"
    ds = tql.load(folder)
    for chunk in (folder / "x" / "chunks").iterdir():
        chunk.write_bytes(chunk.read_bytes()[:-3])
    assert len(ds.query("select * where shape(img)[0] > 25")) > 0
    with pytest.raises(FormatError) as caught:
        ds.query("select * where any(x > 0)")
    assert caught.value.message.startswith("damaged dataset: the items take ")


def test_errors_of_a_run_point_into_the_query(tmp_path: Path) -> None:
    ds = tql.from_numpy({"a": np.arange(5), "b": np.array([1, 1, 0, 1, 1])})
    with pytest.raises(QueryRuntimeError) as caught:
        ds.query("select * where a % b = 0")
    assert str(caught.value) == (
        "integer modulo by zero in row 2\n"
        "  line 1, column 16\n"
        "  select * where a % b = 0\n"
        "                 ^^^^^"
    )


def test_a_column_that_cannot_be_read_cannot_be_queried(tmp_path: Path) -> None:
    folder = unpack("bbox", tmp_path) / "ds"
    meta = folder / "polygons" / "tensor_meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "dtype": "complex64"}))
    ds = tql.load(folder)
    assert "polygons" in ds.query("select * where shape(boxes)[0] > 1").columns
    with pytest.raises(QueryTypeError, match="raw bytes can be selected"):
        ds.query("select * where any(polygons > 1)")


def test_polygons_are_queried(tmp_path: Path) -> None:
    ds = tql.load(unpack("bbox", tmp_path) / "ds")
    wanted = [row for row, polygons in enumerate(ds["polygons"]) if any((p > 49).any() for p in polygons)]
    assert wanted and ds.query("select * where any(polygons > 49)").indices.tolist() == wanted


def test_threads_read_the_same_rows(tmp_path: Path) -> None:
    ds = tql.load(unpack("lz4", tmp_path) / "ds")
    alone = {name: repr(ds[name]) for name in ds.columns}
    fresh = tql.load(tmp_path / "lz4" / "ds")
    with ThreadPoolExecutor(8) as pool:
        jobs = [(name, pool.submit(lambda n=name: repr(fresh[n]))) for name in list(ds.columns) * 4]
        for name, job in jobs:
            assert job.result() == alone[name]
