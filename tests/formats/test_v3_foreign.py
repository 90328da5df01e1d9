"""Numbers that the engine does not compute with: complex ones, dates, long floats; from deeplake 3.9.52."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tql
from tql.errors import QueryTypeError, UnsupportedError
from v3_fixtures import ARCHIVES, assert_rows_equal

DAYS = np.array(["2020-01-01", "NaT"], "datetime64[D]")
ROWS: dict[str, list[Any]] = {
    "c64": list(np.array([[1 + 2j], [3j], [-1]], "complex64")),
    "c128": [np.array([[1 + 2j], [3j]]), np.array([[1 + 0j]]), np.zeros((0, 1), complex)],
    "seconds": list(np.array([["2020-01-01"], ["2021-02-03"], ["NaT"]], "datetime64[s]")),
    "days": [DAYS, DAYS, DAYS],
    "spans": list(np.array([[1], [-2], [3]], "timedelta64[ms]")),
    "long": list(np.array([[1], [-2], [3]], np.longdouble)),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with zipfile.ZipFile(ARCHIVES.parent / "v3_more.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "dtypes"


def same(found: Any, expected: list[Any]) -> None:
    assert [row.dtype for row in found] == [row.dtype for row in expected]
    assert [row.shape for row in found] == [row.shape for row in expected]
    assert [row.tobytes() for row in found] == [row.tobytes() for row in expected]


@pytest.mark.parametrize("name", [name for name in ROWS if name != "long"])
def test_values_come_as_they_were_stored(name: str, path: Path) -> None:
    ds = tql.load(path)
    same(ds[name], ROWS[name])
    same([ds[row][name] for row in range(3)], ROWS[name])
    same(ds[[2, 0, 1]][name], [ROWS[name][row] for row in (2, 0, 1)])
    same(ds.query("select * where n != 1")[name], [ROWS[name][0], ROWS[name][2]])
    same(pickle.loads(pickle.dumps(ds))[name], ROWS[name])


def test_batches(path: Path) -> None:
    (batch,) = tql.load(path).dataloader().batch(3).numpy()
    same(batch["c64"], ROWS["c64"])
    same(batch["c128"], ROWS["c128"])
    assert batch["days"] == [DAYS.tolist()] * 3  # a loader hands over dates as Python's


def test_columns_of_one_shape_are_one_array(path: Path) -> None:
    ds = tql.load(path)
    assert (ds["c64"].dtype, ds["c64"].shape) == (np.complex64, (3, 1))
    assert (ds["days"].dtype, ds["days"].shape) == (np.dtype("datetime64[D]"), (3, 2))
    assert str(ds.schema.type_of("seconds")) == "datetime64[s]"


@pytest.mark.skipif(np.dtype(np.longdouble).name != "float128", reason="the file was written with 128 bits")
def test_long_floats(path: Path) -> None:
    assert_rows_equal(list(tql.load(path)["long"]), ROWS["long"])


def test_sequences(path: Path) -> None:
    first, second = (np.array([day], "datetime64[s]") for day in ("2020-01-01", "2020-01-02"))
    rows = list(tql.load(path)["events"])
    assert [len(row) for row in rows] == [1, 0, 2]
    same(rows[0] + rows[2], [first, first, second])


@pytest.mark.parametrize(
    "query", ["where c64 == 1", "order by seconds", "where days[0] > 3", "where c128 + 1 > 2"]
)
def test_expressions_do_not_know_them(query: str, path: Path) -> None:
    with pytest.raises(QueryTypeError, match="raw bytes can be selected, but not used in expressions"):
        tql.load(path).query(f"select * {query}")


@pytest.mark.parametrize("dtype", ["datetime64[", "datetime64[parsec]", "complex64[3]", "complex192"])
def test_names_that_are_no_dtypes_here_hurt_only_their_column(dtype: str, path: Path) -> None:
    file = path / "c64" / "tensor_meta.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "dtype": dtype}))
    ds = tql.load(path)
    same(ds["c128"], ROWS["c128"])
    with pytest.raises(UnsupportedError, match="can't be read"):
        ds["c64"]
